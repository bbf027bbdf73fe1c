//! The guard: judges each write by what is on record and by the state that it would meet, not by what the decision that
//! wants it says of itself.
//!
//! A [`Permit`] can be made here only, and the writes of AWS accept nothing else.

mod capacity;
mod listener;
mod ownership;
mod recorded;
mod records;
mod split;
mod tags;

use std::iter;
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};

use crate::Arn;
use crate::access::{self, Access};
use crate::fact::{AwsError, Finding, Health, Query, Rule, Tags};
use crate::reader::Facts;
use crate::write::Write;

pub use ownership::marks;
pub use recorded::Recorded;

/// How old, at the start of the tick, a reading may be on which a write is founded.
const EVIDENCE_AGE: SignedDuration = SignedDuration::from_secs(10);

/// The right to carry out one write.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permit {
    write: Write,
    access: Access,
}

impl Permit {
    /// The write that it is for.
    pub fn write(&self) -> &Write {
        &self.write
    }

    /// The access by which it is written.
    pub fn access(&self) -> &Access {
        &self.access
    }
}

/// Why a write was not let through: an invariant would have been broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Violation {
    /// [`Invariant::AllZero`](crate::invariant::Invariant::AllZero).
    #[error("all weights of the action would be zero, so that no request would be answered")]
    AllZero,
    /// [`Invariant::OutOfRangeOrDirection`](crate::invariant::Invariant::OutOfRangeOrDirection).
    #[error("the action would have {0}")]
    OutOfRange(String),
    /// [`Invariant::NotOurs`](crate::invariant::Invariant::NotOurs).
    #[error("{resource} does not carry the mark of this route: {found}")]
    NotOurs {
        /// The rule or listener.
        resource: Arn,
        /// What its tags say.
        found: String,
    },
    /// Nothing is written that is not on record.
    #[error("the write would set {written}; on record is {recorded}")]
    Unrecorded {
        /// What would be written.
        written: String,
        /// What is on record instead.
        recorded: String,
    },
    /// [`Invariant::RaisedWithoutCapacity`](crate::invariant::Invariant::RaisedWithoutCapacity).
    #[error("the share of {group} would rise, but {found} where {needed} healthy targets are needed")]
    Capacity {
        /// The group.
        group: Arn,
        /// What is known of its health.
        found: String,
        /// How many are needed.
        needed: u64,
    },
    /// [`Invariant::OutOfRangeOrDirection`](crate::invariant::Invariant::OutOfRangeOrDirection).
    #[error("the share of {group} would rise, against the direction of the run")]
    Direction {
        /// The group.
        group: Arn,
    },
    /// Settings of others must survive.
    #[error("the write would change actions that are not the forward: {0}")]
    OtherActions(String),
    /// Only a route that is being deleted gives something up, and only what is its own.
    #[error("{resource} would be given up: {why}")]
    GivenUp {
        /// The rule or listener.
        resource: Arn,
        /// Why that must not be.
        why: String,
    },
    /// What was there before Weir is remembered once.
    #[error("{resource} remembers already what was there before Weir, and would forget it")]
    Forgotten {
        /// The rule or listener.
        resource: Arn,
    },
    /// Another account's resources are not this access's.
    #[error("{resource} would be written by {access}, which is for another account or region, or with {beside}")]
    Elsewhere {
        /// What would be written, or sent traffic.
        resource: Arn,
        /// The access.
        access: Access,
        /// What is written.
        beside: Arn,
    },
    /// A write needs evidence.
    #[error("{0} was not read within ten seconds before the tick")]
    Stale(String),
}

/// Judges a write by what is on record for its object and by the facts, in a tick that began at one instant, at another. What
/// was read later than that was read by a clock that has been set back since, and nobody knows how old it is.
pub fn guard(
    (began, now): (Timestamp, Timestamp),
    write: &Write,
    recorded: Option<Recorded<'_>>,
    facts: &Facts,
) -> Result<Permit, Violation> {
    let nothing = || recorded::unrecorded(format!("{} on {}", write.operation(), write.target()), "nothing".to_owned());
    let recorded = &recorded.ok_or_else(nothing)?;
    let access = access::recorded(recorded.route);
    in_one_place(write, &access)?;
    let scene = Scene { fresh: began - EVIDENCE_AGE..=now, facts, recorded };
    match write {
        Write::Listener(write) => scene.listener(write)?,
        Write::Records(write) => scene.records(write)?,
        Write::Tags(write) => scene.tagging(write)?,
    }
    Ok(Permit { write: write.clone(), access })
}

/// What is written to, and all that it sends traffic to, are in the one account and region that the access is for.
fn in_one_place(write: &Write, access: &Access) -> Result<(), Violation> {
    let mut resources = write.resources();
    let Some(place) = resources.next() else { return Ok(()) };
    let apart = |other: &Arn| match (place.account().zip(place.region()), other.account().zip(other.region())) {
        (Some(here), Some(there)) => here != there,
        _ => false,
    };
    let strays = |resource: &&Arn| !access.reaches(resource) || apart(resource);
    match iter::once(place).chain(resources).find(strays) {
        None => Ok(()),
        Some(resource) => {
            Err(Violation::Elsewhere { resource: resource.clone(), access: access.clone(), beside: place.clone() })
        }
    }
}

/// What a write would meet, and what is on record for it.
struct Scene<'a> {
    fresh: RangeInclusive<Timestamp>,
    facts: &'a Facts,
    recorded: &'a Recorded<'a>,
}

impl<'a> Scene<'a> {
    /// The answer to a question, where it was read just now.
    fn read<T: Finding>(&self, query: Query) -> Option<Result<&'a T, &'a AwsError>> {
        let reading = self.facts.last(query).filter(|reading| self.fresh.contains(&reading.at));
        reading.map(|reading| reading.found)
    }

    /// The health of a target group, or, of a balancer, of the group behind it with the fewest able targets.
    fn health(&self, member: &Arn) -> Option<Result<&'a Health, &'a AwsError>> {
        let Some(behind) = self.recorded.groups_behind(member) else { return self.read(Query::Health(member.clone())) };
        let found = behind.into_iter().map(|group| self.read(Query::Health(group)));
        let found: Result<Vec<&Health>, &AwsError> = found.collect::<Option<Vec<_>>>()?.into_iter().collect();
        match found {
            Ok(found) => found.into_iter().min_by_key(|health| health.able()).map(Ok),
            Err(error) => Some(Err(error)),
        }
    }

    fn rules(&self, listener: &Arn) -> Result<&'a [Rule], Violation> {
        let rules: Option<&Vec<Rule>> = self.read(Query::Rules(listener.clone())).and_then(Result::ok);
        rules.map(Vec::as_slice).ok_or_else(|| Violation::Stale(format!("the rules of {listener}")))
    }

    fn tags(&self, resource: &Arn) -> Result<&'a Tags, Violation> {
        let tags = self.read(Query::Tags(resource.clone())).and_then(Result::ok);
        tags.ok_or_else(|| Violation::Stale(format!("the tags of {resource}")))
    }
}

#[cfg(test)]
mod tests;
