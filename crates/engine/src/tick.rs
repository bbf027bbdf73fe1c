//! One tick: the order of observe, decide, record and act, as a state machine without I/O.
//!
//! No other code puts a tick in order. The caller answers each [`Need`] and calls [`Tick::next`] again with the
//! objects as they are then. Invariants: a write is acted on only when the recorded status already says all that
//! the decision would record; at most one external write happens in a tick; a tick ends within [`ROUNDS`] needs.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::dates::Dates;
use crate::dns::ChangeId;
use crate::event::Event;
use crate::fact::{AwsError, Fact};
use crate::grant::Grants;
use crate::guard::{Permit, Recorded, Violation, guard};
use crate::object::{Cluster, Key, KindName, Object, ObjectRef};
use crate::reader::{Ask, Asked, Facts, Reader};
use crate::write::Write;

pub use crate::urgency::Urgency;

/// How many needs a tick may have before it gives up and comes back later.
pub const ROUNDS: u32 = 24;

/// How long AWS is given to show a write that it accepted before the same write is made again.
const SETTLING: SignedDuration = SignedDuration::from_secs(2);

/// How long a write that AWS accepted is remembered: what was written is told by then from what was only decided.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

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

    /// Decides from what was seen. `None` when the reader has noted asks that must be answered first.
    ///
    /// Pure and total: on its own recorded status, and at any moment before `wake`, it changes nothing.
    fn decide(
        context: &Context,
        cluster: &Cluster,
        object: &Object<Self::Spec, Self::Status>,
        reader: &mut Reader<'_>,
    ) -> Asked<Verdict<Self::Status>>;

    /// What is on record for an object of this kind and entitles it to a write. There is none for a kind that writes nothing.
    fn recorded<'a>(_owner: &'a str, _cluster: &'a Cluster, _key: &Key) -> Option<Recorded<'a>> {
        None
    }

    /// What a change of status tells the user.
    fn events(old: &Self::Status, new: &Self::Status) -> Vec<Event>;

    /// The status of an object whose spec cannot be understood, keeping what its status held before.
    fn refused(now: Timestamp, status: &Self::Status, generation: i64, message: &str) -> Self::Status;

    /// Puts right the instants of a status that cannot be so; see [`crate::dates`].
    fn redate(_status: &mut Self::Status, _dates: &Dates) {}

    /// How urgent a tick of this object is.
    fn urgency(cluster: &Cluster, object: &Object<Self::Spec, Self::Status>) -> Urgency;
}

/// What a decision may know besides objects and readings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    /// The present instant.
    pub now: Timestamp,
    /// Where the clock has leapt ahead, the instant to which it has: what is on record from before is counted from there.
    /// [`Timestamp::MIN`] where it has not, as far as this process knows.
    pub counted_from: Timestamp,
    /// Names this installation of Weir in ownership tags; stable across clusters.
    pub owner: String,
    /// Why the last attempt to write for this object failed, unless one has succeeded since.
    pub write_error: Option<WriteError>,
    /// The last write for this object that AWS accepted, as far as this process remembers.
    pub accepted: Option<AcceptedWrite>,
    /// Which namespaces may name what.
    pub grants: Arc<Grants>,
}

/// Why a write did not happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum WriteError {
    /// AWS refused it or did not answer.
    #[error("{0}")]
    Aws(AwsError),
    /// The guard did not let it through.
    #[error("not written: {0}")]
    Violation(Violation),
}

impl WriteError {
    /// Whether AWS will not take the same again.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Aws(error) if error.kind.is_refusal())
    }
}

impl Context {
    /// Whether AWS has refused the last write, so that what is on record is planned anew.
    pub fn is_refused(&self) -> bool {
        self.write_error.as_ref().is_some_and(WriteError::is_refusal)
    }
}

