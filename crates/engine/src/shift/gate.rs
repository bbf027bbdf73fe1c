//! The gates of a run: what must be open before it starts, before each change, and before it ends.
//!
//! A gate judges by a [`Station`] and by what is read, and changes nothing. The gates of an array are asked in their order,
//! and the run waits at the first that is not open: a new wait is a file here, a line in an array and a name in the API.

#![expect(clippy::unnecessary_wraps, reason = "a gate that reads nothing has the signature of those that do")]

pub(super) mod applied;
mod capacity;
pub(super) mod first_health;
pub(super) mod hold;
mod old_answers;
mod paused;
mod share_seen;
pub(super) mod step_pause;
mod sticky_clients;

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::{GateName, Phase, Run};

use crate::object::{Cluster, ShiftObject};
use crate::reader::{Asked, Reader};
use crate::ready_state::Explanation;
use crate::reason::Reason;

use super::immediate;
use super::plan::Plan;
use super::progress::RouteProgress;
use super::run::{waiting_since, was_paused};

/// Before a run starts or takes over from another.
pub(super) const BEFORE_START: &[Check] = &[paused::CHECK];
/// Before everything else: what keeps a run where it is. The time for which it does is not counted towards the deadline.
pub(super) const AT_REST: &[Check] = &[hold::CHECK, paused::CHECK, step_pause::CHECK];
/// Before a run that took over goes on from what is live.
const BEFORE_OBSERVED: &[Check] = &[applied::CHECK];
/// Before the candidate gets more of the traffic.
const BEFORE_STEP: &[Check] = &[applied::CHECK, share_seen::CHECK, capacity::CHECK];
/// Before the end of a run whose candidate has all of the traffic.
const AT_END: &[Check] =
    &[applied::CHECK, share_seen::CHECK, sticky_clients::CHECK, old_answers::CHECK, first_health::CHECK];

/// A gate.
pub(super) struct Check {
    pub name: GateName,
    /// What is answered to the command `promote` that releases it; `None` where no command does.
    pub release: Option<&'static str>,
    judge: fn(&Station<'_>, &mut Reader<'_>) -> Asked<Gate>,
}

/// What a gate says.
pub(super) enum Gate {
    Open,
    Wait(Wait),
    /// The run has failed, and waits where it neither goes back for that nor is held.
    Failed(Explanation, Wait),
    /// Not everything can move at once, for this reason: the run goes by its strategy from here on.
    Gradual(String),
}

/// What a run waits for at a gate.
pub(super) struct Wait {
    pub phase: Phase,
    pub reason: Reason,
    pub message: String,
    /// When the gate opens by itself, where that is known.
    pub until: Option<Timestamp>,
    /// When it must be judged again at the latest.
    pub look_again: Option<Timestamp>,
}

impl Wait {
    pub fn new(phase: Phase, reason: impl Into<Reason>, message: impl Into<String>) -> Self {
        Self { phase, reason: reason.into(), message: message.into(), until: None, look_again: None }
    }
}

/// What a gate judges by.
pub(super) struct Station<'a> {
    pub now: Timestamp,
    pub counted_from: Timestamp,
    pub cluster: &'a Cluster,
    pub shift: &'a ShiftObject,
    pub plan: &'a Plan,
    /// The run as it is recorded; before it starts, as it would begin.
    pub run: &'a Run,
    /// The run from which it would take over.
    pub before: Option<&'a Run>,
    pub routes: &'a [RouteProgress<'a>],
}

/// What a run does once its gates are open.
#[derive(Clone, Copy)]
pub(super) enum Next {
    /// It goes on from what is live.
    Observe,
    /// The candidate gets this part of the traffic, in percent.
    Step(i32),
    /// It ends.
    End,
}

impl Next {
    /// The gates before that.
    pub fn gates(self) -> &'static [Check] {
        match self {
            Self::Observe => BEFORE_OBSERVED,
            Self::Step(_) => BEFORE_STEP,
            Self::End => AT_END,
        }
    }
}

impl Station<'_> {
    /// What the run does next.
    pub fn next(&self) -> Next {
        let run = self.run;
        let weight = if immediate::is_immediate(run) { Some(100) } else { self.plan.after(run.weight) };
        match weight.filter(|weight| *weight > run.weight) {
            _ if run.surveying => Next::Observe,
            Some(weight) => Next::Step(weight),
            None => Next::End,
        }
    }

    /// The instant at which a run without progress has failed. A pause that has just ended does not count, nor does the
    /// time for which clients come to the old side.
    pub fn deadline(&self) -> Timestamp {
        let base = if was_paused(self.shift) { self.now } else { self.run.progressed_at };
        let until = [sticky_clients::stick_until(self), old_answers::until(self)].into_iter().flatten();
        let base = until.fold(base, Timestamp::max);
        base + SignedDuration::from(self.shift.spec.progress_deadline)
    }

    /// Since when the shift waits for this, without a break.
    fn waiting_since(&self, reason: Reason) -> Timestamp {
        waiting_since(self.shift, reason, self.now)
    }
}

/// The first of some gates that is not open, and what it says. One that a command has released is passed.
pub(super) fn first_closed(
    checks: &'static [Check],
    station: &Station<'_>,
    reader: &mut Reader<'_>,
) -> Asked<Option<(&'static Check, Gate)>> {
    for check in checks {
        if check.release.is_some() && station.run.is_released(check.name) {
            continue;
        }
        match (check.judge)(station, reader)? {
            Gate::Open => {}
            closed => return Some(Some((check, closed))),
        }
    }
    Some(None)
}

/// What is answered to the command `promote` that releases a gate.
pub(super) fn release(name: GateName) -> Option<&'static str> {
    let mut all = [BEFORE_START, AT_REST, BEFORE_OBSERVED, BEFORE_STEP, AT_END].into_iter().flatten();
    all.find(|check| check.name == name)?.release
}
