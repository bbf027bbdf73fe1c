//! One plan: a rollout with faults, played in a world of its own, healed, and judged.

pub(crate) mod ending;
mod settle;

use std::any::Any;
use std::fmt;
use std::panic::catch_unwind;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_engine::invariant::Invariant;

use crate::bug::{self, Bug};
use crate::evidence::Evidence;
use crate::fault::{Fault, Moment, Planned, Sort};
use crate::judge::{Breach, judge};
use crate::rollout::Rollout;
use crate::stage::on_virtual_time;
use crate::world::{LONG_LEASE, SHORT_LEASE, Settings, World};

use settle::Settled;

/// How long is waited at most for faults that are still to come when a rollout is over.
pub(crate) const AFTERWARDS: Duration = Duration::from_mins(20);

/// How many requests no plan comes near that goes as it should: it is stopped there.
const WILD: usize = 4_000;

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Plan {
    /// From which all chance is drawn.
    pub seed: u64,
    /// What is wished.
    pub rollout: Rollout,
    /// What befalls it.
    #[serde(default)]
    pub faults: Vec<Planned>,
    /// The bug that is planted in the controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bug: Option<Bug>,
}

/// What is wrong with how a plan went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// Something happened that must never happen.
    Never(Invariant),
    /// The run did not come to its end after everything was well again.
    Unsettled,
    /// It waits, and does not say for what.
    Silent,
    /// Somebody's help was needed where none should be.
    Helpless,
    /// It ended otherwise than it was wished, though every fault was of the sort that is endured.
    OtherEnd,
    /// There is no rest in the end.
    Restless,
    /// A status says other weights than AWS has.
    OtherWeights,
    /// An object that was deleted is still there.
    Hanging,
    /// A status is larger than statuses are.
    Bloated,
    /// Something that others have set is gone.
    Clobbered,
    /// The guard had to step in, a decision panicked, or a controller ended by itself.
    Defect,
    /// Something panicked, and the rest was not played.
    Panicked,
}

/// How a plan failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// What is wrong.
    pub wrong: Wrong,
    /// How, in words.
    pub message: String,
}

impl From<Breach> for Failure {
    fn from(breach: Breach) -> Self {
        Self { wrong: Wrong::Never(breach.invariant), message: breach.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wrong {
            Wrong::Never(invariant) => write!(formatter, "{invariant:?}: {}", self.message),
            wrong => write!(formatter, "{wrong:?}: {}", self.message),
        }
    }
}

/// How a plan went.
#[derive(Debug)]
pub struct Played {
    /// The sort of each request of the rollout, until it was healed.
    pub requests: Vec<Sort>,
    /// The name of each of these requests, and how many of it there were by then.
    pub names: Vec<(String, u64)>,
    /// The faults whose moment has not come.
    pub missed: Vec<Planned>,
    /// Everything that happened.
    pub evidence: Evidence,
    /// How often somebody had to help.
    pub helped: u32,
    /// What is wrong; nothing where all is well.
    pub failures: Vec<Failure>,
}

impl Plan {
    /// The same rollout without any fault.
    pub fn undisturbed(seed: u64, rollout: Rollout) -> Self {
        Self { seed, rollout, faults: Vec::new(), bug: None }
    }

    /// The same with one more fault.
    #[must_use]
    pub fn with(mut self, at: Moment, fault: Fault) -> Self {
        self.faults.push(Planned { at, fault });
        self
    }

    /// Whether the release must get through without help, and end as it was wished.
    pub fn is_endured(&self) -> bool {
        self.faults.iter().all(|planned| planned.fault.is_endured())
    }

    /// Plays it, and tells what is wrong with how it went.
    pub fn failures(&self) -> Vec<Failure> {
        let played = catch_unwind(|| self.play().failures);
        played.unwrap_or_else(|panic| vec![Failure { wrong: Wrong::Panicked, message: words(panic) }])
    }

    /// Plays it.
    pub fn play(&self) -> Played {
        let _planted = bug::Planted::with(self.bug);
        on_virtual_time(async {
            let is_about_leaders = self.faults.iter().any(|planned| planned.fault.is_about_leaders());
            let lease = if is_about_leaders { SHORT_LEASE } else { LONG_LEASE };
            let settings = Settings { lease, ..Settings::seeded(self.seed) };
            let mut world = self.rollout.set(settings).await;
            let location = self.rollout.location(&world);
            world.direct(location, &self.faults);
            world.start_controller();
            self.drive(&mut world).await;
            let requests = world.requests_made();
            let (names, missed) = (world.names_of_requests(), world.faults_due());
            world.heal();
            world.note_manual_change("everything is well again");
            let Settled { helped, mut failures } = settle::settle(self, &mut world).await;
            if is_wild(&world) {
                let message = format!("{} requests, and no end of them", world.request_count());
                failures.push(Failure { wrong: Wrong::Restless, message });
            } else {
                failures.extend(ending::look(self, &mut world, helped).await);
            }
            let evidence = world.evidence();
            let breaches = judge(&evidence);
            failures.extend(breaches.into_iter().map(Failure::from));
            Played { requests, names, missed, evidence, helped, failures }
        })
    }

    /// Wishes one release after the other, and waits until all has happened that was planned.
    async fn drive(&self, world: &mut World) {
        let spans: u32 = self.faults.iter().map(|planned| planned.fault.span_s()).sum();
        let limit = self.rollout.length() + Duration::from_secs(spans.into());
        for to in &self.rollout.releases {
            world.apply(&self.rollout.wish(to)).expect("the wish of a rollout is valid");
            // Where it does not end, everything is made well, and then it has to.
            let _ = settle::until_complete(world, limit).await;
        }
        let _ = world.run_until(|world| world.is_calm() || is_wild(world), AFTERWARDS).await;
    }
}

/// What a panic said.
pub(crate) fn words(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(panic) => panic.downcast_ref::<&str>().copied().unwrap_or("without a word").to_owned(),
    }
}

/// Whether the controllers make requests without end.
fn is_wild(world: &World) -> bool {
    world.request_count() > WILD
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rollout { place, sticky, drift, weights, pause_s, releases } = &self.rollout;
        let sticky = if *sticky { ", sticky" } else { "" };
        writeln!(
            formatter,
            "seed {}; {place:?}{sticky}, drift: {drift:?}; to {}",
            self.seed,
            releases.join(", then ")
        )?;
        writeln!(formatter, "steps {weights:?}, {pause_s} s each")?;
        if let Some(bug) = self.bug {
            writeln!(formatter, "planted bug: {bug}")?;
        }
        self.faults.iter().try_for_each(|planned| writeln!(formatter, "{planned}"))
    }
}