/// What one tick of an object leaves to the next one, in the memory of the process only: losing it costs time
/// and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Memory {
    /// Why the last attempt to write failed, unless one has succeeded since.
    pub write_error: Option<WriteError>,
    /// The last write that AWS accepted; kept for ten minutes.
    pub accepted: Option<AcceptedWrite>,
    /// When AWS last refused a write as it was, unless it has accepted one since.
    pub refused_at: Option<Timestamp>,
}

/// A write that AWS has accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AcceptedWrite {
    /// When.
    pub at: Timestamp,
    /// What was written.
    pub write: Write,
    /// By what Route 53 tells how far it has come, where it was written there.
    pub change: Option<ChangeId>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verdict<Status> {
    /// What shall be on record.
    pub status: Status,
    /// Whether the object shall carry Weir's finalizer.
    pub finalizer: bool,
    /// The write that follows once the status is on record.
    pub write: Option<Write>,
    /// The other objects to be read afresh before the write.
    pub confirm: Vec<ObjectRef>,
    /// When to look again, if nothing wakes the object before.
    pub wake: Option<Timestamp>,
}

impl<Status> Verdict<Status> {
    /// Records a status and does nothing else.
    pub fn record(status: Status) -> Self {
        Self { status, finalizer: false, write: None, confirm: Vec::new(), wake: None }
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
    /// A seat: what follows is the evidence for a write, and the write, and neither is worth anything before the write may go.
    Board,
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
    /// Whether something went wrong in this tick, so that the caller backs off before the next.
    pub failed: bool,
    /// What the next tick of the object is given.
    pub memory: Memory,
}

/// The answer to a [`Need`].
#[derive(Debug)]
pub enum Answer {
    /// To none: the tick begins.
    Begin,
    /// To `Read`.
    Read(Vec<(Ask, Fact)>),
    /// To `Get`, `Finalizer` and `Record`: the objects passed along are up to date.
    Stored,
    /// To `Board`: the write may go.
    Boarded,
    /// To `Act`. Of a write to Route 53 the change that it made.
    Acted(Result<Option<ChangeId>, AwsError>),
}

/// The state of one tick.
#[derive(Debug)]
pub struct Tick<K> {
    key: Key,
    began: Timestamp,
    context: Context,
    facts: Facts,
    refused_at: Option<Timestamp>,
    boarded: bool,
    confirmed: bool,
    trying: Option<Write>,
    failed: bool,
    rounds: u32,
    urgency: Urgency,
    kind: PhantomData<K>,
}

impl<K: Kind> Tick<K> {
    /// A tick of an object, with what the last tick of it left.
    pub fn new(key: Key, now: Timestamp, owner: String, memory: Memory) -> Self {
        Self {
            key,
            began: now,
            context: Context {
                now,
                counted_from: Timestamp::MIN,
                owner,
                write_error: memory.write_error,
                accepted: memory.accepted,
                grants: Arc::default(),
            },
            facts: Facts::default(),
            refused_at: memory.refused_at,
            boarded: false,
            confirmed: false,
            trying: None,
            failed: false,
            rounds: 0,
            urgency: Urgency::Routine,
            kind: PhantomData,
        }
    }

    /// The same, with a seat already: its write may go.
    #[must_use]
    pub fn boarded(mut self) -> Self {
        self.boarded = true;
        self
    }

    /// The same, with roles that namespaces may name.
    #[must_use]
    pub fn granting(mut self, grants: Arc<Grants>) -> Self {
        self.context.grants = grants;
        self
    }

    /// The same, by a clock that has leapt ahead to an instant.
    #[must_use]
    pub fn counting_from(mut self, instant: Timestamp) -> Self {
        self.context.counted_from = instant;
        self
    }

