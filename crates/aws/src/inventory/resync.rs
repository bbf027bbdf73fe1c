//! Periodic resync: reads everything that is watched on AWS, and reports what has changed since the last one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use weir_engine::Arn;
use weir_engine::dns::NameInZone;
use weir_engine::fact::{AwsError, By, ErrorKind, Fact, Found, Listener, Query};
use weir_engine::reader::Ask;
use weir_engine::tick::Urgency;

use super::Inventory;
use super::memory::LAPSE;
use crate::budget::CallPriority;

/// How old listeners and groups may be. They seldom change, and that a listener is gone its rules tell; what is gone of
/// them, or was made again under its name, is noticed within this and a resync.
const SLOW: SignedDuration = SignedDuration::from_secs(75);
/// How often names on Route 53 are read, however often there is a resync: it takes few calls of an account.
const NAMES_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// The result of a resync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResyncReport {
    /// What is not as last reported: the ARNs of balancers (themselves or their listeners), of listeners (their rules) and of
    /// target groups.
    pub changed: BTreeSet<Arn>,
    /// The names on Route 53 whose records are not as last reported.
    pub names: BTreeSet<NameInZone>,
    /// Why something that is watched could not be read for a while, where that is so.
    pub unreadable: Option<AwsError>,
    /// Whether something could not be read this time.
    pub failing: bool,
}

/// What was last reported.
#[derive(Default)]
pub(super) struct LastReported {
    watched: BTreeMap<Query, Watched>,
    /// When the groups were last read, all of them together: so they share their calls.
    groups_at: Timestamp,
    /// When the names were last read, all of them together too.
    names_at: Timestamp,
}

/// A resource as it was when it was last reported.
#[derive(Default)]
struct Watched {
    state: State,
    /// Since when it could not be read, and why, where the last read failed.
    failing: Option<(Timestamp, ErrorKind)>,
}

#[derive(Default, PartialEq)]
enum State {
    #[default]
    Unreported,
    Absent,
    /// It could not be read for a while, and why.
    Unreadable(AwsError),
    Present(Found),
}

impl Watched {
    /// Takes over what was read, and tells whether it is something else than before. One failure tells nothing; that reads
    /// fail for so long that nobody may go by the last answer any more is news, and so is its end.
    fn update(&mut self, fact: Fact) -> bool {
        let new = match fact.found {
            Ok(found) => State::Present(found),
            Err(error) if error.kind == ErrorKind::NotFound => State::Absent,
            Err(error) => {
                let since = self.failing.map_or(fact.at, |(since, _)| since);
                self.failing = Some((since, error.kind));
                let is_reported = matches!(self.state, State::Unreadable(_));
                let lasts = fact.at.duration_since(since) >= LAPSE;
                if lasts {
                    self.state = State::Unreadable(*error);
                }
                return lasts && !is_reported;
            }
        };
        self.failing = None;
        let changed = self.state != new;
        self.state = new;
        changed
    }

    /// Whether it could not be read the last time, so that others may not be either.
    fn is_failing(&self, query: &Query) -> bool {
        self.failing.is_some_and(|(_, kind)| concerns_others(query, kind))
    }

    /// Why it could not be read for a while, so that others may not be either.
    fn unreadable(&self, query: &Query) -> Option<&AwsError> {
        let State::Unreadable(error) = &self.state else { return None };
        concerns_others(query, error.kind).then_some(error)
    }
}

impl LastReported {
    /// Takes over one answer; whether it is not as last reported.
    fn update(&mut self, query: &Query, fact: Fact) -> bool {
        let is_group = matches!(query, Query::Group(_));
        let watched = self.watched.entry(query.clone()).or_default();
        // Whoever has a group watched has just seen it.
        let is_first = is_group && matches!(watched.state, State::Unreported) && fact.found.is_ok();
        watched.update(fact) && !is_first
    }

    /// Whether the names are to be read now; then they are not again before a while.
    fn are_names_due(&mut self, now: Timestamp) -> bool {
        let is_due = now.duration_since(self.names_at) >= NAMES_PERIOD;
        if is_due {
            self.names_at = now;
        }
        is_due
    }

    /// Keeps only what is still watched.
    fn retain(&mut self, scope: &ResyncScope, listeners: &BTreeSet<Arn>) {
        self.watched.retain(|query, _| match query {
            Query::Balancer(By::Arn(arn)) | Query::Listeners(arn) => scope.balancers.contains(arn),
            Query::Group(By::Arn(arn)) => scope.groups.contains(arn),
            Query::Rules(arn) => listeners.contains(arn),
            Query::Records(at) => scope.names.contains(at),
            _ => false,
        });
    }

    /// The listeners whose rules are watched.
    fn listeners(&self) -> impl Iterator<Item = &Arn> {
        self.watched.keys().filter_map(|query| if let Query::Rules(arn) = query { Some(arn) } else { None })
    }

    /// Whether something could not be read the last time.
    fn is_failing(&self) -> bool {
        self.watched.iter().any(|(query, watched)| watched.is_failing(query))
    }

    /// Why something could not be read for a while.
    fn unreadable(&self) -> Option<&AwsError> {
        self.watched.iter().find_map(|(query, watched)| watched.unreadable(query))
    }
}

