//! What the process says about itself on standard error, as lines for people or as JSON for machines.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line
    Json,
    /// Lines for people
    Pretty,
}

/// What is logged, and how.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "the comments are the help that is printed")]
#[command(next_help_heading = "Logging")]
pub struct Logging {
    /// What to log: a level (error, warn, info, debug, trace), or levels by module, such as
    /// info,weir_controller=debug
    #[arg(long = "log", env = "WEIR_LOG", value_name = "FILTER", default_value = DEFAULT)]
    filter: String,

    /// How log lines look; by default pretty on a terminal and json elsewhere
    #[arg(long = "log-format", env = "WEIR_LOG_FORMAT", value_name = "FORMAT", value_enum)]
    format: Option<Format>,
}

/// What is said by default: libraries would tell once more, and less well, what Weir tells itself.
const DEFAULT: &str = "info,aws_config=error,kube_client=off";

/// The filter is not one.
#[derive(Debug, Error)]
#[error(
    "--log: found {filter:?}, which is no log filter ({cause}); expected something like info or info,weir_aws=debug"
)]
pub struct BadFilter {
    filter: String,
    cause: tracing_subscriber::filter::ParseError,
}

/// Starts logging, for the rest of the process.
pub fn start(arguments: &Logging) -> Result<(), BadFilter> {
    let filter =
        EnvFilter::try_new(&arguments.filter).map_err(|cause| BadFilter { filter: arguments.filter.clone(), cause })?;
    let on_terminal = io::stderr().is_terminal();
    let format = arguments.format.unwrap_or(if on_terminal { Format::Pretty } else { Format::Json });
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        Format::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
        Format::Pretty => lines.with_ansi(on_terminal && console::colors_enabled_stderr()).with_target(false).init(),
    }
    Ok(())
}
