//! What a tick knows of AWS, and how a decision says what it does not know yet.
//!
//! A decision looks things up through a [`Sight`]. What is missing or too old is noted as an [`Ask`]; the tick has
//! it read and decides again. So the knowledge of what must be read, and how fresh, stands where it is used.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::Arn;
use crate::access::Access;
use crate::fact::{
    Balancer, By, Fact, GroupAttributes, Health, Listener, Query, Reading, Requests, Rule, Tags, TargetGroup,
};
use crate::tick::Urgency;

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

/// What something is called, and where: an ARN says itself where it is, a name is unique in one account and region.
type Named = (Access, By);

fn named(access: &Access, by: &By) -> Named {
    match by {
        By::Arn(_) => (Access::default(), by.clone()),
        By::Name(_) => (access.clone(), by.clone()),
    }
}

/// An ARN says itself where it is.
fn itself(_: &Access, arn: &Arn) -> Arn {
    arn.clone()
}

/// All readings that a tick has at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facts {
    balancers: BTreeMap<Named, Reading<Balancer>>,
    listeners: BTreeMap<Arn, Reading<Vec<Listener>>>,
    rules: BTreeMap<Arn, Reading<Vec<Rule>>>,
    groups: BTreeMap<Named, Reading<TargetGroup>>,
    attributes: BTreeMap<Arn, Reading<GroupAttributes>>,
    health: BTreeMap<Arn, Reading<Health>>,
    tags: BTreeMap<Arn, Reading<Tags>>,
    requests: BTreeMap<(Arn, Option<Arn>), Option<Reading<Requests>>>,
}

impl Facts {
    /// Adds what is known of the controller's own account and region.
    pub fn add(&mut self, query: Query, fact: Fact) {
        self.answer(Ask::new(query, ANY_AGE), fact);
    }

    /// Adds an answer. An answer of another sort than its question is dropped, and asked for again.
    pub fn answer(&mut self, ask: Ask, fact: Fact) {
        let access = ask.access;
        match (ask.query, fact) {
            (Query::Balancer(by), Fact::Balancer(reading)) => {
                drop(self.balancers.insert(named(&access, &by), reading));
            }
            (Query::Listeners(arn), Fact::Listeners(reading)) => drop(self.listeners.insert(arn, reading)),
            (Query::Rules(arn), Fact::Rules(reading)) => drop(self.rules.insert(arn, reading)),
            (Query::Group(by), Fact::Group(reading)) => drop(self.groups.insert(named(&access, &by), reading)),
            (Query::Attributes(arn), Fact::Attributes(reading)) => drop(self.attributes.insert(arn, reading)),
            (Query::Health(arn), Fact::Health(reading)) => drop(self.health.insert(arn, reading)),
            (Query::Tags(arn), Fact::Tags(reading)) => drop(self.tags.insert(arn, reading)),
            (Query::Requests { balancer, group }, Fact::Requests(reading)) => {
                self.requests.insert((balancer, group), reading);
            }
            _ => {}
        }
    }

    /// The health of a group as last read, however old.
    pub fn health(&self, group: &Arn) -> Option<&Reading<Health>> {
        self.health.get(group)
    }

    /// The rules of a listener as last read, however old.
    pub fn rules(&self, listener: &Arn) -> Option<&Reading<Vec<Rule>>> {
        self.rules.get(listener)
    }

    /// The tags of a resource as last read, however old.
    pub fn tags(&self, resource: &Arn) -> Option<&Reading<Tags>> {
        self.tags.get(resource)
    }

    /// A target group as last read, however old.
    pub fn group(&self, group: &Arn) -> Option<&Reading<TargetGroup>> {
        self.groups.get(&named(&Access::default(), &By::Arn(group.clone())))
    }
}

/// The facts as one decision looks at them. What was read since the tick began will always do: an instant on record may lie
/// ahead, where a clock was set back, and to ask for what is read after it would be to ask without end.
#[derive(Debug)]
pub struct Sight<'a> {
    /// When the tick began; ages are counted back from here, so that slow reads do not chase themselves.
    pub began: Timestamp,
    facts: &'a Facts,
    asks: BTreeSet<Ask>,
    urgency: Urgency,
    access: Access,
}

