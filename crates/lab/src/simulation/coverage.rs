//! How much of the traffic had nobody healthy to answer it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::evidence::{Evidence, Weights};
use crate::journal::What;

/// What stands before a zone in the place of a name.
const ZONE: &str = ":hostedzone/";

/// Something after which the shares are others.
enum Turn<'a> {
    Weights(&'a str, &'a Weights),
    Health(&'a str, u32),
}

/// How the traffic is split everywhere, and how many targets are healthy.
#[derive(Default)]
struct Shares<'a> {
    /// The weights of each place: of groups, or at a name of balancers.
    weights: BTreeMap<&'a str, &'a Weights>,
    healthy: BTreeMap<&'a str, u32>,
}

/// The largest share of the traffic of a place, in thousandths, that was given to groups without a healthy target, from an
/// instant on. What lasts no time does not count. Some balancers are lent to names.
pub(super) fn uncovered_permille(evidence: &Evidence, from: Timestamp, lent: &BTreeSet<String>) -> u32 {
    let changes = evidence.changes.iter().map(|change| (change.at, Turn::Weights(&change.place, &change.after)));
    let health = evidence.entries.iter().filter_map(|entry| match &entry.what {
        What::Health { group, healthy } => Some((entry.at, Turn::Health(group, *healthy))),
        _ => None,
    });
    let mut turns: Vec<(Timestamp, Turn<'_>)> = changes.chain(health).collect();
    turns.sort_by_key(|(at, _)| *at);
    let ways = ways(evidence, lent);
    let (mut shares, mut worst) = (Shares::default(), 0);
    let mut turns = turns.into_iter().peekable();
    while let Some((at, turn)) = turns.next() {
        match turn {
            Turn::Weights(place, after) => drop(shares.weights.insert(place, after)),
            Turn::Health(group, count) => drop(shares.healthy.insert(group, count)),
        }
        let until = turns.peek().map_or(evidence.ended, |(next, _)| *next);
        if until > at.max(from) {
            let places = shares.weights.keys().filter(|place| !ways.contains(**place));
            worst = worst.max(places.map(|place| shares.uncovered(place)).max().unwrap_or(0));
        }
    }
    worst
}

/// The places that only names lead to: nobody but a hand has ever split anything there. Their traffic is that of the names.
fn ways<'e>(evidence: &'e Evidence, lent: &BTreeSet<String>) -> BTreeSet<&'e str> {
    let changes = || evidence.changes.iter();
    let split: BTreeSet<&str> = changes().filter(|change| !change.by_hand).map(|change| &*change.place).collect();
    let places = changes().map(|change| &*change.place);
    places.filter(|place| !split.contains(place) && balancer(place).is_some_and(|name| lent.contains(name))).collect()
}

fn is_name(place: &str) -> bool {
    place.contains(ZONE)
}

/// The balancer of a listener or rule: `arn:aws:elasticloadbalancing:<region>:<account>:listener/app/<name>/…`.
fn balancer(place: &str) -> Option<&str> {
    if is_name(place) { None } else { place.split('/').nth(2) }
}

impl Shares<'_> {
    /// The share of a place that comes to groups without a healthy target, in thousandths.
    fn uncovered(&self, place: &str) -> u32 {
        let Some(weights) = self.weights.get(place) else { return 0 };
        let is_name = is_name(place);
        let bare_group = |group: &str| if self.healthy.get(group).is_none_or(|count| *count == 0) { 1000 } else { 0 };
        let bare = |member: &str| if is_name { self.uncovered_behind(member) } else { bare_group(member) };
        let total: u32 = weights.values().sum();
        let bare: u32 = weights.iter().map(|(member, weight)| weight * bare(member)).sum();
        bare.checked_div(total).unwrap_or(0)
    }

    /// The same of what a name leads to: a balancer, of which the worst place counts, and which forwards nowhere where it has
    /// none; or an address or another name, of which nothing is known.
    fn uncovered_behind(&self, member: &str) -> u32 {
        if member.contains(['.', ':']) {
            return 0;
        }
        let of_it = self.weights.keys().filter(|place| balancer(place) == Some(member));
        of_it.map(|place| self.uncovered(place)).max().unwrap_or(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Change;
    use crate::journal::Entry;
    use crate::stage::weights;

    const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener/app";
    const NAME: &str = "arn:aws:route53:::hostedzone/Z1/api.shop.test/A";

    /// Changes of places by hand, and healthy targets, from the beginning on.
    fn worst(places: &[(&str, &[(&str, u32)])], healthy: &[(&str, u32)]) -> u32 {
        let at = Timestamp::UNIX_EPOCH;
        let change = |(place, after): &(&str, &[(&str, u32)])| Change {
            at,
            place: (*place).to_owned(),
            by_hand: true,
            before: Weights::new(),
            after: weights(after),
        };
        let entry = |(group, healthy): &(&str, u32)| Entry {
            at,
            process: 0,
            what: What::Health { group: (*group).to_owned(), healthy: *healthy },
        };
        let evidence = Evidence {
            ended: at + std::time::Duration::from_mins(1),
            owner: "lab".to_owned(),
            entries: healthy.iter().map(entry).collect(),
            calls: Vec::new(),
            changes: places.iter().map(change).collect(),
            retaggings: Vec::new(),
            lingering: Vec::new(),
            groups: BTreeMap::default(),
        };
        uncovered_permille(&evidence, at, &["blue-lb".to_owned(), "green-lb".to_owned()].into())
    }

    #[test]
    fn what_nobody_healthy_answers_is_a_share_of_all() {
        let listener = format!("{LISTENER}/shop/1/2");
        let share = |blue, green| {
            let split: &[(&str, u32)] = &[("blue", 75), ("green", 25)];
            worst(&[(&listener, split)], &[("blue", blue), ("green", green)])
        };
        assert_eq!((share(4, 4), share(4, 0), share(0, 1), share(0, 0)), (0, 250, 750, 1000));
        assert_eq!(worst(&[(&listener, &[])], &[]), 0);
    }

    #[test]
    fn a_name_has_what_its_balancers_have() {
        let [blue, green] = ["blue-lb", "green-lb"].map(|name| format!("{LISTENER}/{name}/1/2"));
        let share = |split: &[(&str, u32)], healthy: &[(&str, u32)]| {
            worst(&[(&blue, &[("blue", 1)]), (&green, &[("green", 1), ("spare", 1)]), (NAME, split)], healthy)
        };
        let (alone, both) = ([("blue-lb", 1)], [("blue-lb", 60), ("green-lb", 40)]);
        assert_eq!(share(&alone, &[("blue", 1)]), 0);
        assert_eq!(share(&alone, &[("green", 1), ("spare", 1)]), 1000);
        assert_eq!(share(&both, &[("blue", 1), ("green", 1), ("spare", 1)]), 0);
        assert_eq!(share(&both, &[("blue", 1), ("green", 1)]), 200);
        assert_eq!(share(&[("blue-lb", 1), ("203.0.113.7", 1)], &[]), 500);
        assert_eq!(share(&[("nowhere", 1)], &[]), 1000);
    }
}
