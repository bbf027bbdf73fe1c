//! What a page tells its reader to type: the commands of its console blocks, and what is shown after them.

use std::fs;

use super::places;

/// A command of a page, and what the page shows after it.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) shown: String,
}

impl Step {
    /// A command, whatever it shows.
    pub(crate) fn new(command: impl Into<String>) -> Self {
        Self { command: command.into(), shown: String::new() }
    }

    /// The words of the command line, without the quotes around them.
    pub(crate) fn words(&self) -> Vec<String> {
        let (mut words, mut quoted) = (vec![String::new()], false);
        for letter in self.command.chars() {
            match letter {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                letter => words.last_mut().expect("there is always one").push(letter),
            }
        }
        words
    }
}

/// The commands below a heading, up to the next one of its rank.
pub(crate) fn steps(page: &str, heading: &str) -> Vec<Step> {
    let text = fs::read_to_string(places::top().join(page)).unwrap();
    let rank = heading.split(' ').next().unwrap_or_default();
    let section = text.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("{page} has no {heading}"));
    let section = section.split(&format!("\n{rank} ")).next().unwrap_or_default();
    let mut steps: Vec<Step> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        let mut goes_on = false;
        for line in block.split("```").next().unwrap_or_default().lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step::new(command));
            } else {
                let step = steps.last_mut().expect("a block begins with a command");
                let text = if goes_on { &mut step.command } else { &mut step.shown };
                text.push_str(if goes_on { "\n" } else { "" });
                text.push_str(line);
                text.push_str(if goes_on { "" } else { "\n" });
            }
            goes_on = line.ends_with('\\');
        }
    }
    assert!(!steps.is_empty(), "{page}, {heading}: there are commands");
    steps
}

/// A text without ages and the width of columns, which depend on the moment.
pub(crate) fn plain(text: &str) -> String {
    let is_age = |word: &str| word.starts_with(|first: char| first.is_ascii_digit()) && word.ends_with(['s', 'm', 'h']);
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().map(|word| if is_age(word) { "AGE" } else { word }).collect();
        words.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
