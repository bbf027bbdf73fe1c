//! One tick: the order of observe, decide, record and act, as a state machine without I/O.
//!
//! No other code puts a tick in order. The caller answers each [`Need`] and calls [`Tick::next`] again with the
//! objects as they are then. Invariants: a step is acted on only when the recorded status already says all that
//! the decision would record; at most one external write happens in a tick; a tick ends within [`ROUNDS`] needs.

use std::fmt::Debug;
use std::marker::PhantomData;

use jiff::{SignedDuration, Timestamp};

use crate::event::Event;
use crate::fact::{AwsError, Fact, Query};
use crate::guard::{Permit, Violation, guard};
use crate::object::{Cluster, Key, KindName, Object, ObjectRef};
use crate::sight::{Ask, Facts, Sight};
use crate::step::Proposal;

/// How many needs a tick may have before it gives up and comes back later.
pub const ROUNDS: u32 = 24;

/// How soon a tick that ran out of rounds comes back.
const UNSETTLED_RETRY: SignedDuration = SignedDuration::from_secs(1);

/// A kind of object with the decisions that belong to it.
pub trait Kind: Sized + 'static {
    /// What the user wants.
    type Spec: Clone + Debug + Eq + 'static;
    /// What Weir records.
    type Status: Clone + Debug + Eq + Default + 'static;

    /// The kind's name.
    const NAME: KindName;

    /// The object of a key, if it is there.
    fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a Object<Self::Spec, Self::Status>>;

    /// Decides from what was seen. `None` when the sight has noted asks that must be answered first.
    ///
    /// Pure and total: on its own recorded status, and at any moment before `wake`, it changes nothing.
    fn decide(
        context: &Context,
        cluster: &Cluster,
        object: &Object<Self::Spec, Self::Status>,
        sight: &mut Sight<'_>,
    ) -> Option<Verdict<Self::Status>>;

    /// What a change of status tells the user.
    fn events(old: &Self::Status, new: &Self::Status) -> Vec<Event>;

    /// The status of an object whose spec cannot be understood, keeping what its status held before.
    fn refused(now: Timestamp, status: &Self::Status, generation: i64, message: &str) -> Self::Status;

    /// How urgent a tick of this object is.
    fn urgency(cluster: &Cluster, object: &Object<Self::Spec, Self::Status>) -> Urgency;
}

/// How urgent a tick is; the more urgent goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Traffic is going back.
    Rollback,
    /// A run is moving.
    Progress,
    /// Everything else.
    Routine,
}

/// What a decision may know besides objects and readings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    /// The present instant.
    pub now: Timestamp,
    /// Names this installation of Weir in ownership tags; stable across clusters.
    pub owner: String,
    /// Why the last attempt to write for this object failed, unless one has succeeded since.
    pub trouble: Option<Trouble>,
}

/// Why a write did not happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Trouble {
    /// AWS refused it or did not answer.
    #[error("{0}")]
    Aws(AwsError),
    /// The guard did not let it through.
    #[error("not written: {0}")]
    Violation(Violation),
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verdict<Status> {
    /// What shall be on record.
    pub status: Status,
    /// Whether the object shall carry Weir's finalizer.
    pub finalizer: bool,
    /// The write that follows once the status is on record.
    pub proposal: Option<Proposal>,
    /// Objects to be read afresh before the write.
    pub confirm: Vec<ObjectRef>,
    /// When to look again, if nothing wakes the object before.
    pub wake: Option<Timestamp>,
}

impl<Status> Verdict<Status> {
    /// Records a status and does nothing else.
    pub fn record(status: Status) -> Self {
        Self { status, finalizer: false, proposal: None, confirm: Vec::new(), wake: None }
    }

    /// The same, looking again at an instant or before.
    #[must_use]
    pub fn waking(mut self, at: Timestamp) -> Self {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
        self
    }
}

/// What a tick needs next.
#[derive(Debug, PartialEq, Eq)]
pub enum Need<Status> {
    /// Readings of AWS.
    Read(Vec<Ask>),
    /// Objects afresh from the API server, put among the objects that the next call sees.
    Get(Vec<ObjectRef>),
    /// The finalizer added (`true`) or removed.
    Finalizer(bool),
    /// The status written; the reply becomes the object.
    Record(Status),
    /// One external write.
    Act(Permit),
    /// The tick is over.
    Done(Rest),
}

