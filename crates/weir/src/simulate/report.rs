//! What is reported of plays: for people, and for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use console::style;
use serde_json::json;
use weir_controller::forecast::{Forecast, Question};
use weir_lab::simulation::{Accidents, Play, Seed, ShiftEnd, Simulation};

use super::Simulate;
use crate::figures::{span, tenths, thousands};
use crate::files::quoted;
use crate::plan;

/// How many plays are told one by one.
const TOLD: usize = 10;

/// What came of all plays.
pub(super) struct Report<'a> {
    pub arguments: &'a Simulate,
    pub simulation: &'a Simulation,
    pub forecast: Option<&'a (Question, Forecast)>,
    pub seeds: &'a [Seed],
}

impl Report<'_> {
    /// For programs.
    pub fn json(&self) -> String {
        let good = self.seeds.iter().all(Seed::is_good);
        let report = json!({"good": good, "worst": self.again(self.worst()), "seeds": self.seeds});
        format!("{report:#}\n")
    }

    /// The seed to look at first: one in which something happened that must never be, then one that ended otherwise than it
    /// was wished, then the one that harmed most, and took longest.
    fn worst(&self) -> &Seed {
        let badness = |seed: &&Seed| {
            let broken: usize = seed.plays().map(|play| play.broken.len()).sum();
            let failed: u64 = seed.plays().map(|play| play.failed).sum();
            let undone = seed.plays().filter(|play| !play.is_as_wished()).count();
            let seconds = seed.plays().map(Play::seconds).max();
            (broken, !seed.undisturbed.is_as_wished(), undone, failed, seconds)
        };
        // Of equals the first.
        self.seeds.iter().rev().max_by_key(badness).expect("at least one seed is played")
    }

    /// The command that plays a seed again, and tells what happened.
    fn again(&self, seed: &Seed) -> String {
        let files = self.arguments.files.iter().map(|path| format!(" -f {}", quoted(path)));
        let world = self.arguments.world.iter().map(|path| format!(" --world {}", quoted(path)));
        let named: String = files.chain(world).collect();
        let faults = Accidents::ALL.iter().find(|(_, accidents)| *accidents == self.arguments.faults);
        let faults = faults.map(|(word, _)| *word).unwrap_or_default();
        format!("weir simulate{named} --seed {} --seeds 1 --faults {faults} --timeline", seed.seed)
    }

    fn undisturbed(&self) -> Vec<&Play> {
        self.seeds.iter().map(|seed| &seed.undisturbed).collect()
    }

    fn disturbed(&self) -> Vec<&Play> {
        self.seeds.iter().filter_map(|seed| seed.disturbed.as_ref()).collect()
    }

    fn introduction(&self) -> String {
        let kinds = ["EntryPoint", "Environment", "WeightedRoute", "TrafficShift"];
        let counts = kinds.map(|kind| (self.simulation.count(kind), kind));
        let objects = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, kind)| plural(count, kind));
        let objects: Vec<String> = objects.collect();
        let (first, last) = (self.seeds[0].seed, self.seeds[self.seeds.len() - 1].seed);
        let seeds = if first == last { format!("seed {first}") } else { format!("seeds {first} to {last}") };
        format!("{}: {}; {seeds}", style("weir simulate").bold(), objects.join(", "))
    }

    /// The figures of all plays, a column for those without accidents and one for those with.
    fn figures(&self) -> Table {
        let (undisturbed, disturbed) = (self.undisturbed(), self.disturbed());
        let mut columns = vec![("undisturbed", undisturbed)];
        if !disturbed.is_empty() {
            columns.push(("with accidents", disturbed));
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(std::iter::once("").chain(columns.iter().map(|(head, _)| *head)));
        let mut row = |head: String, cell: &dyn Fn(&[&Play]) -> String| {
            table.add_row(std::iter::once(head).chain(columns.iter().map(|(_, plays)| cell(plays))));
        };
        for (number, shift) in self.seeds[0].undisturbed.shifts.iter().enumerate() {
            let of = |plays: &[&Play]| -> Vec<ShiftEnd> {
                plays.iter().filter_map(|play| play.shifts.get(number).cloned()).collect()
            };
            row(format!("{} to {}", shift.shift, shift.to), &|plays| endings(&of(plays)));
            row("  took".to_owned(), &|plays| spread(of(plays).iter().map(|shift| shift.seconds), seconds));
            if self.seeds.iter().flat_map(Seed::plays).any(|play| rolled_back(play, number).is_some()) {
                row("  rolled back in".to_owned(), &|plays| {
                    spread(plays.iter().filter_map(|play| rolled_back(play, number)), seconds)
                });
            }
        }
        row("requests".to_owned(), &|plays| thousands(plays.iter().map(|play| play.requests).sum()));
        row("  failed".to_owned(), &|plays| thousands(plays.iter().map(|play| play.failed).sum()));
        row("most traffic without a healthy target".to_owned(), &|plays| {
            let worst = plays.iter().map(|play| play.uncovered_permille).max().unwrap_or(0);
            format!("{} %", tenths(worst.into()))
        });
        row("AWS calls".to_owned(), &|plays| spread(plays.iter().map(|play| play.call_count()), thousands));
        if self.seeds.iter().flat_map(Seed::plays).any(|play| play.batches > 0) {
            row("batches to Route 53".to_owned(), &|plays| spread(plays.iter().map(|play| play.batches), thousands));
            row("  records made or deleted".to_owned(), &|plays| {
                spread(plays.iter().map(|play| play.record_changes), thousands)
            });
        }
        row("invariants broken".to_owned(), &|plays| {
            plays.iter().map(|play| play.broken.len()).sum::<usize>().to_string()
        });
        for index in 1..=columns.len() {
            if let Some(column) = table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// What is to be known of the plays that did not go as they were wished, each sort of it once.
    fn stories(&self) -> Vec<String> {
        let mut stories = Vec::new();
        let mut told = BTreeSet::new();
        for seed in self.seeds {
            for play in seed.plays() {
                let lines = story(play);
                if lines.is_empty() || (play.accidents.is_empty() && !told.insert(lines.clone())) {
                    continue;
                }
                let befell =
                    if play.accidents.is_empty() { "undisturbed".to_owned() } else { play.accidents.join("; ") };
                let lines: Vec<String> = lines.iter().map(|line| format!("\n  {line}")).collect();
                stories.push(format!("seed {}, {befell}{}", seed.seed, lines.concat()));
            }
        }
        let more = stories.len().saturating_sub(TOLD);
        stories.truncate(TOLD);
        if more > 0 {
            stories.push(format!("and {more} more"));
        }
        stories
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n", self.introduction())?;
        if let Some((question, forecast)) = self.forecast.filter(|(question, _)| !question.shifts.is_empty()) {
            writeln!(formatter, "{}\n", plan::report::Report { question, forecast })?;
        }
        for line in self.figures().to_string().lines() {
            writeln!(formatter, "{}", line.trim_end())?;
        }
        for story in self.stories() {
            writeln!(formatter, "\n{story}")?;
        }
        let passed_over = self.simulation.passed_over();
        if !passed_over.is_empty() {
            writeln!(formatter, "\npassed over, since it is not Weir's: {}", passed_over.join(", "))?;
        }
        let undone = self.undisturbed().iter().filter(|play| !play.is_as_wished()).count();
        let broken = self.seeds.iter().flat_map(Seed::plays).filter(|play| !play.broken.is_empty()).count();
        let (mark, verdict) = match (undone, broken) {
            (0, 0) => (
                style("✓").green(),
                "where nothing befell it, everything ended as the manifests want; no invariant was broken".to_owned(),
            ),
            (undone, 0) => (
                style("✗").red(),
                format!("{} of {} undisturbed worlds did not end as the manifests want", undone, self.seeds.len()),
            ),
            (_, broken) => (style("✗").red(), format!("invariants were broken in {}", plural(broken, "world"))),
        };
        writeln!(formatter, "\n{} {verdict}", mark.bold())?;
        writeln!(formatter, "\nthe worst again, line by line:\n  {}", self.again(self.worst()))
    }
}

/// What did not go as it was wished in a play.
fn story(play: &Play) -> Vec<String> {
    let mut lines: Vec<String> = play.broken.clone();
    for shift in play.shifts.iter().filter(|shift| !shift.as_wished) {
        let ended = shift.ended.as_deref().unwrap_or("did not end");
        let after = span(i64::try_from(shift.seconds).unwrap_or(i64::MAX));
        lines.push(format!("TrafficShift {}: {ended} after {after}: {}", shift.shift, shift.message));
    }
    lines.extend(play.unready.iter().cloned());
    if play.accidents.is_empty() {
        lines
            .extend(play.causes.iter().map(|(cause, count)| format!("{} requests failed: {cause}", thousands(*count))));
    }
    lines
}

/// How often shifts ended how.
fn endings(shifts: &[ShiftEnd]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for shift in shifts {
        *counts.entry(shift.ended.as_deref().unwrap_or("did not end")).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().map(|(ended, count)| format!("{ended} {count}")).collect::<Vec<_>>().join(", ")
}

fn rolled_back(play: &Play, number: usize) -> Option<u64> {
    play.shifts.get(number)?.rollback_seconds
}

/// The middle one of values, and the least and the most of them.
fn spread(values: impl Iterator<Item = u64>, word: impl Fn(u64) -> String) -> String {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return "–".to_owned() };
    let middle = word(values[values.len() / 2]);
    if least == most { middle } else { format!("{middle} ({} to {})", word(*least), word(*most)) }
}

fn seconds(seconds: u64) -> String {
    span(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
