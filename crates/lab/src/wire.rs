//! The wires between a controller and its world: connectors that note every request, and may cut it.
//!
//! Each life of a controller has wires of its own. A cut life sends nothing more: whatever it still does before it
//! is dropped never reaches the world.

mod aws;
mod kube;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::journal::Journal;

pub(crate) use aws::{ACCESS_KEY, sdk_config};
pub(crate) use kube::KubeWire;

/// At which write a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cut {
    /// Which write, counted from 1 over AWS and Kubernetes together.
    pub write: u64,
    /// On which side of it.
    pub side: Side,
}

/// On which side of a write a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The request never reaches the world.
    Before,
    /// The world has it; the answer never arrives.
    After,
}

/// Something that befalls the next calls of an operation of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The operation, for example `ModifyRule`, or `*` for any.
    pub operation: String,
    /// How many requests it befalls.
    pub times: u32,
    /// What happens to them.
    pub mischief: Mischief,
}

/// What may happen to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mischief {
    /// AWS answers that there are too many calls, and does nothing.
    Throttled,
    /// AWS answers with a status, and does nothing.
    Failed(u16),
    /// The request is lost (`Before` AWS has it), or its answer (`After`).
    Lost(Side),
}

/// The network, the same for all lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    faults: Arc<Mutex<Vec<Fault>>>,
}

impl Network {
    pub fn add(&self, fault: Fault) {
        lock(&self.faults).push(fault);
    }

    pub fn clear(&self) {
        lock(&self.faults).clear();
    }

    /// What happens to a call of an operation.
    fn befalls(&self, operation: &str) -> Option<Mischief> {
        let mut faults = lock(&self.faults);
        let at = faults.iter().position(|fault| fault.operation == "*" || fault.operation == operation)?;
        faults[at].times = faults[at].times.saturating_sub(1);
        let mischief = faults[at].mischief;
        if faults[at].times == 0 {
            faults.remove(at);
        }
        Some(mischief)
    }
}

/// What all wires of one life share.
#[derive(Debug)]
pub(crate) struct Lifeline {
    /// The number of the life.
    pub life: u32,
    /// Where requests are noted.
    pub journal: Journal,
    /// The network.
    pub network: Network,
    state: Mutex<State>,
    struck: Notify,
}

#[derive(Debug)]
struct State {
    cut: Option<Cut>,
    writes: u64,
    is_cut: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is sent, and its answer comes back.
    Passes,
    /// It is sent, and no answer comes back.
    Unanswered,
    /// It is not sent.
    Unsent,
}

impl Lifeline {
    pub fn new(life: u32, journal: Journal, network: Network, cut: Option<Cut>) -> Arc<Self> {
        let state = Mutex::new(State { cut, writes: 0, is_cut: false });
        Arc::new(Self { life, journal, network, state, struck: Notify::new() })
    }

    /// Decides about a request that is about to be sent.
    pub fn admit(&self, is_write: bool) -> Fate {
        let mut state = lock(&self.state);
        if state.is_cut {
            return Fate::Unsent;
        }
        if !is_write {
            return Fate::Passes;
        }
        state.writes += 1;
        match state.cut.filter(|cut| cut.write == state.writes) {
            None => Fate::Passes,
            Some(Cut { side, .. }) => {
                state.is_cut = true;
                self.struck.notify_one();
                if side == Side::Before { Fate::Unsent } else { Fate::Unanswered }
            }
        }
    }

    /// Cuts the life off now.
    pub fn cut(&self) {
        lock(&self.state).is_cut = true;
        self.struck.notify_one();
    }

    /// Whether it was cut.
    pub fn is_cut(&self) -> bool {
        lock(&self.state).is_cut
    }

    /// Waits until it is cut.
    pub async fn struck(&self) {
        while !self.is_cut() {
            self.struck.notified().await;
        }
    }

    /// How many writes were attempted.
    pub fn writes(&self) -> u64 {
        lock(&self.state).writes
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
