//! The last answer to each question, for as long as someone keeps asking.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use weir_engine::fact::{AwsError, By, ErrorKind, Fact, Query, Rule, Tags};

use super::touch::Touched;

/// How long an answer is kept that no one asks for.
const UNASKED: SignedDuration = SignedDuration::from_hours(1);
/// How long a failure is given to others who ask the same, so that they do not all run into it; then it is tried
/// again, however old an answer the asker would take.
const FAILURE: SignedDuration = SignedDuration::from_secs(5);
/// How often what no one asks for is looked for.
const SWEEP: SignedDuration = SignedDuration::from_mins(5);

/// What is known.
#[derive(Default)]
pub(super) struct Memory {
    known: BTreeMap<Query, Known>,
    swept: Timestamp,
}

struct Known {
    fact: Fact,
    asked: Timestamp,
}

impl Memory {
    /// The answer to a question if it is from `not_before` or later.
    pub(super) fn recall(&mut self, query: &Query, not_before: Timestamp, now: Timestamp) -> Option<Fact> {
        let known = self.known.get_mut(query)?;
        known.asked = known.asked.max(now);
        let (at, failure) = state(&known.fact);
        let oldest = if failure.is_some() { not_before.max(now - FAILURE) } else { not_before };
        (at >= oldest).then(|| known.fact.clone())
    }

    /// Whether what a question is about did not exist, or was no sensible question, when last asked.
    pub(super) fn is_doubtful(&self, query: &Query) -> bool {
        let failure = self.known.get(query).and_then(|known| state(&known.fact).1);
        failure.is_some_and(|error| matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid))
    }

    /// The rules of a listener as last read.
    pub(super) fn rules(&self, query: &Query) -> Option<&[Rule]> {
        match &self.known.get(query)?.fact {
            Fact::Rules(reading) => reading.found.as_deref().ok(),
            _ => None,
        }
    }

    /// The tags of a resource as last read.
    pub(super) fn tags(&self, query: &Query) -> Option<&Tags> {
        match &self.known.get(query)?.fact {
            Fact::Tags(reading) => reading.found.as_ref().ok(),
            _ => None,
        }
    }

    /// Remembers an answer, under the other name of what was found too.
    pub(super) fn keep(&mut self, query: &Query, fact: &Fact, now: Timestamp) {
        for name in other_names(fact).into_iter().filter(|name| name != query).chain([query.clone()]) {
            let newer = |known: &Known| state(&known.fact).0 > state(fact).0;
            if !self.known.get(&name).is_some_and(newer) {
                self.known.insert(name, Known { fact: fact.clone(), asked: now });
            }
        }
        if now.duration_since(self.swept) >= SWEEP {
            self.swept = now;
            self.known.retain(|_, known| now.duration_since(known.asked) < UNASKED);
        }
    }

    /// Forgets what a write may have changed.
    pub(super) fn forget(&mut self, touched: &Touched) {
        self.known.retain(|query, known| !touched.is(query, &known.fact));
    }
}

/// The instant of an answer, and why it is none.
fn state(fact: &Fact) -> (Timestamp, Option<&AwsError>) {
    match fact {
        Fact::Balancer(reading) => (reading.at, reading.found.as_ref().err()),
        Fact::Listeners(reading) => (reading.at, reading.found.as_ref().err()),
        Fact::Rules(reading) => (reading.at, reading.found.as_ref().err()),
        Fact::Group(reading) => (reading.at, reading.found.as_ref().err()),
        Fact::Attributes(reading) => (reading.at, reading.found.as_ref().err()),
        Fact::Health(reading) => (reading.at, reading.found.as_ref().err()),
        Fact::Tags(reading) => (reading.at, reading.found.as_ref().err()),
    }
}

/// All questions that the answer answers, where a thing can be asked for by ARN and by name.
fn other_names(fact: &Fact) -> Vec<Query> {
    let both = |arn: &weir_engine::Arn, name: &str| [By::Arn(arn.clone()), By::Name(name.to_owned())];
    match fact {
        Fact::Balancer(reading) => match &reading.found {
            Ok(found) => both(&found.arn, &found.name).map(Query::Balancer).into(),
            Err(_) => Vec::new(),
        },
        Fact::Group(reading) => match &reading.found {
            Ok(found) => both(&found.arn, &found.name).map(Query::Group).into(),
            Err(_) => Vec::new(),
        },
        Fact::Listeners(_) | Fact::Rules(_) | Fact::Attributes(_) | Fact::Health(_) | Fact::Tags(_) => Vec::new(),
    }
}
