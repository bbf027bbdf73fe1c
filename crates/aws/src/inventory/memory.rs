//! The last answer to each question, for as long as someone keeps asking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use weir_engine::Arn;
use weir_engine::fact::{AwsError, By, ErrorKind, Fact, Found, Query, Rule, RulePriority, Tags};

use super::invalidation::Invalidation;

/// How long an answer is kept that no one asks for.
const UNASKED: SignedDuration = SignedDuration::from_hours(1);
/// How long a failure is given to others who ask the same, so that they do not all run into it; then it is tried
/// again, however old an answer the asker would take.
const FAILURE: SignedDuration = SignedDuration::from_secs(5);
/// For how long reads must have failed before an answer from before is given to nobody any more: so long that two resyncs
/// have missed it.
pub(super) const LAPSE: SignedDuration = SignedDuration::from_secs(25);
/// How often what no one asks for is looked for.
const SWEEP: SignedDuration = SignedDuration::from_mins(5);

/// What is known.
#[derive(Default)]
pub(super) struct Memory {
    known: BTreeMap<Query, Known>,
    swept: Timestamp,
}

struct Known {
    /// What was last found, or that there is nothing to find.
    fact: Option<Fact>,
    /// Reads that failed since then.
    failing: Option<Failing>,
    asked: Timestamp,
}

struct Failing {
    since: Timestamp,
    last: Fact,
}

impl Known {
    /// The answer if one will do that is from `not_before` or later. What is from later than now was read by a clock that
    /// has been set back since: nobody knows how old it is.
    fn answer(&self, not_before: Timestamp, now: Timestamp) -> Option<&Fact> {
        let fact = self.fact.as_ref().filter(|fact| {
            let oldest = if fact.failure().is_some() { not_before.max(now - FAILURE) } else { not_before };
            (oldest..=now).contains(&fact.at)
        });
        let Some(failing) = &self.failing else { return fact };
        let lasts = now.duration_since(failing.since) >= LAPSE;
        fact.filter(|_| !lasts)
            .or_else(|| Some(&failing.last).filter(|last| (not_before.max(now - FAILURE)..=now).contains(&last.at)))
    }

    /// The last answer, however old, and whatever failed since.
    fn found(&self) -> Option<&Fact> {
        self.fact.as_ref()
    }
}

impl Memory {
    /// The answer to a question if it is from `not_before` or later.
    pub(super) fn recall(&mut self, query: &Query, not_before: Timestamp, now: Timestamp) -> Option<Fact> {
        let known = self.known.get_mut(query)?;
        known.asked = known.asked.max(now);
        known.answer(not_before, now).cloned()
    }

    /// The last answer to a question, however old.
    pub(super) fn last(&mut self, query: &Query, now: Timestamp) -> Option<Fact> {
        let known = self.known.get_mut(query)?;
        known.asked = known.asked.max(now);
        known.failing.as_ref().map(|failing| &failing.last).or(known.found()).cloned()
    }

    /// Whether a question was answered lately.
    pub(super) fn knows(&self, query: &Query) -> bool {
        self.known.contains_key(query)
    }

