//! What came of the demo: runs, requests, calls, and whether all went as it should.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use console::style;
use jiff::Timestamp;
use weir_api::traffic_shift::PastRun;
use weir_lab::sim::traffic::Counts;

use crate::figures::{span, tenths, thousands};

/// What a reader may want to do next.
const NEXT: &str = "Next: examples/README.md tells how to play this on a cluster, weir run --help how to run Weir.";

/// What came of the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How long the play was in the simulated world, in seconds.
    pub played_seconds: u64,
    /// The runs that ended, oldest first, with the weights that the candidate was seen to carry.
    pub runs: Vec<(PastRun, Vec<u32>)>,
    /// What the environments were sent and failed, in the order of the manifests.
    pub requests: Vec<(String, Counts)>,
    /// How often each operation of AWS was called.
    pub calls: BTreeMap<String, u64>,
    /// How many of these calls were not carried out.
    pub refused: u64,
    /// What was expected, and whether it is so.
    pub verdicts: Vec<Verdict>,
}

/// Something that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What was expected, in words.
    pub text: String,
    /// What was found instead, in words; nothing where it is so.
    pub instead: Vec<String>,
}

impl Verdict {
    /// Something that is so, or else what was found instead.
    pub fn expect(text: impl Into<String>, is_so: bool, found: impl FnOnce() -> String) -> Self {
        Self { text: text.into(), instead: if is_so { Vec::new() } else { vec![found()] } }
    }
}

impl Summary {
    /// Whether everything is as it was expected.
    pub fn is_good(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.instead.is_empty())
    }

    fn runs(&self) -> Table {
        let mut table = plain(&["run", "to", "ended", "after", "weights seen on AWS"]);
        for (run, weights) in &self.runs {
            let steps: Vec<String> = weights.iter().map(|weight| format!("{weight} %")).collect();
            table.add_row([
                run.id.to_string(),
                run.to.clone(),
                format!("{:?}", run.outcome),
                span(seconds(run.started_at, run.ended_at)),
                steps.join(" → "),
            ]);
        }
        table
    }

    fn requests(&self) -> Table {
        let mut table = plain(&["requests to", "sent", "share", "failed"]);
        let all = self.requests.iter().fold(Counts::default(), |sum, (_, count)| Counts {
            sent: sum.sent + count.sent,
            failed: sum.failed + count.failed,
        });
        let rows = self.requests.iter().map(|(name, count)| (name.as_str(), *count)).chain([("all", all)]);
        for (name, count) in rows {
            let part = (count.sent * 1_000 + all.sent / 2).checked_div(all.sent).unwrap_or(0);
            table.add_row([
                name.to_owned(),
                thousands(count.sent),
                format!("{} %", tenths(part)),
                thousands(count.failed),
            ]);
        }
        right(&mut table, 1..=3);
        table
    }

    fn calls(&self) -> Table {
        let mut table = plain(&["AWS calls", "number"]);
        for (operation, number) in &self.calls {
            table.add_row([operation.clone(), thousands(*number)]);
        }
        let refused = if self.refused == 0 { String::new() } else { format!(" ({} refused)", thousands(self.refused)) };
        table.add_row(["all".to_owned(), format!("{}{refused}", thousands(self.calls.values().sum()))]);
        right(&mut table, 1..=1);
        table
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\n{} simulated\n", span(i64::try_from(self.played_seconds).unwrap_or(i64::MAX)))?;
        for table in [self.runs(), self.requests(), self.calls()] {
            for line in table.to_string().lines() {
                writeln!(formatter, "{}", line.trim_end())?;
            }
            writeln!(formatter)?;
        }
        for verdict in &self.verdicts {
            let mark = if verdict.instead.is_empty() { style("✓").green() } else { style("✗").red() };
            writeln!(formatter, " {} {}", mark.bold(), verdict.text)?;
            for found in &verdict.instead {
                writeln!(formatter, "     {}", style(found).red())?;
            }
        }
        writeln!(formatter, "\n{}", style(NEXT).dim())
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    from.duration_until(to).as_secs()
}

fn plain(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heads.to_vec());
    table
}

fn right(table: &mut Table, columns: std::ops::RangeInclusive<usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
