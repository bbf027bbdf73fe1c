//! Where the demo is shown: drawn on a terminal, or as plain lines.

use std::io::{self, Write};

use super::news::News;
use super::plain::Plain;
use super::scene::Scene;
use super::screen::Screen;

/// Where the demo is shown.
pub enum Show<W> {
    /// On a terminal.
    Screen(Screen),
    /// As lines.
    Plain(Plain<W>),
}

impl<W: Write> Show<W> {
    /// Tells a piece of news.
    pub fn tell(&mut self, news: &News) -> io::Result<()> {
        match self {
            Self::Screen(screen) => screen.tell(news),
            Self::Plain(plain) => plain.tell(news),
        }
    }

    /// Shows the present moment.
    pub fn show(&mut self, scene: &Scene) -> io::Result<()> {
        match self {
            Self::Screen(screen) => screen.show(scene),
            Self::Plain(plain) => plain.show(scene),
        }
    }

    /// Writes a text as it is.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Screen(screen) => screen.line(text),
            Self::Plain(plain) => plain.line(text),
        }
    }

    /// The moment has passed: what was shown stays, and more is written below it.
    pub fn leave(&mut self) {
        match self {
            Self::Screen(screen) => screen.leave(),
            Self::Plain(_) => {}
        }
    }
}