    /// Whether what a question is about did not exist, or was no sensible question, when last asked.
    pub(super) fn is_doubtful(&self, query: &Query) -> bool {
        let failure = self.known.get(query).and_then(Known::found).and_then(Fact::failure);
        failure.is_some_and(|error| matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid))
    }

    /// The rules of a listener as last read.
    pub(super) fn rules(&self, query: &Query) -> Option<&[Rule]> {
        rules_of(self.known.get(query)?.found()?)
    }

    /// So many questions for the tags of rules that were never read, or before an instant: of the listeners that hold a rule
    /// among those asked about first.
    pub(super) fn old_tags(
        &self,
        asked: &BTreeSet<Query>,
        not_before: Timestamp,
        is_free: impl Fn(&Query) -> bool,
        room: usize,
    ) -> BTreeSet<Query> {
        let mut found = BTreeSet::new();
        if room == 0 {
            return found;
        }
        let is_old = |query: &Query| {
            let read = self.known.get(query).map(|known| known.found().filter(|found| found.failure().is_none()));
            is_free(query) && read.is_none_or(|read| read.is_some_and(|read| read.at < not_before))
        };
        for query in self.tags_of_rules(asked).chain(self.tags_beside(asked)).filter(is_old) {
            found.insert(query);
            if found.len() == room {
                break;
            }
        }
        found
    }

    /// Questions for the tags of the rules that are known, first those of the listeners that hold a rule among those asked about.
    fn tags_of_rules(&self, asked: &BTreeSet<Query>) -> impl Iterator<Item = Query> {
        let is_asked = |rule: &Rule| asked.iter().any(|query| matches!(query, Query::Tags(arn) if *arn == rule.arn));
        let (near, others): (Vec<&[Rule]>, Vec<&[Rule]>) =
            self.all_rules().partition(|rules| rules.iter().any(is_asked));
        // The marks of a default action stand on its listener, which is no rule.
        let rules = near.into_iter().chain(others).flatten().filter(|rule| rule.priority != RulePriority::Default);
        rules.map(|rule| Query::Tags(rule.arn.clone()))
    }

    /// Questions for tags that are known, of what lies beside what is asked about: of a listener that was just written to, the
    /// rules are not known.
    fn tags_beside(&self, asked: &BTreeSet<Query>) -> impl Iterator<Item = Query> {
        let arns =
            asked.iter().filter_map(|query| if let Query::Tags(arn) = query { Some(arn.as_str()) } else { None });
        let folders: BTreeSet<&str> = arns.filter_map(|arn| Some(arn.rsplit_once('/')?.0)).collect();
        folders.into_iter().flat_map(|folder| {
            let known = self.known.range(Query::Tags(Arn::new(folder))..).map(|(query, _)| query);
            known
                .take_while(move |query| matches!(query, Query::Tags(arn) if arn.as_str().starts_with(folder)))
                .cloned()
        })
    }

    /// The rules of each listener as last read.
    fn all_rules(&self) -> impl Iterator<Item = &[Rule]> {
        let first = Query::Rules(Arn::new(""));
        let known = self.known.range(first..).take_while(|(query, _)| matches!(query, Query::Rules(_)));
        known.filter_map(|(_, known)| rules_of(known.found()?))
    }

    /// The tags of a resource as last read.
    pub(super) fn tags(&self, query: &Query) -> Option<&Arc<Tags>> {
        match &self.known.get(query)?.found()?.found {
            Ok(Found::Tags(tags)) => Some(tags),
            _ => None,
        }
    }

    /// Remembers an answer, under the other name of what was found too. A failure that may pass does not take the place
    /// of what was found before it.
    pub(super) fn keep(&mut self, query: &Query, fact: &Fact, now: Timestamp) {
        match fact.failure() {
            Some(failure) if !is_answer(failure.kind) => self.keep_failure(query, fact, now),
            failure => {
                for name in names(query, Some(fact)) {
                    let newer =
                        |known: &Known| known.found().is_some_and(|found| found.at > fact.at && found.at <= now);
                    let known = self.known.get(&name);
                    if !known.is_some_and(newer) {
                        // What was read along has not been asked for.
                        let asked = known.map_or(now, |known| known.asked);
                        self.known.insert(name, Known { fact: Some(fact.clone()), failing: None, asked });
                    }
                }
                if failure.is_some() {
                    self.forget_names(query);
                }
            }
        }
        if now.duration_since(self.swept) >= SWEEP {
            self.swept = now;
            self.known.retain(|_, known| now.duration_since(known.asked) < UNASKED);
        }
    }

    /// What cannot be read by its ARN cannot be read by its name either.
    fn keep_failure(&mut self, query: &Query, fact: &Fact, now: Timestamp) {
        let found = self.known.get(query).and_then(Known::found);
        for name in names(query, found) {
            let known = self.known.entry(name);
            let known = known.or_insert_with(|| Known { fact: None, failing: None, asked: now });
            if known.found().is_none_or(|found| found.at <= fact.at || found.at > now) {
                let since = known.failing.as_ref().map_or(fact.at, |failing| failing.since);
                known.failing = Some(Failing { since, last: fact.clone() });
            }
        }
    }

    /// Names no longer lead to what is gone: whoever asks by name next is told what bears it now.
    fn forget_names(&mut self, gone: &Query) {
        let (first, arn) = match gone {
            Query::Balancer(By::Arn(arn)) => (Query::Balancer(By::Name(String::new())), arn),
            Query::Group(By::Arn(arn)) => (Query::Group(By::Name(String::new())), arn),
            _ => return,
        };
        let names = self.known.range(first..).take_while(|(query, _)| query.is_by_name());
        let leads_there = |known: &Known| known.found().and_then(found_arn).as_ref() == Some(arn);
        let stale: Vec<Query> = names.filter(|(_, known)| leads_there(known)).map(|(query, _)| query.clone()).collect();
        for query in stale {
            self.known.remove(&query);
        }
    }

    /// A failure with the instant of what was last found, which is the same for as long as reads fail.
    pub(super) fn dated(&self, query: &Query, fact: Fact) -> Fact {
        let found = self.known.get(query).and_then(Known::found).filter(|found| found.failure().is_none());
        let (Some(found), Some(failure)) = (found, fact.failure()) else { return fact };
        if is_answer(failure.kind) {
            return fact;
        }
        let message = format!("{}; last read at {:.0}", failure.message, found.at);
        Fact::failed(fact.at, AwsError { message, ..failure.clone() })
    }

    /// Forgets what a write may have changed.
    pub(super) fn forget(&mut self, invalidation: &Invalidation) {
        for query in invalidation.queries() {
            self.known.remove(query);
        }
    }
}

fn rules_of(fact: &Fact) -> Option<&[Rule]> {
    match &fact.found {
        Ok(Found::Rules(rules)) => Some(rules),
        _ => None,
    }
}

/// Whether a failure says something lasting about what was asked: it is gone, or the question is no question.
fn is_answer(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::Invalid)
}

/// The ARN of what was found where a thing can be asked for by ARN and by name.
pub(super) fn found_arn(fact: &Fact) -> Option<Arn> {
    match &fact.found {
        Ok(Found::Balancer(found)) => Some(found.arn.clone()),
        Ok(Found::Group(found)) => Some(found.arn.clone()),
        _ => None,
    }
}

/// A question, and the others that an answer to it answers too.
fn names(query: &Query, fact: Option<&Fact>) -> BTreeSet<Query> {
    fact.map(other_names).unwrap_or_default().into_iter().chain([query.clone()]).collect()
}

/// All questions that the answer answers, where a thing can be asked for by ARN and by name.
fn other_names(fact: &Fact) -> Vec<Query> {
    let both = |arn: &Arn, name: &str| [By::Arn(arn.clone()), By::Name(name.to_owned())];
    match &fact.found {
        Ok(Found::Balancer(found)) => both(&found.arn, &found.name).map(Query::Balancer).into(),
        Ok(Found::Group(found)) => both(&found.arn, &found.name).map(Query::Group).into(),
        Ok(
            Found::BalancerAttributes(_)
            | Found::Listeners(_)
            | Found::Rules(_)
            | Found::Attributes(_)
            | Found::Health(_)
            | Found::Tags(_)
            | Found::Zone(_)
            | Found::Records(_)
            | Found::Change(_)
            | Found::Requests(_),
        )
        | Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
