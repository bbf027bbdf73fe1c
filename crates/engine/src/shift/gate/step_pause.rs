//! The pause of a step: how long a run stays at its weight, as the strategy says now. A pause that has begun is not lost
//! because the strategy was changed.

use jiff::Timestamp;
use weir_api::traffic_shift::{GateName, HeldBy, Hold, Phase, RunGate};

use crate::reader::{Asked, Reader};
use crate::reason::Reason;
use crate::shift::immediate;
use crate::shift::plan::StepPause;

use super::{Check, Gate, Station, Wait};

pub(super) const CHECK: Check =
    Check { name: GateName::StepPause, release: Some("the pause at the present weight ends"), judge };

fn judge(station: &Station<'_>, _: &mut Reader<'_>) -> Asked<Gate> {
    let run = station.run;
    let Some(applied_at) = run.applied_at.filter(|_| !immediate::is_immediate(run)) else { return Some(Gate::Open) };
    let wait = |message| Wait::new(Phase::Paused, Reason::StepPause, message);
    Some(match length(station, applied_at) {
        StepPause::None => Gate::Open,
        StepPause::For(length) => {
            let until = applied_at + length;
            if station.now < until {
                let message = format!("{} until {until:.0}", run.summary);
                Gate::Wait(Wait { until: Some(until), ..wait(message) })
            } else {
                Gate::Open
            }
        }
        StepPause::UntilTold => {
            Gate::Wait(wait(format!("{} until the command resume or promote is given", run.summary)))
        }
    })
}

/// How long a run stays at its weight, which has been live since an instant.
fn length(station: &Station<'_>, applied_at: Timestamp) -> StepPause {
    let until = || begun(station).and_then(|pause| pause.until);
    station
        .plan
        .pause_at(station.run.weight)
        .or_else(|| until().map(|until| StepPause::For(until.duration_since(applied_at))))
        .unwrap_or(StepPause::None)
}

/// What holds a run whose pause had no end, where the strategy has no step at its weight any more: nobody has said that
/// the pause is over.
pub(in crate::shift) fn outlast(station: &Station<'_>) -> Option<Hold> {
    let run = station.run;
    let is_open = begun(station).is_some_and(|pause| pause.until.is_none());
    let has_step = station.plan.pause_at(run.weight).is_some();
    if has_step || !is_open || run.hold.is_some() || run.is_released(GateName::StepPause) {
        return None;
    }
    let message = format!(
        "{} was to stay until told, and spec.strategy, which has changed since, has no step at {} %: give the command \
         resume to go on from there, or abort to go back",
        run.summary, run.weight
    );
    Some(Hold { by: HeldBy::StrategyChanged, message, since: station.now })
}

/// The pause of its step in which the run was when it was last looked at.
fn begun<'a>(station: &Station<'a>) -> Option<&'a RunGate> {
    let before = station.shift.status.run.as_ref()?;
    let is_same = (before.id, before.seq) == (station.run.id, station.run.seq);
    before.gates.iter().find(|gate| is_same && gate.name == GateName::StepPause)
}
