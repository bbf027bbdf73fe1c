//! What the process says about itself on standard error, as lines for people or as JSON for machines.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
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
    /// What to log: a level (off, error, warn, info, debug, trace), or also levels by module, such as
    /// info,weir_controller=debug
    #[arg(long = "log", env = "WEIR_LOG", value_name = "FILTER", default_value = "info", value_parser = filter)]
    filter: String,

    /// How log lines look; by default pretty on a terminal and json elsewhere
    #[arg(long = "log-format", env = "WEIR_LOG_FORMAT", value_name = "FORMAT", value_enum)]
    format: Option<Format>,
}

/// Libraries that would tell once more, and less well, what Weir tells itself. Who wants to hear them names them.
const QUIET: &str = "aws_config=error,kube_client=off,kube_runtime=off";

/// What a level may be.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Reads what is to be logged. A word alone is a level: taken for a module, a misspelt one would silence everything.
fn filter(text: &str) -> Result<String, String> {
    let is_known = |directive: &str| {
        directive.contains(['=', '[']) || LEVELS.iter().any(|level| level.eq_ignore_ascii_case(directive))
    };
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    let stranger = directives.iter().find(|directive| !is_known(directive));
    let filter = directives.join(",");
    let wrong = match (stranger, EnvFilter::try_new(&filter)) {
        (Some(stranger), _) => format!("{stranger:?} is no level"),
        (None, Err(cause)) => cause.to_string(),
        (None, Ok(_)) => return Ok(filter),
    };
    let levels = LEVELS.join(", ");
    Err(format!("{wrong}; expected one of {levels}, also by module, such as info or info,weir_controller=debug"))
}

/// Starts logging, for the rest of the process.
pub fn start(arguments: &Logging) {
    let filter = EnvFilter::new(format!("{QUIET},{}", arguments.filter));
    let on_terminal = io::stderr().is_terminal();
    let format = arguments.format.unwrap_or(if on_terminal { Format::Pretty } else { Format::Json });
    // A line that cannot be written is lost. To tell so on the same standard error would end the process.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    match format {
        Format::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
        Format::Pretty => lines.with_ansi(on_terminal && console::colors_enabled_stderr()).with_target(false).init(),
    }
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn a_word_alone_is_a_level() {
        for good in ["info", "OFF", "info,weir_aws=debug", "warn, hyper=trace", "weir_controller[tick]=debug"] {
            assert_eq!(filter(good), Ok(good.replace(' ', "")));
        }
        for bad in ["verbose", "inof", "", "info,", "info,weir_aws", "2weir", "nonsense=!!"] {
            let message = filter(bad).unwrap_err();
            assert!(message.contains("such as info or info,weir_controller=debug"), "{bad}: {message}");
        }
    }
}
