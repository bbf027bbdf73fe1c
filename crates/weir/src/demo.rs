//! `weir demo`: releases in a simulated world, moved by the real controllers, shown as they happen.
//!
//! The demo applies manifests, changes `to`, and breaks targets; everything else that it shows is what the controllers,
//! the simulated AWS and Kubernetes, and the clients' requests made of it.

mod bar;
mod cast;
mod event_feed;
mod news;
mod pace;
mod panel;
mod plain;
mod scene;
mod screen;
mod show;
mod story;
mod summary;
mod verdicts;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use console::{Term, style};
use thiserror::Error;

use pace::Pace;
use plain::Plain;
use screen::Screen;
use show::Show;
use story::Story;
use summary::Summary;

/// How a process ends that was told to by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Watch releases, a rollback and weights by hand, without a cluster or AWS
///
/// Plays the manifests of examples/release in a simulated world: a Kubernetes API, an Application Load Balancer with
/// its targets, and clients that send requests. The controllers are those of weir run. The first release moves 5, 25,
/// 50 and 100 % of the requests; the second one's targets break half way, and Weir brings the traffic back by itself.
/// Then everything goes back at once to what carried it before the first release, and at last weights are set by hand.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Demo {
    /// How many simulated seconds pass in a real one
    #[arg(long, value_name = "N", default_value_t = 16.0, value_parser = speed)]
    speed: f64,

    /// From which all chance in the simulated world is drawn; the same seed plays the same story
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Write plain lines even on a terminal
    #[arg(long)]
    plain: bool,
}

const EXAMPLES: &str = "\
Examples:
  weir demo
  weir demo --speed 60 --seed 7
  weir demo --speed 1000 > story.txt";

/// Why the demo did not come to its end.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the demo cannot be written: {0}")]
    Output(#[from] io::Error),
    #[error("the simulated world did not take what it was given: {0}")]
    World(String),
    #[error("the run has not ended within {minutes} simulated minutes; it is waiting for: {waiting}")]
    Stuck { minutes: u64, waiting: String },
    #[error("interrupted")]
    Interrupted,
    #[error("not everything went as it should; see above")]
    Unexpected,
}

/// Plays the demo to its end. What did not go as it should is an error.
pub fn run(arguments: &Demo) -> Result<ExitCode, Error> {
    let interrupted = pace::interruptible()?;
    let drawn = !arguments.plain && io::stdout().is_terminal() && !console::is_dumb();
    let mut show =
        if drawn { Show::Screen(Screen::new(Term::stdout())?) } else { Show::Plain(Plain::new(io::stdout())) };
    show.line(&introduction(arguments))?;
    let summary = play(arguments.seed, &mut show, || Some(Pace::new(arguments.speed, interrupted)));
    show.leave();
    let summary = match summary {
        Err(Error::Interrupted) => {
            show.line("\ninterrupted; the simulated world is gone")?;
            return Ok(ExitCode::from(INTERRUPTED));
        }
        summary => summary?,
    };
    show.line(&summary.to_string())?;
    if summary.is_good() { Ok(ExitCode::SUCCESS) } else { Err(Error::Unexpected) }
}

fn introduction(arguments: &Demo) -> String {
    let Demo { speed, seed, .. } = arguments;
    let text = format!("the real controllers in a simulated world, {speed} times as fast as life, seed {seed}");
    format!("{}: {}", style("weir demo").bold(), style(text).dim())
}

/// Plays all acts in a world of this seed, and sums them up. Without a pace it is done at once.
fn play<W: Write>(seed: u64, show: &mut Show<W>, pace: impl FnOnce() -> Option<Pace>) -> Result<Summary, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let mut story = Story::set(seed, show).await?;
        story.play(pace()).await?;
        Ok(verdicts::sum_up(&story))
    })
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "expected a number, such as 16 or 0.5".to_owned())?;
    if (0.1..=100_000.0).contains(&speed) { Ok(speed) } else { Err("expected 0.1 to 100000".to_owned()) }
}

#[cfg(test)]
mod tests;
