//! Looking around: reads everything that is watched, and tells what is not as it was.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use weir_engine::Arn;
use weir_engine::fact::{AwsError, By, ErrorKind, Fact, Found, Listener, Query};
use weir_engine::sight::Ask;
use weir_engine::tick::Urgency;

use super::Inventory;
use super::memory::LAPSE;
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
    watched: BTreeMap<Query, Watched>,
    /// When the groups were last read, all of them together: so they share their calls.
    groups_at: Timestamp,
}

/// A thing as it was when it was last told.
#[derive(Default)]
struct Watched {
    state: State,
    /// Since when it could not be read, where the last read failed.
    failing: Option<Timestamp>,
}

#[derive(Default, PartialEq)]
enum State {
    #[default]
    Untold,
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
                let since = *self.failing.get_or_insert(fact.at);
                let is_told = matches!(self.state, State::Unreadable(_));
                let lasts = fact.at.duration_since(since) >= LAPSE;
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

    /// Why it could not be read for a while.
    fn blind(&self) -> Option<&AwsError> {
        if let State::Unreadable(error) = &self.state { Some(error) } else { None }
    }
}

impl Told {
    /// Takes over one answer; the ARN of what it is about if that is not as last told.
    fn update(&mut self, query: Query, fact: Fact) -> Option<Arn> {
        let (Query::Balancer(By::Arn(arn)) | Query::Listeners(arn) | Query::Rules(arn) | Query::Group(By::Arn(arn))) =
            query.clone()
        else {
            return None;
        };
        let is_group = matches!(query, Query::Group(_));
        let watched = self.watched.entry(query).or_default();
        // Whoever has a group watched has just seen it.
        let is_first = is_group && matches!(watched.state, State::Untold) && fact.found.is_ok();
        (watched.update(fact) && !is_first).then_some(arn)
    }

    /// Keeps only what is still watched.
    fn retain(&mut self, beat: &Beat, listeners: &BTreeSet<Arn>) {
        self.watched.retain(|query, _| match query {
            Query::Balancer(By::Arn(arn)) | Query::Listeners(arn) => beat.balancers.contains(arn),
            Query::Group(By::Arn(arn)) => beat.groups.contains(arn),
            Query::Rules(arn) => listeners.contains(arn),
            _ => false,
        });
    }

    /// The listeners whose rules are watched.
    fn listeners(&self) -> impl Iterator<Item = &Arn> {
        self.watched.keys().filter_map(|query| if let Query::Rules(arn) = query { Some(arn) } else { None })
    }

    /// Whether something could not be read the last time.
    fn is_failing(&self) -> bool {
        self.watched.values().any(|watched| watched.failing.is_some())
    }

    /// Why something could not be read for a while.
    fn blind(&self) -> Option<&AwsError> {
        self.watched.values().find_map(Watched::blind)
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
        there.extend(told.listeners().cloned());
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
        (told.listeners().cloned().collect::<BTreeSet<Arn>>(), told.is_failing(), is_due)
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
    let last: BTreeMap<&Query, &Fact> = seen.iter().map(|(query, fact)| (query, fact)).collect();
    let listeners = last.into_values().filter_map(|fact| fact.reading::<Vec<Listener>>()?.found.ok()).flatten();
    listeners.map(|listener| listener.arn.clone()).collect()
}

fn is_gone(fact: &Fact) -> bool {
    fact.failure().is_some_and(|error| error.kind == ErrorKind::NotFound)
}

fn is_failing(fact: &Fact) -> bool {
    fact.failure().is_some_and(|error| error.kind != ErrorKind::NotFound)
}

#[cfg(test)]
mod tests;
