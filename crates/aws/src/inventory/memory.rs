//! The last answer to each question, for as long as someone keeps asking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use weir_engine::Arn;
use weir_engine::fact::{AwsError, By, ErrorKind, Fact, Query, Rule, RulePriority, Tags};

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

    /// The last answer to a question, however old.
    pub(super) fn last(&mut self, query: &Query, now: Timestamp) -> Option<Fact> {
        let known = self.known.get_mut(query)?;
        known.asked = known.asked.max(now);
        Some(known.fact.clone())
    }

    /// Whether what a question is about did not exist, or was no sensible question, when last asked.
    pub(super) fn is_doubtful(&self, query: &Query) -> bool {
        let failure = self.known.get(query).and_then(|known| state(&known.fact).1);
        failure.is_some_and(|error| matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid))
    }

    /// The rules of a listener as last read.
    pub(super) fn rules(&self, query: &Query) -> Option<&[Rule]> {
        rules_of(&self.known.get(query)?.fact)
    }

    /// So many questions for the tags of rules that were seen and whose tags were never read: first those of the
    /// listeners that hold a rule among the questions given.
    pub(super) fn untold_tags(
        &self,
        near: &BTreeSet<Query>,
        is_free: impl Fn(&Query) -> bool,
        room: usize,
    ) -> BTreeSet<Query> {
        let mut found = BTreeSet::new();
        if room == 0 {
            return found;
        }
        let is_near = |rule: &Rule| near.iter().any(|query| matches!(query, Query::Tags(arn) if *arn == rule.arn));
        let (near, others): (Vec<&[Rule]>, Vec<&[Rule]>) =
            self.all_rules().partition(|rules| rules.iter().any(is_near));
        // The marks of a default action stand on its listener, which is no rule.
        let is_untold = |query: &Query| !self.known.contains_key(query) && is_free(query);
        for rules in near.into_iter().chain(others) {
            let at_priority = rules.iter().filter(|rule| rule.priority != RulePriority::Default);
            let untold = at_priority.map(|rule| Query::Tags(rule.arn.clone())).filter(is_untold);
            found.extend(untold.take(room.saturating_sub(found.len())));
            if found.len() == room {
                break;
            }
        }
        found
    }

    /// The rules of each listener as last read.
    fn all_rules(&self) -> impl Iterator<Item = &[Rule]> {
        let first = Query::Rules(Arn::new(""));
        let known = self.known.range(first..).take_while(|(query, _)| matches!(query, Query::Rules(_)));
        known.filter_map(|(_, known)| rules_of(&known.fact))
    }

    /// The tags of a resource as last read.
    pub(super) fn tags(&self, query: &Query) -> Option<&Arc<Tags>> {
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
        for query in touched.named() {
            self.known.remove(query);
        }
        if touched.touches_groups() {
            self.known.retain(|query, known| !touched.is(query, &known.fact));
        }
    }
}

fn rules_of(fact: &Fact) -> Option<&[Rule]> {
    match fact {
        Fact::Rules(reading) => reading.found.as_ref().ok().map(|rules| rules.as_slice()),
        _ => None,
    }
}

/// The instant of an answer, and why it is none.
fn state(fact: &Fact) -> (Timestamp, Option<&AwsError>) {
    match fact {
        Fact::Balancer(reading) => (reading.at, reading.failure()),
        Fact::Listeners(reading) => (reading.at, reading.failure()),
        Fact::Rules(reading) => (reading.at, reading.failure()),
        Fact::Group(reading) => (reading.at, reading.failure()),
        Fact::Attributes(reading) => (reading.at, reading.failure()),
        Fact::Health(reading) => (reading.at, reading.failure()),
        Fact::Tags(reading) => (reading.at, reading.failure()),
        Fact::Requests(Some(reading)) => (reading.at, reading.failure()),
        Fact::Requests(None) => (Timestamp::MIN, None),
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
        Fact::Listeners(_)
        | Fact::Rules(_)
        | Fact::Attributes(_)
        | Fact::Health(_)
        | Fact::Tags(_)
        | Fact::Requests(_) => Vec::new(),
    }
}
