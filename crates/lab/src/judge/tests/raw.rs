//! What the simulated AWS says of requests and of their effects, held against the requests as they were written. They
//! are read here once more, by other code, since every judge goes by what the simulator says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use weir_sim::aws::{Change, Effect};

use crate::evidence::{Tags, Weights};
use crate::journal::{AwsRequest, What};
use crate::rollout::Rollout;
use crate::stage::on_virtual_time;
use crate::world::{Settings, World};

/// A write of ELBv2, read from its form.
struct Raw {
    operation: String,
    place: String,
    /// By ARN.
    weights: Option<Weights>,
    sticky_seconds: Option<u32>,
    given: Tags,
    taken: BTreeSet<String>,
}

impl Raw {
    /// Reads a request; `None` for reads.
    fn of(request: &AwsRequest) -> Option<Self> {
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
        let of = |name: &str| form.get(name).cloned();
        let operation = of("Action")?;
        let place = match operation.as_str() {
            "ModifyRule" | "DeleteRule" => of("RuleArn")?,
            "ModifyListener" | "CreateRule" => of("ListenerArn")?,
            "AddTags" | "RemoveTags" => of("ResourceArns.member.1")?,
            _ => return None,
        };
        let sets_weights = matches!(operation.as_str(), "ModifyRule" | "ModifyListener" | "CreateRule");
        let ending =
            |end: &'static str| form.iter().filter_map(move |(name, value)| Some((name.strip_suffix(end)?, value)));
        let weight = |(tuple, arn): (&str, &String)| (arn.clone(), form[&format!("{tuple}.Weight")].parse().unwrap());
        let is_tuple = |(name, _): &(&str, &String)| name.contains("ForwardConfig.TargetGroups.member.");
        let tag = |number: usize| {
            let of = |field: &str| of(&format!("Tags.member.{number}.{field}"));
            Some((of("Key")?, of("Value").unwrap_or_default()))
        };
        Some(Self {
            weights: sets_weights.then(|| ending(".TargetGroupArn").filter(is_tuple).map(weight).collect()),
            sticky_seconds: ending("StickinessConfig.DurationSeconds").next().map(|(_, value)| value.parse().unwrap()),
            given: (1..).map_while(tag).collect(),
            taken: (1..).map_while(|number| of(&format!("TagKeys.member.{number}"))).collect(),
            operation,
            place,
        })
    }

    /// Whether something that was changed is what this request was about. A rule that was made is known by its listener.
    fn is_about(&self, changed: &str) -> bool {
        let made_within = self.place.replacen(":listener/", ":listener-rule/", 1) + "/";
        changed == self.place || (self.operation == "CreateRule" && changed.starts_with(&made_within))
    }
}

/// The releases of a rollout, one after the other, and then the end of its route.
fn played(rollout: &Rollout, policy: &str) -> World {
    on_virtual_time(async {
        let mut world = rollout.set(Settings::seeded(5)).await;
        world.start_controller();
        for to in &rollout.releases {
            world.apply(&rollout.wish(to)).unwrap();
            world.run_until(|world| world.is_complete("checkout"), Duration::from_hours(1)).await.unwrap();
        }
        world.patch("weightedroutes", "checkout", &json!({"spec": {"deletionPolicy": policy}})).unwrap();
        world.run_for(Duration::from_mins(1)).await;
        world.delete("weightedroutes", "checkout").unwrap();
        world.run_for(Duration::from_mins(5)).await;
        world
    })
}

#[test]
fn what_the_simulator_says_of_writes_is_what_they_say_themselves() {
    let on_rule = played(&Rollout { sticky: true, ..Rollout::first() }, "Delete");
    let on_default_action = played(&Rollout::short(), "Restore");
    let operations = &compared(&on_rule) | &compared(&on_default_action);
    let all = ["AddTags", "CreateRule", "DeleteRule", "ModifyListener", "ModifyRule", "RemoveTags"];
    assert_eq!(operations, all.map(str::to_owned).into());
}

/// Compares everything that was written in a world, and tells which operations there were.
fn compared(world: &World) -> BTreeSet<String> {
    let evidence = world.evidence();
    let effects = world.aws().effects();
    let by_name = |weights: &Weights| -> Weights {
        weights.iter().map(|(arn, weight)| (evidence.groups[arn].clone(), *weight)).collect()
    };
    let mut tried = BTreeSet::new();
    for entry in &evidence.entries {
        let What::Aws(request) = &entry.what else { continue };
        let Some(raw) = Raw::of(request).filter(|_| request.status == Some(200)) else {
            assert!(!request.sent.is_write || request.status != Some(200), "{request:?}");
            continue;
        };
        let asks = &request.sent.asks;
        assert_eq!((&request.sent.operation, request.sent.is_write), (&raw.operation, true));
        assert_eq!(*asks.resources[0], *raw.place);
        assert_eq!(asks.split.as_ref().map(|split| &split.weights), raw.weights.as_ref());
        assert_eq!(asks.split.as_ref().and_then(|split| split.sticky_seconds), raw.sticky_seconds);
        assert_eq!(asks.tags, raw.given);
        assert_eq!(asks.creates, raw.operation == "CreateRule");
        assert_eq!(asks.removes, matches!(raw.operation.as_str(), "RemoveTags" | "DeleteRule"));
        let is_its = |effect: &&Effect| effect.request_id.as_deref() == request.request_id.as_deref();
        let (mut weights, mut tags) = (false, false);
        for Effect { at, change, .. } in effects.iter().filter(is_its) {
            assert!(*at >= entry.at);
            match change {
                Change::Weights { place, after, .. } => {
                    assert!(raw.is_about(place), "{place} by {}", raw.place);
                    assert_eq!(*after, by_name(&raw.weights.clone().unwrap_or_default()));
                    weights = true;
                }
                Change::Tags { resource, before, after } => {
                    assert!(raw.is_about(resource), "{resource} by {}", raw.place);
                    let mut expected = before.clone();
                    expected.extend(raw.given.clone());
                    expected.retain(|key, _| !raw.taken.contains(key) && raw.operation != "DeleteRule");
                    assert_eq!(*after, expected);
                    tags = true;
                }
            }
        }
        // Only what changes nothing has no effect.
        let live = || {
            let there = evidence.changes.iter().filter(|change| change.place == raw.place && change.at <= entry.at);
            there.last().map(|change| change.after.clone()).unwrap_or_default()
        };
        assert!(weights || raw.weights.as_ref().is_none_or(|weights| by_name(weights) == live()), "{request:?}");
        assert!(tags || (raw.given.is_empty() && raw.taken.is_empty()), "{request:?}");
        tried.insert(raw.operation);
    }
    // Nothing happens on AWS without somebody who asks for it.
    for effect in effects {
        let Some(id) = effect.request_id else { continue };
        let is_its = |what: &What| matches!(what, What::Aws(request) if request.request_id.as_deref() == Some(&*id));
        assert!(evidence.entries.iter().any(|entry| is_its(&entry.what)), "{:?}", effect.change);
    }
    tried
}