/// What a resync reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResyncScope {
    /// Balancers, with their listeners and rules.
    pub balancers: BTreeSet<Arn>,
    /// Target groups.
    pub groups: BTreeSet<Arn>,
    /// Names on Route 53, with their records.
    pub names: BTreeSet<NameInZone>,
}

pub(super) async fn resync(inventory: &Inventory, scope: &ResyncScope, fresh: SignedDuration) -> ResyncReport {
    let seen = look(inventory, scope, fresh).await;
    let mut last_reported = inventory.core.last_reported.borrow_mut();
    let mut there = there(&seen);
    if seen.iter().any(|(query, fact)| matches!(query, Query::Listeners(_)) && is_failing(query, fact)) {
        // Nobody knows which there are: those told last are looked at on.
        there.extend(last_reported.listeners().cloned());
    }
    let mut report = ResyncReport::default();
    for (query, fact) in seen {
        if !last_reported.update(&query, fact) {
            continue;
        }
        match query {
            Query::Balancer(By::Arn(arn)) | Query::Listeners(arn) | Query::Rules(arn) | Query::Group(By::Arn(arn)) => {
                report.changed.insert(arn);
            }
            Query::Records(at) => {
                report.names.insert(at);
            }
            _ => {}
        }
    }
    last_reported.retain(scope, &there);
    ResyncReport { unreadable: last_reported.unreadable().cloned(), failing: last_reported.is_failing(), ..report }
}

/// Reads what is watched. The rules of listeners that are known are read along with everything else, not after their
/// balancers, and so are groups and names: then a resync in which nothing answers takes no longer than a read, and what
/// cannot be read does not hide what else cannot be.
async fn look(inventory: &Inventory, scope: &ResyncScope, fresh: SignedDuration) -> Vec<(Query, Fact)> {
    let now = inventory.core.now();
    let (recent, slow) = (now - fresh, now - fresh.max(SLOW));
    let priority = CallPriority::new(Urgency::Routine);
    let balancers = || scope.balancers.iter().cloned();
    let listeners = |since| balancers().map(move |arn| Ask::new(Query::Listeners(arn), since));
    let rules = |listener: &Arn| Ask::new(Query::Rules(listener.clone()), recent);
    let groups = |since| scope.groups.iter().map(move |arn| Ask::new(Query::Group(By::Arn(arn.clone())), since));

    let (known, was_failing, are_groups_due, are_names_due) = {
        let mut last_reported = inventory.core.last_reported.borrow_mut();
        let is_due = now.duration_since(last_reported.groups_at) >= SLOW;
        if is_due {
            last_reported.groups_at = now;
        }
        let are_names_due = !scope.names.is_empty() && last_reported.are_names_due(now);
        let known: BTreeSet<Arn> = last_reported.listeners().cloned().collect();
        (known, last_reported.is_failing(), is_due, are_names_due)
    };
    let names = scope.names.iter().filter(|_| are_names_due).map(|at| Ask::new(Query::Records(at.clone()), recent));
    let first = balancers().map(|arn| Ask::new(Query::Balancer(By::Arn(arn)), recent));
    let first = first.chain(listeners(slow)).chain(known.iter().map(rules)).chain(names);
    let first: Vec<Ask> = first.chain(groups(if are_groups_due || was_failing { recent } else { slow })).collect();
    let mut seen = inventory.answer_all(&first, &priority).await;

    // A listener whose rules are gone is gone itself.
    if seen.iter().any(|(query, fact)| matches!(query, Query::Rules(_)) && is_gone(fact)) {
        seen.extend(inventory.answer_all(&listeners(recent).collect::<Vec<Ask>>(), &priority).await);
    }
    let new: Vec<Ask> = there(&seen).difference(&known).map(rules).collect();
    seen.extend(inventory.answer_all(&new, &priority).await);

    // Where something cannot be read, it is soon to be known what else cannot.
    if !was_failing && seen.iter().any(|(query, fact)| is_failing(query, fact)) {
        seen.extend(inventory.answer_all(&groups(recent).collect::<Vec<Ask>>(), &priority).await);
    }
    seen
}

/// The listeners that are there, by what was read of each balancer last.
fn there(seen: &[(Query, Fact)]) -> BTreeSet<Arn> {
    let last: BTreeMap<&Query, &Fact> = seen.iter().map(|(query, fact)| (query, fact)).collect();
    let listeners = last.into_values().filter_map(|fact| fact.reading::<Vec<Listener>>()?.found.ok()).flatten();
    listeners.map(|listener| listener.arn.clone()).collect()
}

fn is_gone(fact: &Fact) -> bool {
    fact.failure().is_some_and(|error| error.kind == ErrorKind::NotFound)
}

fn is_failing(query: &Query, fact: &Fact) -> bool {
    fact.failure().is_some_and(|error| error.kind != ErrorKind::NotFound && concerns_others(query, error.kind))
}

/// Whether a failure tells something of what else there is to read. IAM allows zones one by one: that one is refused is told
/// by the routes of its names alone.
fn concerns_others(query: &Query, kind: ErrorKind) -> bool {
    !(matches!(query, Query::Records(_)) && kind.is_refusal())
}

#[cfg(test)]
mod tests;
