//! What has just happened, as lines for people: what the demo did, and what Kubernetes events told.

use console::{Alignment, Style, measure_text_width, pad_str, style};
use jiff::Timestamp;

use super::scene::clock_time;

/// How wide the reason of an event is, so that notes stand below each other.
const REASON: usize = 14;
/// Under this column the text of a line goes on where there is room for that.
const INDENT: usize = 28;
/// The same on a narrow terminal.
const NARROW_INDENT: usize = 10;

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The demo did something that a user or a misfortune would do.
    Action {
        /// When.
        at: Timestamp,
        /// What.
        text: String,
    },
    /// A Kubernetes event.
    Event {
        /// When.
        at: Timestamp,
        /// About which object, for example `TrafficShift checkout`.
        about: String,
        /// Whether somebody should look.
        warning: bool,
        /// In one word.
        reason: String,
        /// In words.
        note: String,
    },
}

impl News {
    /// The news as lines of at most so many columns.
    pub fn lines(&self, columns: usize) -> Vec<String> {
        let (at, head, text) = match self {
            Self::Action { at, text } => (at, style("▶").bold(), bold(text)),
            Self::Event { at, about, warning, reason, note } => {
                let look = look(reason, *warning);
                let reason_padded = pad_str(reason, REASON, Alignment::Left, None);
                let text = format!("{} {note}{}", look.apply_to(reason_padded), aside(about, *warning));
                (at, style(mark(reason, *warning)).bold(), text)
            }
        };
        let time = style(clock_time(*at)).dim();
        let indent = if columns >= INDENT * 3 { INDENT } else { NARROW_INDENT };
        wrap(&format!("{time}  {head}  {text}"), columns.max(NARROW_INDENT * 3), indent)
    }
}

/// Each word by itself, so that a line may end behind any of them.
fn bold(text: &str) -> String {
    text.split(' ').map(|word| style(word).bold().to_string()).collect::<Vec<_>>().join(" ")
}

/// The object of an event, unless that goes without saying: all is about one shift, and its route says what is live.
fn aside(about: &str, warning: bool) -> String {
    let clear = about.starts_with("TrafficShift ") || (about.starts_with("WeightedRoute ") && !warning);
    if clear { String::new() } else { format!(" ({})", about.replace(' ', "\u{a0}")) }
}

fn mark(reason: &str, warning: bool) -> &'static str {
    match (reason, warning) {
        (_, true) => "!",
        ("Succeeded", _) => "✓",
        _ => "·",
    }
}

fn look(reason: &str, warning: bool) -> Style {
    match (reason, warning) {
        (_, true) => Style::new().yellow().bold(),
        ("Succeeded", _) => Style::new().green().bold(),
        _ => Style::new().cyan(),
    }
}

/// Breaks a line between words; what follows is indented. Words are never cut.
fn wrap(line: &str, columns: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut current, mut width) = (String::new(), 0);
    for word in line.split(' ') {
        let word_width = measure_text_width(word);
        if width > indent && width + 1 + word_width > columns {
            lines.push(std::mem::replace(&mut current, " ".repeat(indent)));
            width = indent;
        } else if !current.is_empty() {
            current.push(' ');
            width += 1;
        }
        current.push_str(word);
        width += word_width;
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::{News, wrap};

    #[test]
    fn long_lines_go_on_under_their_text() {
        let lines = wrap("10:00:00  ·  Paused blue 95, green 5 until the command resume is given", 40, 10);
        assert_eq!(
            lines,
            ["10:00:00  ·  Paused blue 95, green 5", "          until the command resume is", "          given"]
        );
    }

    #[test]
    fn an_event_says_when_what_and_about_whom() {
        let told = |about: &str| News::Event {
            at: "2026-11-21T10:00:05.5Z".parse().unwrap(),
            about: about.to_owned(),
            warning: true,
            reason: "Stalled".to_owned(),
            note: "it is not there".to_owned(),
        };
        let line = |about: &str| console::strip_ansi_codes(&told(about).lines(120)[0]).into_owned();
        assert_eq!(line("TrafficShift checkout"), "10:00:05  !  Stalled        it is not there");
        assert_eq!(line("Environment red"), "10:00:05  !  Stalled        it is not there (Environment\u{a0}red)");
    }
}
