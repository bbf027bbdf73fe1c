//! One moment of the demo, as data: what the shift says, what is live on AWS, what the requests met.

use jiff::Timestamp;
use weir_api::traffic_shift::Phase;

/// One moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// The instant in the simulated world.
    pub now: Timestamp,
    /// The state of the shift; `None` before it was applied.
    pub shift: Option<ShiftState>,
    /// The environments, in the order of the manifests.
    pub sides: Vec<Side>,
    /// Requests that all clients sent so far.
    pub sent: u64,
    /// Requests that met an error so far.
    pub failed: u64,
    /// Requests in a second, lately, in tenths.
    pub rate_tenths: u64,
}

/// The state of a shift.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShiftState {
    /// Its name.
    pub name: String,
    /// Where the traffic shall be.
    pub to: String,
    /// Where its run stands; `None` before it has a status.
    pub phase: Option<Phase>,
    /// The step and the number of steps.
    pub step: String,
    /// What it waits for, in words.
    pub waiting: String,
    /// How long that will still take, in seconds, where it is known.
    pub left_seconds: Option<i64>,
}

impl ShiftState {
    /// Where its run stands, in a word.
    pub fn phase(&self) -> &'static str {
        self.phase.map_or("new", Phase::word)
    }
}

/// One environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Its name.
    pub name: String,
    /// Its configured weight on AWS, in percent; `None` when its group is not in the action.
    pub weight_percent: Option<u32>,
    /// Its part of the requests lately, in thousandths.
    pub share_permille: u32,
    /// Its requests in a second, lately, in tenths.
    pub rate_tenths: u64,
    /// Its requests that met an error so far.
    pub failed: u64,
    /// How many of its targets are healthy.
    pub healthy: u32,
    /// How many it has.
    pub targets: u32,
}

/// The time of day in the simulated world.
pub fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}
