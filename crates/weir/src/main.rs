//! The program `weir`: its sub-commands, and how it ends.
//!
//! Nothing is decided here about traffic; each sub-command wires crates that do to the world outside.

mod crds;
#[cfg(feature = "demo")]
mod demo;
mod figures;
mod files;
mod iam_policy;
mod logging;
mod output;
mod plan;
mod run;
#[cfg(feature = "demo")]
mod sim;
#[cfg(feature = "demo")]
mod simulate;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::unusable;

/// It gives back what a list of thousands of objects took, so that memory does not grow over months. How, is set in
/// `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Moves live traffic on AWS between immutable environments: one safe, verified step at a time, driven by Kubernetes
/// objects.
#[derive(Debug, Parser)]
#[command(name = "weir", version, max_term_width = 100, after_help = examples())]
struct Weir {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Run>),
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    #[cfg(feature = "demo")]
    Sim(sim::Sim),
    #[cfg(feature = "demo")]
    Simulate(simulate::Simulate),
    Crds(crds::Crds),
    IamPolicy(iam_policy::IamPolicy),
    Plan(Box<plan::Plan>),
}

const EXAMPLES: &str = "  weir crds | kubectl apply --server-side -f -     install the kinds
  weir iam-policy --owner-id acme-production       say what IAM must allow
  weir run --owner-id acme-production              move traffic
  weir plan -f deploy/ --owner-id acme-production  say what manifests will do";

#[cfg(feature = "demo")]
const DEMO: &str = "
  weir demo                                        watch releases, without a cluster or AWS
  weir simulate -f examples/release                what comes of manifests, whatever befalls them
  weir sim -f examples/release                     a simulated cluster and AWS for your tools";
#[cfg(not(feature = "demo"))]
const DEMO: &str = "";

fn examples() -> String {
    format!("Try it:{DEMO}\n{EXAMPLES}")
}

fn main() -> ExitCode {
    match Weir::parse().command {
        Command::Run(arguments) => end(run::run(&arguments).map(|()| ExitCode::SUCCESS)),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => end(demo::run(&arguments)),
        #[cfg(feature = "demo")]
        Command::Sim(arguments) => end(sim::run(&arguments)),
        #[cfg(feature = "demo")]
        Command::Simulate(arguments) => end_judging(simulate::run(&arguments)),
        Command::Crds(arguments) => end(crds::run(&arguments).map(|()| ExitCode::SUCCESS)),
        Command::Plan(arguments) => end_judging(plan::run(&arguments)),
        Command::IamPolicy(arguments) => end(iam_policy::run(&arguments).map(|()| ExitCode::SUCCESS)),
    }
}

/// How the process ends; an error is told first.
fn end(done: Result<ExitCode, impl Display>) -> ExitCode {
    done.unwrap_or_else(|error| {
        // Nobody may be there to read it, which is no reason to end in another way.
        let _ = unusable([error]);
        ExitCode::FAILURE
    })
}

/// The same where failure means something else: that something is wrong with what was looked at.
fn end_judging(done: Result<ExitCode, impl Display>) -> ExitCode {
    done.or_else(|error| unusable([error])).unwrap_or(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{DEMO, examples};

    #[test]
    fn the_sub_commands_fit_together() {
        super::Weir::command().debug_assert();
    }

    #[test]
    fn the_examples_stand_in_columns_and_install_the_kinds_in_one_way() {
        let examples = examples();
        let columns: Vec<usize> = examples.lines().skip(1).filter_map(|line| Some(line.rfind("  ")? + 2)).collect();
        let count = 4 + DEMO.lines().skip(1).count();
        assert!(columns.len() == count && columns.iter().all(|column| *column == columns[0]), "{examples}");
        let helps = [&examples, crate::crds::EXAMPLES, crate::run::EXAMPLES];
        for line in helps.iter().flat_map(|help| help.lines()).filter(|line| line.contains("kubectl apply")) {
            assert!(line.contains("weir crds | kubectl apply --server-side -f -"), "{line}");
        }
    }
}
