//! What looking at tags costs, and what it tells.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::wire::{Bed, Form, arn, members, result};

/// The owners of resources, as their tags say.
#[derive(Clone, Default)]
struct World(Arc<Mutex<BTreeMap<String, String>>>);

impl World {
    fn set(&self, resource: &Arn, owner: &str) {
        self.0.lock().unwrap().insert(resource.to_string(), owner.to_owned());
    }

    fn bed(&self) -> Bed {
        let world = self.clone();
        Bed::new(move |form: &Form| {
            let owners = world.0.lock().unwrap();
            let one = |arn: &String| {
                let owner = owners.get(arn).cloned().unwrap_or_default();
                format!(
                    "<member><ResourceArn>{arn}</ResourceArn><Tags><member><Key>owner</Key><Value>{owner}</Value>\
                     </member></Tags></member>"
                )
            };
            let all: String = members(form, "ResourceArns").iter().map(one).collect();
            result("DescribeTags", &format!("<TagDescriptions>{all}</TagDescriptions>"))
        })
    }
}

fn rules(count: usize) -> BTreeSet<Arn> {
    (0..count).map(|number| arn(&format!("listener-rule/app/a/1/1/{number:04}"))).collect()
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
    let (world, resources) = (World::default(), rules(1_000));
    let bed = world.bed();
    look_for(&bed, &resources, 10).await;
    bed.operations();
    let (changed, most) = look_for(&bed, &resources, 60).await;
    assert_eq!((changed, most), (BTreeSet::new(), 3));
}

#[tokio::test(start_paused = true)]
async fn another_owner_is_told_within_ten_minutes_and_once() {
    let (world, resources) = (World::default(), rules(45));
    let bed = world.bed();
    look_for(&bed, &resources, 10).await;
    let taken = resources.last().unwrap();
    world.set(taken, "another");
    assert_eq!(look_for(&bed, &resources, 10).await.0, BTreeSet::from([taken.clone()]));
    assert_eq!(look_for(&bed, &resources, 60).await.0, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn what_a_tick_has_read_is_where_the_comparison_begins() {
    let (world, resources) = (World::default(), rules(1));
    let (bed, rule) = (world.bed(), rules(1).pop_first().unwrap());
    world.set(&rule, "us");
    bed.fresh(Query::Tags(rule.clone())).await;
    assert_eq!(look_for(&bed, &resources, 10).await.0, BTreeSet::new());
    world.set(&rule, "another");
    assert_eq!(look_for(&bed, &resources, 10).await.0, BTreeSet::from([rule]));
}
