//! Looking around: reads everything that is watched, and tells what is not as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use weir_engine::Arn;
use weir_engine::fact::{AwsError, Balancer, By, ErrorKind, Fact, Listener, Query, Reading, Rule, TargetGroup};
use weir_engine::sight::Ask;
use weir_engine::tick::Urgency;

use super::Inventory;
use super::memory::{LAPSE, state};
use crate::budget::Haste;

/// How old listeners and groups may be. They seldom change, and that a listener is gone its rules tell; what is gone of
/// them, or was made again under its name, is noticed within this and a round.
const SLOW: SignedDuration = SignedDuration::from_secs(75);

/// What a round has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// What is not as last told: the ARNs of balancers (themselves or their listeners), of listeners (their rules) and of
    /// target groups.
    pub changed: BTreeSet<Arn>,
    /// Why something that is watched could not be read for a while, where that is so.
    pub blind: Option<AwsError>,
    /// Whether something could not be read this time.
    pub failing: bool,
}

/// What was last told.
#[derive(Default)]
pub(super) struct Told {
    balancers: BTreeMap<Arn, Watched<Balancer>>,
    listeners: BTreeMap<Arn, Watched<Vec<Listener>>>,
    rules: BTreeMap<Arn, Watched<Vec<Rule>>>,
    groups: BTreeMap<Arn, Watched<TargetGroup>>,
    /// When the groups were last read, all of them together: so they share their calls.
    groups_at: Timestamp,
}

/// A thing as it was when it was last told.
struct Watched<T> {
    state: State<T>,
    /// Since when it could not be read, where the last read failed.
    failing: Option<Timestamp>,
}

#[derive(PartialEq)]
enum State<T> {
    Untold,
    Absent,
    /// It could not be read for a while, and why.
    Unreadable(AwsError),
    Present(Arc<T>),
}

impl<T> Default for Watched<T> {
    fn default() -> Self {
        Self { state: State::Untold, failing: None }
    }
}

impl<T: PartialEq> Watched<T> {
    /// Takes over what was read, and tells whether it is something else than before. One failure tells nothing; that reads
    /// fail for so long that nobody may go by the last answer any more is news, and so is its end.
    fn update(&mut self, reading: Reading<T>) -> bool {
        let new = match reading.found {
            Ok(found) => State::Present(found),
            Err(error) if error.kind == ErrorKind::NotFound => State::Absent,
            Err(error) => {
                let since = *self.failing.get_or_insert(reading.at);
                let is_told = matches!(self.state, State::Unreadable(_));
                let lasts = reading.at.duration_since(since) >= LAPSE;
                if lasts {
                    self.state = State::Unreadable(*error);
                }
                return lasts && !is_told;
            }
        };
        self.failing = None;
        let changed = self.state != new;
        self.state = new;
        changed
    }
}

/// How well something can be read, whatever it is.
trait Watch {
    /// Whether the last read failed.
    fn is_failing(&self) -> bool;
    /// Why it could not be read for a while.
    fn blind(&self) -> Option<&AwsError>;
}

impl<T> Watch for Watched<T> {
    fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    fn blind(&self) -> Option<&AwsError> {
        if let State::Unreadable(error) = &self.state { Some(error) } else { None }
    }
}

impl Told {
    /// Takes over one answer; the ARN of what it is about if that is not as last told.
    fn update(&mut self, query: Query, fact: Fact) -> Option<Arn> {
        let (arn, changed) = match (query, fact) {
            (Query::Balancer(By::Arn(arn)), Fact::Balancer(reading)) => {
                let changed = self.balancers.entry(arn.clone()).or_default().update(reading);
                (arn, changed)
            }
            (Query::Listeners(arn), Fact::Listeners(reading)) => {
                let changed = self.listeners.entry(arn.clone()).or_default().update(reading);
                (arn, changed)
            }
            (Query::Rules(arn), Fact::Rules(reading)) => {
                let changed = self.rules.entry(arn.clone()).or_default().update(reading);
                (arn, changed)
            }
            (Query::Group(By::Arn(arn)), Fact::Group(reading)) => {
                let group = self.groups.entry(arn.clone()).or_default();
                // Whoever has it watched has just seen it.
                let is_first = matches!(group.state, State::Untold) && reading.found.is_ok();
                let changed = group.update(reading) && !is_first;
                (arn, changed)
            }
            _ => return None,
        };
        changed.then_some(arn)
    }

    /// Keeps only what is still watched.
    fn retain(&mut self, beat: &Beat, listeners: &BTreeSet<Arn>) {
        self.balancers.retain(|arn, _| beat.balancers.contains(arn));
        self.listeners.retain(|arn, _| beat.balancers.contains(arn));
        self.groups.retain(|arn, _| beat.groups.contains(arn));
        self.rules.retain(|arn, _| listeners.contains(arn));
    }

