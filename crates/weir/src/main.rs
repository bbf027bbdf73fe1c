//! The program `weir`: its sub-commands, and how it ends.
//!
//! Nothing is decided here about traffic; each sub-command wires crates that do to the world outside.

mod crds;
mod logging;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Moves live traffic on AWS between immutable environments: one safe, verified step at a time, driven by Kubernetes
/// objects.
#[derive(Debug, Parser)]
#[command(name = "weir", version, max_term_width = 100, after_help = EXAMPLES)]
struct Weir {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Crds(crds::Crds),
}

const EXAMPLES: &str = "\
Try it:
  weir crds | kubectl apply -f -       install the kinds
  weir run --owner-id acme-production  move traffic";

fn main() -> ExitCode {
    let done = match Weir::parse().command {
        Command::Run(arguments) => run::run(&arguments).map_err(|error| error.to_string()),
        Command::Crds(arguments) => crds::run(&arguments).map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{} {message}", console::style("error:").red().bold().for_stderr());
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_sub_commands_fit_together() {
        super::Weir::command().debug_assert();
    }
}
