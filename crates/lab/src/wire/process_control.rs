//! What all wires of one process share: it can be cut at a request, or held there.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::journal::Journal;

use super::{Network, lock};

/// At which write a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrashPoint {
    /// Which write, counted from 1 over AWS and Kubernetes together.
    pub write: u64,
    /// On which side of it.
    pub side: Side,
}

/// On which side of a request something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// Before the world has it; a process that ends here has not sent it.
    Before,
    /// The world has it; a process that ends here never gets the answer.
    After,
}

/// The sort of a request, as far as faults tell requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// A call of AWS that changes nothing.
    AwsRead,
    /// A call of AWS that changes something.
    AwsWrite,
    /// A read or watch of Kubernetes.
    KubeRead,
    /// An object of Kubernetes is replaced, or its status.
    KubePut,
    /// Another write to Kubernetes.
    KubeWrite,
    /// An event is told, which nobody but people reads.
    KubeEvent,
}

impl Sort {
    /// Whether such a request changes anything that a controller acts on.
    pub fn is_write(self) -> bool {
        matches!(self, Self::AwsWrite | Self::KubePut | Self::KubeWrite)
    }
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

/// What has struck a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// It ends; another begins after a while, where that is known.
    Dead(Option<Duration>),
    /// It is not carried on until an instant.
    Paused(Instant),
    /// It is told to end; another begins a while after it has.
    Told(Duration),
}

/// By how much the clock of a machine is ahead. Clones are of the same machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ahead(Arc<AtomicI64>);

impl Ahead {
    /// So much.
    pub fn of(ahead: SignedDuration) -> Self {
        Self(Arc::new(AtomicI64::new(ahead.as_secs())))
    }

    /// How much it is.
    pub fn get(&self) -> SignedDuration {
        SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }

    /// Sets the clock ahead by so many seconds, or back.
    pub fn step(&self, seconds: i32) {
        self.0.fetch_add(seconds.into(), Ordering::Relaxed);
    }
}

/// What all wires of one process share.
#[derive(Debug)]
pub(crate) struct ProcessControl {
    /// The number of the process.
    pub process: u32,
    /// Where requests are noted.
    pub journal: Journal,
    /// The network.
    pub network: Network,
    /// By how much its clock is ahead.
    pub ahead: Ahead,
    state: Mutex<State>,
    struck: Notify,
}

#[derive(Debug)]
struct State {
    crash_point: Option<CrashPoint>,
    writes: u64,
    strike: Option<Strike>,
    is_cut: bool,
}

impl ProcessControl {
    pub fn new(process: u32, journal: Journal, network: Network, crash_point: Option<CrashPoint>) -> Arc<Self> {
        Self::on_machine(Ahead::default(), process, journal, network, crash_point)
    }

    /// The same on a machine whose clock may be wrong.
    pub fn on_machine(
        ahead: Ahead,
        process: u32,
        journal: Journal,
        network: Network,
        crash_point: Option<CrashPoint>,
    ) -> Arc<Self> {
        let state = Mutex::new(State { crash_point, writes: 0, strike: None, is_cut: false });
        Arc::new(Self { process, journal, network, ahead, state, struck: Notify::new() })
    }

    /// Decides about a request that is about to be sent.
    pub fn admit(&self, sort: Sort) -> Fate {
        let mut state = lock(&self.state);
        if state.is_cut {
            return Fate::Unsent;
        }
        if !sort.is_write() {
            return Fate::Passes;
        }
        state.writes += 1;
        match state.crash_point.filter(|crash_point| crash_point.write == state.writes) {
            None => Fate::Passes,
            Some(CrashPoint { side, .. }) => {
                state.is_cut = true;
                state.strike = Some(Strike::Dead(None));
                self.struck.notify_one();
                if side == Side::Before { Fate::Unsent } else { Fate::Unanswered }
            }
        }
    }

    /// Ends the process now; another begins after a while.
    pub fn kill(&self, away: Option<Duration>) {
        let mut state = lock(&self.state);
        if !state.is_cut {
            state.is_cut = true;
            state.strike = Some(Strike::Dead(away));
            self.struck.notify_one();
        }
    }

    /// Holds the process until an instant.
    pub fn hold(&self, until: Instant) {
        let mut state = lock(&self.state);
        if !state.is_cut {
            state.strike = Some(Strike::Paused(until));
            self.struck.notify_one();
        }
    }

    /// Tells the process to end; another begins a while after it has.
    pub fn tell_to_end(&self, away: Duration) {
        let mut state = lock(&self.state);
        if !state.is_cut {
            state.strike = Some(Strike::Told(away));
            self.struck.notify_one();
        }
    }

    /// Whether it was cut.
    pub fn is_cut(&self) -> bool {
        lock(&self.state).is_cut
    }

    /// Waits until something strikes it.
    pub async fn struck(&self) -> Strike {
        loop {
            if let Some(strike) = lock(&self.state).strike.take() {
                return strike;
            }
            self.struck.notified().await;
        }
    }

    /// How many writes were attempted.
    pub fn writes(&self) -> u64 {
        lock(&self.state).writes
    }
}
