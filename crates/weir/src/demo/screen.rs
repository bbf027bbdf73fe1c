//! The demo on a terminal: news scroll by above a panel that is drawn anew in its place.
//!
//! Nothing but the cursor is hidden, and it comes back when the screen is dropped; what was told stays in the
//! terminal's own history.

use std::fmt::Write as _;
use std::io;

use console::Term;

use super::news::News;
use super::panel;
use super::scene::Scene;

/// From the cursor to the end of its line.
const CLEAR_LINE: &str = "\x1b[K";
/// From the cursor to the end of the screen.
const CLEAR_REST: &str = "\x1b[J";

/// A terminal with a panel at its end.
pub struct Screen {
    term: Term,
    /// How many lines of the panel stand above the cursor.
    drawn: usize,
    panel: Vec<String>,
}

impl Screen {
    /// Takes the terminal.
    pub fn new(term: Term) -> io::Result<Self> {
        term.hide_cursor()?;
        Ok(Self { term, drawn: 0, panel: Vec::new() })
    }

    /// Tells a piece of news above the panel.
    pub fn tell(&mut self, news: &News) -> io::Result<()> {
        let mut lines = news.lines(self.columns());
        if matches!(news, News::Action { .. }) {
            lines.insert(0, String::new());
        }
        self.draw(&lines)
    }

    /// Draws the present moment.
    pub fn show(&mut self, scene: &Scene) -> io::Result<()> {
        self.panel = panel::lines(scene, self.columns());
        self.draw(&[])
    }

    /// Leaves the panel as it is and writes below it from now on.
    pub fn leave(&mut self) {
        self.drawn = 0;
        self.panel.clear();
    }

    /// Writes a text above the panel as it is.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        self.draw(&lines)
    }

    /// One column is left free, so that no terminal breaks a line that is full.
    fn columns(&self) -> usize {
        usize::from(self.term.size().1).saturating_sub(1).max(20)
    }

    /// Writes all in one piece, so that nothing flickers. A panel higher than the terminal is cut at its end.
    fn draw(&mut self, above: &[String]) -> io::Result<()> {
        let rows = usize::from(self.term.size().0).saturating_sub(1).max(1);
        let panel = &self.panel[..self.panel.len().min(rows)];
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A", self.drawn);
        }
        text.push('\r');
        for line in above.iter().chain(panel) {
            text.push_str(line);
            text.push_str(CLEAR_LINE);
            text.push('\n');
        }
        text.push_str(CLEAR_REST);
        self.drawn = panel.len();
        self.term.write_str(&text)?;
        self.term.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone cannot be restored, and need not be.
        let _ = self.term.show_cursor();
    }
}