    /// Whether something could not be read the last time.
    fn is_failing(&self) -> bool {
        self.watched().any(Watch::is_failing)
    }

    /// Why something could not be read for a while.
    fn blind(&self) -> Option<&AwsError> {
        self.watched().find_map(Watch::blind)
    }

    fn watched(&self) -> impl Iterator<Item = &dyn Watch> {
        fn all<T>(watched: &BTreeMap<Arn, Watched<T>>) -> impl Iterator<Item = &dyn Watch> {
            watched.values().map(|one| one as &dyn Watch)
        }
        all(&self.balancers).chain(all(&self.listeners)).chain(all(&self.rules)).chain(all(&self.groups))
    }
}

/// The balancers and target groups to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Balancers, with their listeners and rules.
    pub balancers: BTreeSet<Arn>,
    /// Target groups.
    pub groups: BTreeSet<Arn>,
}

pub(super) async fn round(inventory: &Inventory, beat: &Beat, fresh: SignedDuration) -> Round {
    let seen = look(inventory, beat, fresh).await;
    let mut told = inventory.core.told.borrow_mut();
    let mut there = there(&seen);
    if seen.iter().any(|(query, fact)| matches!(query, Query::Listeners(_)) && is_failing(fact)) {
        // Nobody knows which there are: those told last are looked at on.
        there.extend(told.rules.keys().cloned());
    }
    let changed = seen.into_iter().filter_map(|(query, fact)| told.update(query, fact)).collect();
    told.retain(beat, &there);
    Round { changed, blind: told.blind().cloned(), failing: told.is_failing() }
}

/// Reads what is watched. The rules of listeners that are known are read along with everything else, not after their
/// balancers, and so are groups: then a round in which nothing answers takes no longer than a read, and what cannot be read
/// does not hide what else cannot be.
async fn look(inventory: &Inventory, beat: &Beat, fresh: SignedDuration) -> Vec<(Query, Fact)> {
    let now = inventory.core.now();
    let (recent, slow) = (now - fresh, now - fresh.max(SLOW));
    let haste = Haste::new(Urgency::Routine);
    let balancers = || beat.balancers.iter().cloned();
    let listeners = |since| balancers().map(move |arn| Ask::new(Query::Listeners(arn), since));
    let rules = |listener: &Arn| Ask::new(Query::Rules(listener.clone()), recent);
    let groups = |since| beat.groups.iter().map(move |arn| Ask::new(Query::Group(By::Arn(arn.clone())), since));

    let (known, was_failing, are_groups_due) = {
        let mut told = inventory.core.told.borrow_mut();
        let is_due = now.duration_since(told.groups_at) >= SLOW;
        if is_due {
            told.groups_at = now;
        }
        (told.rules.keys().cloned().collect::<BTreeSet<Arn>>(), told.is_failing(), is_due)
    };
    let first = balancers().map(|arn| Ask::new(Query::Balancer(By::Arn(arn)), recent));
    let first = first.chain(listeners(slow)).chain(known.iter().map(rules));
    let first: Vec<Ask> = first.chain(groups(if are_groups_due || was_failing { recent } else { slow })).collect();
    let mut seen = inventory.answer_all(&first, &haste).await;

    // A listener whose rules are gone is gone itself.
    if seen.iter().any(|(query, fact)| matches!(query, Query::Rules(_)) && is_gone(fact)) {
        seen.extend(inventory.answer_all(&listeners(recent).collect::<Vec<Ask>>(), &haste).await);
    }
    let new: Vec<Ask> = there(&seen).difference(&known).map(rules).collect();
    seen.extend(inventory.answer_all(&new, &haste).await);

    // Where something cannot be read, it is soon to be known what else cannot.
    if !was_failing && seen.iter().any(|(_, fact)| is_failing(fact)) {
        seen.extend(inventory.answer_all(&groups(recent).collect::<Vec<Ask>>(), &haste).await);
    }
    seen
}

/// The listeners that are there, by what was read of each balancer last.
fn there(seen: &[(Query, Fact)]) -> BTreeSet<Arn> {
    let read = seen.iter().filter_map(|(query, fact)| match (query, fact) {
        (Query::Listeners(balancer), Fact::Listeners(reading)) => Some((balancer, reading)),
        _ => None,
    });
    let last: BTreeMap<&Arn, &Reading<Vec<Listener>>> = read.collect();
    let found = last.into_values().filter_map(|reading| reading.found.as_ref().ok());
    found.flat_map(|listeners| listeners.iter()).map(|listener| listener.arn.clone()).collect()
}

fn is_gone(fact: &Fact) -> bool {
    state(fact).1.is_some_and(|error| error.kind == ErrorKind::NotFound)
}

fn is_failing(fact: &Fact) -> bool {
    state(fact).1.is_some_and(|error| error.kind != ErrorKind::NotFound)
}

#[cfg(test)]
mod tests;
