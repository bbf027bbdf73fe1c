//! What a tick knows of AWS, and how a decision says what it does not know yet.
//!
//! A decision looks things up through a [`Reader`]. What is missing or too old is noted as an [`Ask`]; the tick has
//! it read and decides again. So the knowledge of what must be read, and how fresh, stands where it is used.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::Arn;
use crate::access::Access;
use crate::dns::{ChangeId, ChangeSync, HostedZone, NameInZone, RecordSet, ZoneId};
use crate::fact::{
    Balancer, BalancerAttributes, By, Fact, Finding, GroupAttributes, Health, Listener, Query, Reading, RequestCount,
    Requests, Rule, Tags, TargetGroup, questions,
};
use crate::urgency::Urgency;

/// How old a reading may be, at the start of the tick, for a write to be founded on it.
pub const FRESH: SignedDuration = SignedDuration::from_secs(5);

/// A question with the oldest instant from which an answer will do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ask {
    /// What is asked.
    pub query: Query,
    /// A reading from before this instant is too old.
    pub not_before: Timestamp,
    /// By which access it is asked.
    pub access: Access,
}

impl Ask {
    /// A question to the controller's own account and region.
    pub fn new(query: Query, not_before: Timestamp) -> Self {
        Self { query, not_before, access: Access::default() }
    }
}

/// What a decision that looks something up comes to. `None` says that something is not known yet: what was asked is
/// noted, and when it is answered the decision is made again.
pub type Asked<T> = Option<T>;

/// Takes what was looked up one after another, all of it before the first that is not known ends the decision: a `?` in a
/// loop would ask one thing a round.
pub(crate) fn all<T>(asked: impl Iterator<Item = Asked<T>>) -> Asked<Vec<T>> {
    let asked: Vec<Asked<T>> = asked.collect();
    asked.into_iter().collect()
}

/// All readings that a tick has at hand, by what was asked. A question by name goes with its access; an ARN says itself
/// where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facts(BTreeMap<(Access, Query), Fact>);

impl Facts {
    /// Adds what is known of the controller's own account and region.
    pub fn add(&mut self, query: Query, fact: Fact) {
        self.answer(Ask::new(query, ANY_AGE), fact);
    }

    /// Adds an answer. An answer of another sort than its question is dropped, and asked for again.
    pub fn answer(&mut self, ask: Ask, fact: Fact) {
        if fact.answers(&ask.query) {
            self.0.insert(place(&ask.access, ask.query), fact);
        }
    }

    /// The answer to a question as it was last read, whatever was found.
    pub(crate) fn get(&self, ask: &Ask) -> Option<&Fact> {
        self.0.get(&place(&ask.access, ask.query.clone()))
    }

    /// All rules that are known, of any listener.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        let found = self.0.values().filter_map(|fact| fact.reading::<Vec<Rule>>()?.found.ok());
        found.flatten()
    }

    /// All groups that are known.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &TargetGroup> {
        self.0.values().filter_map(|fact| fact.reading::<TargetGroup>()?.found.ok())
    }

    /// The answer to a question as last read, however old. What is named is looked for in the controller's own account.
    pub fn last<T: Finding>(&self, query: Query) -> Option<Reading<'_, T>> {
        self.0.get(&place(&Access::default(), query))?.reading()
    }
}

fn place(access: &Access, query: Query) -> (Access, Query) {
    (if query.is_by_name() { access.clone() } else { Access::default() }, query)
}

/// The facts as one decision looks at them. What was read since the tick began will always do: an instant on record may lie
/// ahead, where a clock was set back, and to ask for what is read after it would be to ask without end.
#[derive(Debug)]
pub struct Reader<'a> {
    /// When the tick began; ages are counted back from here, so that slow reads do not chase themselves.
    pub began: Timestamp,
    facts: &'a Facts,
    asks: BTreeSet<Ask>,
    urgency: Urgency,
    access: Access,
    /// When AWS has last refused what was founded on readings.
    refused_at: Timestamp,
    /// Whether what is looked up now is evidence for a write.
    is_evidence: bool,
    lacks_evidence: bool,
}

impl<'a> Reader<'a> {
    /// Looks at facts, in a tick that began at an instant.
    pub fn new(began: Timestamp, facts: &'a Facts) -> Self {
        Self {
            began,
            facts,
            asks: BTreeSet::new(),
            urgency: Urgency::Routine,
            access: Access::default(),
            refused_at: ANY_AGE,
            is_evidence: false,
            lacks_evidence: false,
        }
    }

    /// The same, where AWS has refused a write at an instant.
    #[must_use]
    pub fn refused(mut self, refused_at: Option<Timestamp>) -> Self {
        self.refused_at = refused_at.unwrap_or(ANY_AGE);
        self
    }

    /// Looks at something by this access.
    pub fn by<T>(&mut self, access: &Access, look: impl FnOnce(&mut Self) -> T) -> T {
        let own = std::mem::replace(&mut self.access, access.clone());
        let seen = look(self);
        self.access = own;
        seen
    }

    /// Looks at evidence for a write: it grows old, so it is read when the write may go, and not before.
    pub fn evidence<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let was = std::mem::replace(&mut self.is_evidence, true);
        let seen = look(self);
        self.is_evidence = was;
        seen
    }

    /// Whether evidence for a write was looked for and not found.
    pub fn lacks_evidence(&self) -> bool {
        self.lacks_evidence
    }

    /// The access by which is asked.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Looks up the answer to a question; asks unless it was read at `not_before` or later.
    pub(crate) fn look_up<T: Finding>(&mut self, query: Query, not_before: Timestamp) -> Asked<Reading<'a, T>> {
        let not_before = not_before.min(self.began);
        let known = self.facts.0.get(&place(&self.access, query.clone())).filter(|fact| fact.at >= not_before);
        if known.is_none() {
            self.lacks_evidence |= self.is_evidence;
            self.asks.insert(Ask { query, not_before, access: self.access.clone() });
        }
        known?.reading()
    }

    /// The oldest instant of a reading that a write may be founded on.
    pub fn fresh(&self) -> Timestamp {
        self.began - FRESH
    }

    /// The oldest instant of a reading that will do where AWS refuses what a wrong one leads to: it is remembered until AWS does.
    pub fn unrefuted(&self) -> Timestamp {
        self.refused_at
    }

    /// What is asked is at least so urgent, though the recorded status does not say so yet.
    pub fn hurry(&mut self, urgency: Urgency) {
        self.urgency = self.urgency.min(urgency);
    }

    /// How urgent the decision says that it is.
    pub fn urgency(&self) -> Urgency {
        self.urgency
    }

    /// What was looked for and not found.
    pub fn into_asks(self) -> Vec<Ask> {
        self.asks.into_iter().collect()
    }

    /// The facts, for judgements that must not ask.
    pub fn facts(&self) -> &'a Facts {
        self.facts
    }
}

macro_rules! look_ups {
    ($($(#[$doc:meta])* $name:ident($key:ident: $key_type:ty) -> $found:ty, $look_up:ident;)+) => {
        impl<'a> Reader<'a> {$(
            $(#[$doc])*
            ///
            /// Asks unless it was read at `not_before` or later.
            pub fn $look_up(&mut self, $key: &$key_type, not_before: Timestamp) -> Asked<Reading<'a, $found>> {
                self.look_up(Query::$name($key.clone()), not_before)
            }
        )+}
    };
}

questions!(look_ups);

/// A reading of any age will do.
pub const ANY_AGE: Timestamp = Timestamp::MIN;

#[cfg(test)]
mod tests;