macro_rules! look_up {
    ($($(#[$doc:meta])* $name:ident($key:ident: &$key_type:ty) -> $found:ty = $map:ident by $place:expr, $query:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, $key: &$key_type, not_before: Timestamp) -> Option<&'a Reading<$found>> {
            let not_before = not_before.min(self.began);
            match self.facts.$map.get(&$place(&self.access, $key)).filter(|reading| reading.at >= not_before) {
                Some(reading) => Some(reading),
                None => {
                    let access = self.access.clone();
                    self.asks.insert(Ask { query: $query($key.clone()), not_before, access });
                    None
                }
            }
        }
    )*};
}

impl<'a> Sight<'a> {
    /// Looks at facts, in a tick that began at an instant.
    pub fn new(began: Timestamp, facts: &'a Facts) -> Self {
        Self { began, facts, asks: BTreeSet::new(), urgency: Urgency::Routine, access: Access::default() }
    }

    /// Asks by this access from now on.
    pub fn through(&mut self, access: &Access) {
        self.access.clone_from(access);
    }

    /// The oldest instant of a reading that a write may be founded on.
    pub fn fresh(&self) -> Timestamp {
        self.began - FRESH
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

    /// The requests of a balancer's group, or of all of them, as last counted; the inner `None` says that they were
    /// not counted yet.
    pub fn requests(&mut self, balancer: &Arn, group: Option<&Arn>) -> Option<Option<&'a Reading<Requests>>> {
        let key = (balancer.clone(), group.cloned());
        let known = self.facts.requests.get(&key);
        if known.is_none() {
            let (balancer, group) = key;
            let (query, access) = (Query::Requests { balancer, group }, self.access.clone());
            self.asks.insert(Ask { query, not_before: ANY_AGE, access });
        }
        known.map(Option::as_ref)
    }

    look_up! {
        /// A balancer; asks for it unless it was read at `not_before` or later.
        balancer(by: &By) -> Balancer = balancers by named, Query::Balancer;
        /// The listeners of a balancer; asks for them unless they were read at `not_before` or later.
        listeners(balancer: &Arn) -> Vec<Listener> = listeners by itself, Query::Listeners;
        /// The rules of a listener; asks for them unless they were read at `not_before` or later.
        rules(listener: &Arn) -> Vec<Rule> = rules by itself, Query::Rules;
        /// A target group; asks for it unless it was read at `not_before` or later.
        group(by: &By) -> TargetGroup = groups by named, Query::Group;
        /// The attributes of a target group; asks for them unless they were read at `not_before` or later.
        attributes(group: &Arn) -> GroupAttributes = attributes by itself, Query::Attributes;
        /// The health of a group; asks for it unless it was read at `not_before` or later.
        health(group: &Arn) -> Health = health by itself, Query::Health;
        /// The tags of a resource; asks for them unless they were read at `not_before` or later.
        tags(resource: &Arn) -> Tags = tags by itself, Query::Tags;
    }
}

/// A reading of any age will do.
pub const ANY_AGE: Timestamp = Timestamp::MIN;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::ToSpan;

    use super::*;

    #[test]
    fn what_was_read_in_this_tick_will_do_whatever_instant_is_on_record() {
        let began: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let (listener, mut facts) = (Arn::new("arn:listener"), Facts::default());
        let ahead = began + 15.minutes();
        let mut sight = Sight::new(began, &facts);
        assert_eq!(sight.rules(&listener, ahead), None);
        let [ask] = sight.into_asks().try_into().unwrap();
        assert_eq!(ask.not_before, began, "nothing is asked that only a later tick could be told");
        facts.answer(ask, Fact::Rules(Reading { at: began, found: Ok(Arc::default()) }));
        let mut sight = Sight::new(began, &facts);
        assert!(sight.rules(&listener, ahead).is_some());
        assert!(sight.into_asks().is_empty());
    }
}
