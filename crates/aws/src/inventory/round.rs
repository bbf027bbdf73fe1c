//! Looking around: reads everything that is watched, and tells what is not as it was.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use weir_engine::Arn;
use weir_engine::fact::{AwsError, Balancer, By, ErrorKind, Fact, Listener, Query, Rule};
use weir_engine::sight::Ask;

use super::Inventory;

/// What was last told about each balancer.
pub(super) type Told = BTreeMap<Arn, ToldBalancer>;

/// The state of one balancer as it was last told. `None`: not told yet, or told that it does not exist.
#[derive(Default)]
pub(super) struct ToldBalancer {
    balancer: State<Balancer>,
    listeners: State<Vec<Listener>>,
    rules: BTreeMap<Arn, State<Vec<Rule>>>,
}

/// The last state of a thing that was told.
#[derive(Default, PartialEq)]
enum State<T> {
    #[default]
    Untold,
    Absent,
    Present(T),
}

impl<T: Clone + PartialEq> State<T> {
    /// Takes over what was read, and tells whether it is something else than before. A failure tells nothing.
    fn update(&mut self, found: &Result<T, AwsError>) -> bool {
        let new = match found {
            Ok(found) => Self::Present(found.clone()),
            Err(error) if error.kind == ErrorKind::NotFound => Self::Absent,
            Err(_) => return false,
        };
        let changed = *self != new;
        *self = new;
        changed
    }
}

pub(super) async fn round(inventory: &Inventory, balancers: &BTreeSet<Arn>, fresh: SignedDuration) -> BTreeSet<Arn> {
    let not_before = inventory.core.now() - fresh;
    let ask = |query| Ask { query, not_before };
    let asks: Vec<Ask> = balancers
        .iter()
        .flat_map(|arn| [ask(Query::Balancer(By::Arn(arn.clone()))), ask(Query::Listeners(arn.clone()))])
        .collect();
    let seen = inventory.answer_all(&asks).await;
    let mut owners: BTreeMap<Arn, Arn> = BTreeMap::new();
    for (query, fact) in &seen {
        if let (Query::Listeners(balancer), Fact::Listeners(reading)) = (query, fact) {
            let listeners = reading.found.iter().flatten();
            owners.extend(listeners.map(|listener| (listener.arn.clone(), balancer.clone())));
        }
    }
    let asks: Vec<Ask> = owners.keys().map(|listener| ask(Query::Rules(listener.clone()))).collect();
    let rules = inventory.answer_all(&asks).await;

    let mut told = inventory.core.told.borrow_mut();
    told.retain(|balancer, _| balancers.contains(balancer));
    let mut changed = BTreeSet::new();
    for (query, fact) in seen.into_iter().chain(rules) {
        match (query, fact) {
            (Query::Balancer(By::Arn(arn)), Fact::Balancer(reading)) => {
                if told.entry(arn.clone()).or_default().balancer.update(&reading.found) {
                    changed.insert(arn);
                }
            }
            (Query::Listeners(arn), Fact::Listeners(reading)) => {
                let told = told.entry(arn.clone()).or_default();
                if let Ok(listeners) = &reading.found {
                    let there = |arn: &Arn| listeners.iter().any(|listener| listener.arn == *arn);
                    told.rules.retain(|arn, _| there(arn));
                }
                if told.listeners.update(&reading.found) {
                    changed.insert(arn);
                }
            }
            (Query::Rules(listener), Fact::Rules(reading)) => {
                let told = owners.get(&listener).and_then(|balancer| told.get_mut(balancer));
                let told = told.map(|told| told.rules.entry(listener.clone()).or_default());
                if told.is_some_and(|told| told.update(&reading.found)) {
                    changed.insert(listener);
                }
            }
            _ => {}
        }
    }
    changed
}
