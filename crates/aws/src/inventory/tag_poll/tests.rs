//! What looking at tags costs, and what it tells, of rules in the simulated AWS.

use std::sync::Arc;
use std::time::Duration;

use weir_sim::aws::{Aws, RuleAction};

use super::*;
use crate::wire::{Bed, Reply, simulated};

/// A listener with so many rules.
fn rules(count: u32) -> (Arc<Aws>, Bed, BTreeSet<Arn>) {
    let aws = simulated();
    aws.add_balancer("a").unwrap();
    let answer = RuleAction::FixedResponse(200);
    let listener = aws.add_listener("a", "HTTP", 80, &answer).unwrap();
    let rule = |priority| Arn::new(aws.add_rule(&listener, priority, (&["a.test"], &[]), &answer).unwrap());
    let rules = (1..=count).map(rule).collect();
    let behind = Arc::clone(&aws);
    (aws, Bed::new(move |_| Reply::Of(Arc::clone(&behind))), rules)
}

/// A resource has another owner.
fn own(aws: &Aws, resource: &Arn, owner: &str) {
    aws.add_tags(resource.as_str(), &[("owner", owner)]).unwrap();
}

/// Calls every half a minute for a while; what was told, and the most calls at once.
async fn look_for(bed: &Bed, resources: &BTreeSet<Arn>, minutes: u32) -> (BTreeSet<Arn>, usize) {
    let (mut changed, mut most) = (BTreeSet::new(), 0);
    for _ in 0..2 * minutes {
        tokio::time::sleep(Duration::from_secs(30)).await;
        changed.extend(bed.inventory.poll_tags(resources).await);
        most = most.max(bed.operations().len());
    }
    (changed, most)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_rules_cost_a_few_calls_in_each_round() {
    let (_, bed, resources) = rules(1_000);
    look_for(&bed, &resources, 10).await;
    bed.operations();
    let (changed, most) = look_for(&bed, &resources, 60).await;
    assert_eq!((changed, most), (BTreeSet::new(), 3));
}

#[tokio::test(start_paused = true)]
async fn another_owner_is_told_within_ten_minutes_and_once() {
    let (aws, bed, resources) = rules(45);
    look_for(&bed, &resources, 10).await;
    let taken = resources.last().unwrap();
    own(&aws, taken, "another");
    assert_eq!(look_for(&bed, &resources, 10).await.0, BTreeSet::from([taken.clone()]));
    assert_eq!(look_for(&bed, &resources, 60).await.0, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn what_a_tick_has_read_is_where_the_comparison_begins() {
    let (aws, bed, resources) = rules(1);
    let rule = resources.first().unwrap().clone();
    own(&aws, &rule, "us");
    bed.fresh(Query::Tags(rule.clone())).await;
    assert_eq!(look_for(&bed, &resources, 10).await.0, BTreeSet::new());
    own(&aws, &rule, "another");
    assert_eq!(look_for(&bed, &resources, 10).await.0, BTreeSet::from([rule]));
}
