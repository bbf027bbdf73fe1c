//! The demo as plain lines, for files, pipes and terminals that cannot be drawn on.

use std::io::{self, Write};

use weir_api::traffic_shift::Phase;

use super::news::News;
use super::scene::{Scene, ShiftState, Side, clock_time};
use crate::figures::{tenths, thousands};

/// How often a line about the present moment is written, in simulated seconds.
const REPORT_SECONDS: i64 = 30;

/// Where lines are not broken.
const ENDLESS: usize = 10_000;

/// Writes lines.
pub struct Plain<W> {
    out: W,
    reported: Option<i64>,
}

impl<W: Write> Plain<W> {
    /// Writes to the given output.
    pub fn new(out: W) -> Self {
        Self { out, reported: None }
    }

    /// Tells a piece of news.
    pub fn tell(&mut self, news: &News) -> io::Result<()> {
        if matches!(news, News::Action { .. }) {
            self.line("")?;
        }
        news.lines(ENDLESS).iter().try_for_each(|line| self.line(line))
    }

    /// Tells of the present moment, where some time has passed since it last did.
    pub fn show(&mut self, scene: &Scene) -> io::Result<()> {
        let now = scene.now.as_second();
        if self.reported.is_some_and(|reported| now < reported + REPORT_SECONDS) {
            return Ok(());
        }
        self.reported = Some(now);
        self.line(&report(scene))
    }

    /// Writes a text as it is.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }
}

fn report(scene: &Scene) -> String {
    let sides: Vec<String> = scene.sides.iter().filter(|side| side.weight_percent.is_some()).map(of_side).collect();
    let shift_state = scene.shift.as_ref().map_or_else(String::new, of_shift);
    format!(
        "{}     {}, {} requests/s, {} failed{shift_state}",
        clock_time(scene.now),
        sides.join(", "),
        tenths(scene.rate_tenths),
        thousands(scene.failed)
    )
}

fn of_side(side: &Side) -> String {
    let weight = side.weight_percent.unwrap_or_default();
    let share = tenths(u64::from(side.share_permille));
    let ill = if side.healthy < side.targets {
        format!(", {} of {} targets healthy", side.healthy, side.targets)
    } else {
        String::new()
    };
    format!("{} {weight} % (seen {share} %{ill})", side.name)
}

/// That a run rests has been told by an event; what else is waited for has not.
fn of_shift(shift: &ShiftState) -> String {
    let silent = shift.waiting.is_empty() || shift.phase.is_some_and(Phase::rests);
    let waiting = if silent { String::new() } else { format!(": {}", shift.waiting) };
    format!("; {} {}{waiting}", shift.phase(), shift.step)
}
