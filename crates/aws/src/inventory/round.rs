//! Looking around: reads everything that is watched, and tells what is not as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use weir_engine::Arn;
use weir_engine::fact::{AwsError, Balancer, By, ErrorKind, Fact, Listener, Query, Rule};
use weir_engine::sight::Ask;
use weir_engine::tick::Urgency;

use super::Inventory;
use crate::budget::Haste;

/// What was last told.
#[derive(Default)]
pub(super) struct Told {
    balancers: BTreeMap<Arn, State<Balancer>>,
    listeners: BTreeMap<Arn, State<Vec<Listener>>>,
    rules: BTreeMap<Arn, State<Vec<Rule>>>,
}

/// The state of a thing when it was last told.
#[derive(Default, PartialEq)]
enum State<T> {
    #[default]
    Untold,
    Absent,
    /// The credentials do not allow to read it, or there are none.
    Refused,
    Present(Arc<T>),
}

impl<T: PartialEq> State<T> {
    /// Takes over what was read, and tells whether it is something else than before. A failure in passing tells nothing;
    /// a refusal is news, and so is its end.
    fn update(&mut self, found: Result<Arc<T>, Box<AwsError>>) -> bool {
        let new = match found {
            Ok(found) => Self::Present(found),
            Err(error) if error.kind == ErrorKind::NotFound => Self::Absent,
            Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Expired) => Self::Refused,
            Err(_) => return false,
        };
        let changed = *self != new;
        *self = new;
        changed
    }
}

impl Told {
    /// Takes over one answer; the ARN of what it is about if that is not as last told.
    fn update(&mut self, query: Query, fact: Fact) -> Option<Arn> {
        let (arn, changed) = match (query, fact) {
            (Query::Balancer(By::Arn(arn)), Fact::Balancer(reading)) => {
                let changed = self.balancers.entry(arn.clone()).or_default().update(reading.found);
                (arn, changed)
            }
            (Query::Listeners(arn), Fact::Listeners(reading)) => {
                let changed = self.listeners.entry(arn.clone()).or_default().update(reading.found);
                (arn, changed)
            }
            (Query::Rules(arn), Fact::Rules(reading)) => {
                let changed = self.rules.entry(arn.clone()).or_default().update(reading.found);
                (arn, changed)
            }
            _ => return None,
        };
        changed.then_some(arn)
    }

    /// Keeps only what is still watched. While the listeners of a balancer cannot be read, those told last are.
    fn retain(&mut self, watched: &BTreeSet<Arn>) {
        self.balancers.retain(|arn, _| watched.contains(arn));
        self.listeners.retain(|arn, _| watched.contains(arn));
        let mut there = BTreeSet::new();
        for state in self.listeners.values() {
            if let State::Present(listeners) = state {
                there.extend(listeners.iter().map(|listener| listener.arn.clone()));
            }
        }
        self.rules.retain(|arn, _| there.contains(arn));
    }
}

pub(super) async fn round(inventory: &Inventory, watched: &BTreeSet<Arn>, fresh: SignedDuration) -> BTreeSet<Arn> {
    let not_before = inventory.core.now() - fresh;
    let ask = |query| Ask::new(query, not_before);
    let haste = Haste::new(Urgency::Routine);
    let balancers = watched.iter().map(|arn| ask(Query::Balancer(By::Arn(arn.clone()))));
    let listeners = watched.iter().map(|arn| ask(Query::Listeners(arn.clone())));
    let seen = inventory.answer_all(&balancers.chain(listeners).collect::<Vec<Ask>>(), &haste).await;

    let found = seen.iter().filter_map(|(_, fact)| match fact {
        Fact::Listeners(reading) => reading.found.as_ref().ok(),
        _ => None,
    });
    let rules = found.flat_map(|listeners| listeners.iter()).map(|listener| ask(Query::Rules(listener.arn.clone())));
    let rules = inventory.answer_all(&rules.collect::<Vec<Ask>>(), &haste).await;

    let mut told = inventory.core.told.borrow_mut();
    let changed = seen.into_iter().chain(rules).filter_map(|(query, fact)| told.update(query, fact)).collect();
    told.retain(watched);
    changed
}

#[cfg(test)]
mod tests;