/// How a tick ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// When to look again, if nothing wakes the object before.
    pub wake: Option<Timestamp>,
    /// What went wrong in this tick; the caller backs off, and gives it to the next tick of the object.
    pub trouble: Option<Trouble>,
}

/// The answer to a [`Need`].
#[derive(Debug)]
pub enum Answer {
    /// To none: the tick begins.
    Begin,
    /// To `Read`.
    Read(Vec<(Query, Fact)>),
    /// To `Get`, `Finalizer` and `Record`: the objects passed along are up to date.
    Stored,
    /// To `Act`.
    Acted(Result<(), AwsError>),
}

/// The state of one tick.
#[derive(Debug)]
pub struct Tick<K> {
    key: Key,
    began: Timestamp,
    context: Context,
    facts: Facts,
    confirmed: bool,
    tried: bool,
    rounds: u32,
    kind: PhantomData<K>,
}

impl<K: Kind> Tick<K> {
    /// A tick of an object. `trouble` is what the last tick of it ended with.
    pub fn new(key: Key, now: Timestamp, owner: String, trouble: Option<Trouble>) -> Self {
        Self {
            key,
            began: now,
            context: Context { now, owner, trouble },
            facts: Facts::default(),
            confirmed: false,
            tried: false,
            rounds: 0,
            kind: PhantomData,
        }
    }

    /// Goes on with an answer until the next need.
    pub fn next(&mut self, now: Timestamp, cluster: &Cluster, answer: Answer) -> Need<K::Status> {
        self.context.now = self.context.now.max(now);
        self.rounds += 1;
        match answer {
            Answer::Begin => {}
            Answer::Read(answers) => answers.into_iter().for_each(|(query, fact)| self.facts.add(query, fact)),
            Answer::Stored => {}
            Answer::Acted(Ok(())) => return Need::Done(Rest { wake: Some(self.context.now), trouble: None }),
            Answer::Acted(Err(error)) => self.context.trouble = Some(Trouble::Aws(error)),
        }
        if self.rounds > ROUNDS {
            return Need::Done(Rest { wake: Some(self.context.now + UNSETTLED_RETRY), trouble: self.new_trouble() });
        }
        self.decide(cluster)
    }

    /// The instant at which the tick began.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    fn decide(&mut self, cluster: &Cluster) -> Need<K::Status> {
        let Some(object) = K::find(cluster, &self.key) else {
            return Need::Done(Rest { wake: None, trouble: None });
        };
        let mut sight = Sight::new(self.began, &self.facts);
        let verdict = K::decide(&self.context, cluster, object, &mut sight);
        let asks = sight.into_asks();
        let Some(verdict) = verdict.filter(|_| asks.is_empty()) else {
            return Need::Read(asks);
        };
        if verdict.finalizer && !object.finalizer {
            return Need::Finalizer(true);
        }
        if verdict.status != object.status {
            return Need::Record(verdict.status);
        }
        if object.finalizer && !verdict.finalizer {
            return Need::Finalizer(false);
        }
        match verdict.proposal {
            Some(proposal) if !self.tried => self.act(proposal, verdict.confirm, cluster),
            _ => Need::Done(Rest { wake: verdict.wake, trouble: self.new_trouble() }),
        }
    }

    fn act(&mut self, proposal: Proposal, confirm: Vec<ObjectRef>, cluster: &Cluster) -> Need<K::Status> {
        if !self.confirmed && !confirm.is_empty() {
            self.confirmed = true;
            return Need::Get(confirm);
        }
        self.tried = true;
        match guard(self.began, &proposal, &self.facts) {
            Ok(permit) => Need::Act(permit),
            Err(violation) => {
                self.context.trouble = Some(Trouble::Violation(violation));
                self.decide(cluster)
            }
        }
    }

    /// What went wrong in this very tick.
    fn new_trouble(&self) -> Option<Trouble> {
        if self.tried { self.context.trouble.clone() } else { None }
    }
}
