//! How much of the traffic had nobody healthy to answer it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::evidence::{Evidence, Weights};
use crate::journal::What;

/// Something after which the shares are others.
enum Turn<'a> {
    Weights(&'a str, &'a Weights),
    Health(&'a str, u32),
}

/// The largest share of the traffic of a place, in thousandths, that was given to groups without a healthy target, from an
/// instant on. What lasts no time does not count.
pub(super) fn uncovered_permille(evidence: &Evidence, from: Timestamp) -> u32 {
    let changes = evidence.changes.iter().map(|change| (change.at, Turn::Weights(&change.place, &change.after)));
    let health = evidence.entries.iter().filter_map(|entry| match &entry.what {
        What::Health { group, healthy } => Some((entry.at, Turn::Health(group, *healthy))),
        _ => None,
    });
    let mut turns: Vec<(Timestamp, Turn<'_>)> = changes.chain(health).collect();
    turns.sort_by_key(|(at, _)| *at);
    let (mut weights, mut healthy) = (BTreeMap::<&str, &Weights>::new(), BTreeMap::<&str, u32>::new());
    let mut worst = 0;
    let mut turns = turns.into_iter().peekable();
    while let Some((at, turn)) = turns.next() {
        match turn {
            Turn::Weights(place, after) => drop(weights.insert(place, after)),
            Turn::Health(group, count) => drop(healthy.insert(group, count)),
        }
        let until = turns.peek().map_or(evidence.ended, |(next, _)| *next);
        if until > at.max(from) {
            worst = worst.max(weights.values().map(|weights| uncovered(weights, &healthy)).max().unwrap_or(0));
        }
    }
    worst
}

/// The share of groups without a healthy target, in thousandths.
fn uncovered(weights: &Weights, healthy: &BTreeMap<&str, u32>) -> u32 {
    let total: u32 = weights.values().sum();
    let is_bare = |group: &String| healthy.get(group.as_str()).copied().unwrap_or(0) == 0;
    let bare: u32 = weights.iter().filter(|(group, _)| is_bare(group)).map(|(_, weight)| *weight).sum();
    (bare * 1000).checked_div(total).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::uncovered;

    #[test]
    fn what_nobody_healthy_answers_is_a_share_of_all() {
        let weights = [("blue".to_owned(), 75), ("green".to_owned(), 25)].into();
        let share = |blue, green| uncovered(&weights, &BTreeMap::from([("blue", blue), ("green", green)]));
        assert_eq!((share(4, 4), share(4, 0), share(0, 1), share(0, 0)), (0, 250, 750, 1000));
        assert_eq!(uncovered(&BTreeMap::new(), &BTreeMap::new()), 0);
    }
}
