//! The forms in which sub-commands tell what they have found, and how they end where they were given what cannot be used.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::ValueEnum;

/// How a process ends whose manifests cannot be used.
const UNUSABLE: u8 = 2;

/// A form of what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Tells mistakes in manifests.
pub fn unusable(mistakes: impl IntoIterator<Item = impl Display>) -> io::Result<ExitCode> {
    for mistake in mistakes {
        writeln!(io::stderr(), "{} {mistake}", console::style("error:").red().bold().for_stderr())?;
    }
    Ok(ExitCode::from(UNUSABLE))
}
