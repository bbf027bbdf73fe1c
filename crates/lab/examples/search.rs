//! Plays every single fault at every moment of every rollout, the planted bugs, and the whole table of docs/drift.md, and
//! says what fails.
//!
//! `cargo run --release -p weir-lab --example search` plays everything; it exits with 1 where something fails.
//! `… --example search -- --plan '<plan>'` plays one plan as JSON again and tells it as a timeline.
//! `… --example search -- --cell 'other weights are set, at a step, drift: Correct'` does so with a cell of the table.
//! `… --example search -- --every 20` plays one plan of twenty.

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use weir_lab::fault::Moment;
use weir_lab::matrix;
use weir_lab::plan::Plan;
use weir_lab::rollout::Rollout;
use weir_lab::search::{self, Tally};
use weir_lab::timeline::timeline;

/// A plan makes and drops hundreds of thousands of small objects.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often it says how far it is.
const NEWS: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => everything(1),
        ["--every", every] => match every.parse() {
            Ok(every) if every > 0 => everything(every),
            _ => refuse(&format!("found --every {every}; expected a number from 1")),
        },
        ["--plan", plan] => match serde_json::from_str(plan) {
            Ok(plan) => replay(&plan),
            Err(error) => refuse(&format!("the plan could not be read: {error}; expected JSON as a search prints it")),
        },
        ["--cell", name] => match matrix::Cell::all().into_iter().find(|cell| cell.to_string() == *name) {
            Some(cell) => tell(cell),
            None => refuse("there is no such cell; expected one as a search names it: WHAT, PHASE, drift: POLICY"),
        },
        _ => refuse("expected nothing, --every <number>, --plan '<plan as JSON>' or --cell '<cell>'"),
    }
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(2)
}

/// The page that says what comes of each thing that somebody does.
const PAGE: &str = include_str!("../../../docs/drift.md");

/// Plays the table of the page, or one cell of so many, and says what is otherwise.
fn is_page_true(every: usize) -> bool {
    let cells: Vec<matrix::Cell> = matrix::Cell::all().into_iter().step_by(every).collect();
    let (played, mut wrong) = matrix::play_all(&cells);
    wrong.extend(matrix::differences(&matrix::read(PAGE), &played));
    for message in &wrong {
        println!("docs/drift.md: {message}");
    }
    println!("{} cells of docs/drift.md, {} wrong", played.len(), wrong.len());
    wrong.is_empty()
}

/// Plays one cell of the page and tells it.
fn tell(cell: matrix::Cell) -> ExitCode {
    let played = cell.play();
    print!("{}", timeline(&played.evidence));
    println!("{}", played.verdict);
    for message in &played.wrong {
        println!("{message}");
    }
    if played.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays one plan and tells it.
fn replay(plan: &Plan) -> ExitCode {
    let played = plan.play();
    print!("{plan}{}", timeline(&played.evidence));
    for planned in &plan.faults {
        if let Moment::Request(number, _) = planned.at
            && let Some((name, count)) = usize::try_from(number).ok().and_then(|number| played.names.get(number - 1))
        {
            println!("request {number} is {name} number {count}: named so, the plan keeps its moments");
        }
    }
    for planned in &played.missed {
        println!("did not happen: {planned}");
    }
    for failure in &played.failures {
        println!("{failure}");
    }
    if played.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays all singles and all successions, and hunts all planted bugs.
#[expect(clippy::disallowed_methods, reason = "real time is what is told here")]
fn everything(every: usize) -> ExitCode {
    let began = std::time::Instant::now();
    let mut plans = Vec::new();
    for (name, rollout) in Rollout::all() {
        let singles = search::singles(1, &rollout);
        println!("{name}: {} plans", singles.len());
        plans.extend(singles.into_iter().step_by(every));
    }
    let successions = search::successions(1, &Rollout::short());
    println!("a short release with another controller beside: {} plans", successions.len());
    plans.extend(successions.into_iter().step_by(every));
    let tally = Mutex::new((Tally::default(), began));
    let found = search::play_all(&plans, |plan, failures| {
        let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tally.0.count(plan, failures);
        if !failures.is_empty() {
            println!("{}", search::command(plan));
            for failure in failures {
                println!("    {failure}");
            }
        }
        if tally.1.elapsed() >= NEWS {
            tally.1 = std::time::Instant::now();
            let (played, failed, seconds) = (tally.0.played(), tally.0.failed(), began.elapsed().as_secs());
            println!("{seconds:>4} s: {played} of {} plans, {failed} failed", plans.len());
        }
    });
    let tally = tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).0;
    println!("{tally}");
    for text in search::explain(&found) {
        println!("{text}");
    }
    let mut escaped = false;
    for (bug, wrong) in search::hunt_all() {
        escaped |= wrong.is_some();
        println!("planted bug {bug}: {}", wrong.unwrap_or_else(|| "found".to_owned()));
    }
    escaped |= !is_page_true(every);
    let millis = began.elapsed().as_millis().max(1);
    println!("{} plans in {} s, {} a second", plans.len(), millis / 1_000, plans.len() as u128 * 1_000 / millis);
    if found.is_empty() && !escaped { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
