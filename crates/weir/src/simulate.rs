//! `weir simulate`: what comes of a user's manifests in simulated worlds, whatever befalls them.
//!
//! Worlds are made, played and judged by the laboratory; what is here reads files, shows how far it has come, and reports.

#![allow(clippy::doc_markdown, reason = "the comments are the help that is printed")]

mod report;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use console::Term;
use serde_json::Value;
use thiserror::Error;
use weir_lab::manifest;
use weir_lab::simulation::{Accidents, Seed, Simulation};
use weir_lab::world_file::WorldFile;

use crate::files;
use crate::output::{Output, unusable};
use report::Report;

/// Play manifests in simulated worlds, with accidents, before production sees them
///
/// Makes worlds that fit the manifests: the balancers, listeners and target groups that they name, with four targets each,
/// and clients. The traffic of each TrafficShift begins on the first of its backends that it does not want it on. Then the
/// manifests are applied, and the controllers of weir run move it. Each seed is played without accidents, and once more with
/// those that are drawn for it: crashes, throttling, lost answers, an API server that is away, targets that fail.
///
/// Ends with 0 when every TrafficShift ended as it wants where nothing befell it and no invariant was broken anywhere, with 1
/// otherwise, and with 2 where nothing could be played, such as where manifests cannot be used.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Simulate {
    /// The manifests; a folder stands for the YAML and JSON files in it
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,

    /// A world file that says what there is on AWS; what it does not say is made to fit
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,

    /// The first seed, from which all chance of a world is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many seeds are played
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    seeds: u64,

    /// What befalls each world: nothing, one accident, or one to three
    #[arg(long, value_name = "WHICH", default_value = "single", value_parser = accidents())]
    faults: Accidents,

    /// The form of the report
    #[arg(short = 'o', long, value_name = "FORM", default_value = "text")]
    output: Output,

    /// Write the report here, and not to standard output
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Also tell what happened in the world of the first seed, line by line
    #[arg(long)]
    timeline: bool,
}

const EXAMPLES: &str = "\
Examples:
  weir simulate -f examples/release
  weir simulate -f deploy/ --world world.yaml --seeds 100 --faults random
  weir simulate -f examples/release --seeds 5 -o json --report report.json";

/// Why there is no report.
#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Files(#[from] files::Error),
    #[error("cannot write the report: {0}")]
    Write(#[from] io::Error),
}

fn accidents() -> impl TypedValueParser<Value = Accidents> {
    PossibleValuesParser::new(Accidents::ALL.map(|(word, _)| word)).try_map(|word| word.parse::<Accidents>())
}

/// Plays the manifests, and reports.
pub fn run(arguments: &Simulate) -> Result<ExitCode, Error> {
    let simulation = match prepare(arguments)? {
        Ok(simulation) => simulation,
        Err(mistakes) => return Ok(unusable(mistakes)?),
    };
    let forecast = simulation.forecast();
    let seeds: Vec<u64> = (arguments.seed..).take(usize::try_from(arguments.seeds).unwrap_or(usize::MAX)).collect();
    let played = play(&simulation, &seeds, arguments.faults);
    let timeline = arguments.timeline.then(|| simulation.play_telling(arguments.seed, arguments.faults).1);
    let report = Report { arguments, simulation: &simulation, forecast: forecast.as_ref(), seeds: &played };
    let mut text = match arguments.output {
        Output::Text => report.to_string(),
        Output::Json => report.json(),
    };
    if let Some(timeline) = timeline {
        text = format!("{timeline}\n{text}");
    }
    match &arguments.report {
        Some(path) => fs::write(path, text)?,
        None => io::stdout().write_all(text.as_bytes())?,
    }
    Ok(if played.iter().all(Seed::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What shall be played, or the mistakes in it.
fn prepare(arguments: &Simulate) -> Result<Result<Simulation, Vec<String>>, Error> {
    let mut mistakes = Vec::new();
    let mut documents: Vec<(String, Value)> = Vec::new();
    for (path, text) in files::read(&arguments.files)? {
        let file = path.display().to_string();
        match manifest::parse(&text) {
            Ok(found) => {
                let found = found.into_iter().flat_map(files::unfolded);
                documents.extend(found.map(|document| (file.clone(), document)));
            }
            Err(message) => mistakes.push(format!("{file}: {message}")),
        }
    }
    let mut world = None;
    if let Some(path) = &arguments.world {
        match WorldFile::parse(&files::text(path)?) {
            Ok(found) => world = Some(found),
            Err(message) => mistakes.push(format!("{}: {message}", path.display())),
        }
    }
    Ok(if mistakes.is_empty() { Simulation::new(documents, world) } else { Err(mistakes) })
}

/// Plays all seeds; on a terminal it is seen how far it has come.
fn play(simulation: &Simulation, seeds: &[u64], accidents: Accidents) -> Vec<Seed> {
    let (term, done) = (Term::stderr(), AtomicUsize::new(0));
    let is_shown = io::stderr().is_terminal();
    let show = |count: usize| {
        // Nobody may be there to see it, which is no reason to end.
        let _ = term.clear_line().and_then(|()| term.write_str(&format!("{count} of {} seeds played", seeds.len())));
    };
    if is_shown {
        show(0);
    }
    let played = simulation.play_all(seeds, accidents, |_| {
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        if is_shown {
            show(count);
        }
    });
    if is_shown {
        let _ = term.clear_line();
    }
    played
}