    /// Goes on with an answer until the next need.
    pub fn next(&mut self, now: Timestamp, cluster: &Cluster, answer: Answer) -> Need<K::Status> {
        self.context.now = self.context.now.max(now);
        self.rounds += 1;
        match answer {
            Answer::Begin | Answer::Stored => {}
            Answer::Boarded => self.boarded = true,
            Answer::Read(answers) => answers.into_iter().for_each(|(ask, fact)| self.facts.answer(ask, fact)),
            Answer::Acted(Ok(change)) => {
                self.context.write_error = None;
                self.refused_at = None;
                let at = self.context.now;
                self.context.accepted = self.trying.take().map(|write| AcceptedWrite { at, write, change });
                return self.done(Some(self.context.now));
            }
            Answer::Acted(Err(error)) => {
                self.fail(WriteError::Aws(error));
                if self.context.is_refused() {
                    self.refused_at = Some(self.context.now);
                }
            }
        }
        if self.rounds > ROUNDS {
            return self.done(Some(self.context.now + UNSETTLED_RETRY));
        }
        self.decide(cluster)
    }

    /// How urgent the last need is, by what was decided and by the objects as they were then.
    pub fn urgency(&self) -> Urgency {
        self.urgency
    }

    /// The instant at which the tick began.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    fn decide(&mut self, cluster: &Cluster) -> Need<K::Status> {
        let Some(object) = K::find(cluster, &self.key) else {
            return self.done(None);
        };
        let mut status = object.status.clone();
        K::redate(&mut status, &Dates::new(self.began, self.context.now, self.context.counted_from));
        let redated = (status != object.status).then(|| Object { status, ..object.clone() });
        let mut reader = Reader::new(self.began, &self.facts).refused(self.refused_at);
        let verdict = K::decide(&self.context, cluster, redated.as_ref().unwrap_or(object), &mut reader);
        self.urgency = K::urgency(cluster, object).min(reader.urgency());
        let lacks_evidence = reader.lacks_evidence();
        let asks = reader.into_asks();
        let Some(verdict) = verdict.filter(|_| asks.is_empty()) else {
            return if lacks_evidence && !self.boarded { Need::Board } else { Need::Read(asks) };
        };
        // An object that is being deleted takes no new finalizer.
        if verdict.finalizer && !object.has_finalizer() && object.deleted.is_none() {
            return Need::Finalizer(true);
        }
        if verdict.status != object.status || cluster.is_outdated(K::NAME, &self.key) {
            return Need::Record(verdict.status);
        }
        if object.has_finalizer() && !verdict.finalizer {
            return Need::Finalizer(false);
        }
        match verdict.write {
            Some(write) if !self.failed => self.act(write, verdict.confirm, verdict.wake, cluster),
            _ => self.done(verdict.wake),
        }
    }

    fn act(
        &mut self,
        write: Write,
        confirm: Vec<ObjectRef>,
        wake: Option<Timestamp>,
        cluster: &Cluster,
    ) -> Need<K::Status> {
        if let Some(accepted) = &self.context.accepted
            && accepted.write == write
            && self.context.now < accepted.at + SETTLING
        {
            let settled = accepted.at + SETTLING;
            return self.done(Some(wake.map_or(settled, |wake| wake.min(settled))));
        }
        if !self.boarded {
            return Need::Board;
        }
        if !self.confirmed {
            self.confirmed = true;
            let own = ObjectRef::new(K::NAME, self.key.clone());
            return Need::Get(std::iter::once(own).chain(confirm).collect());
        }
        let recorded = K::recorded(&self.context.owner, cluster, &self.key);
        match guard((self.began, self.context.now), &write, recorded, &self.facts) {
            Ok(permit) => {
                self.trying = Some(write);
                Need::Act(permit)
            }
            Err(violation) => {
                self.fail(WriteError::Violation(violation));
                self.decide(cluster)
            }
        }
    }

    /// Remembers why nothing was written; the rest of the tick only records it.
    fn fail(&mut self, write_error: WriteError) {
        self.context.write_error = Some(write_error);
        self.failed = true;
    }

    fn done(&mut self, wake: Option<Timestamp>) -> Need<K::Status> {
        let accepted = self.context.accepted.clone();
        let accepted = accepted.filter(|accepted| self.context.now < accepted.at + REMEMBERED);
        let memory = Memory { write_error: self.context.write_error.clone(), accepted, refused_at: self.refused_at };
        Need::Done(Rest { wake, failed: self.failed, memory })
    }
}
