//! How a world must be in the end, whatever befell it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use weir_api::condition::{READY, SYNCED, Truth, find, holds};
use weir_api::traffic_shift::Outcome;
use weir_api::weighted_route::{DriftPolicy, WeightedRouteStatus};

use crate::evidence::Weights;
use crate::fault::{Fault, ManualChange};
use crate::journal::{Entry, What};
use crate::provisioner::Provisioner;
use crate::rollout::{PRIORITY, SplitPoint, TEAM};
use crate::stage::{BALANCER, PORT};
use crate::world::World;

use super::{Failure, Plan, Wrong, settle};

/// How long a world has to calm down after its run has ended.
const CALM: Duration = Duration::from_secs(75);
/// The same where a group was made again under its name, which is found within two minutes, and where a change is noticed,
/// waits for health and is corrected.
const LONG_CALM: Duration = Duration::from_secs(150);
/// How long it is then watched.
const WATCHED: Duration = Duration::from_secs(90);
/// How many requests a settled world makes in that time at most: three rounds of three calls, health now and then.
const REQUESTS: usize = 30;
/// The same where a route waits for something, and looks for it again and again.
const WAITING_REQUESTS: usize = 45;

/// How many bytes a status has at most.
const STATUS: usize = 12_000;

/// Watches a world that has settled, and looks at everything once more.
pub(super) async fn look(plan: &Plan, world: &mut World, helped: u32) -> Vec<Failure> {
    let mut failures = Vec::new();
    let corrects = plan.rollout.drift == DriftPolicy::Correct;
    let takes_long = |fault: &Fault| match fault {
        Fault::Manual(manual) => corrects || matches!(manual, ManualChange::RecreateGroup(_)),
        _ => false,
    };
    let takes_long = plan.faults.iter().any(|planned| takes_long(&planned.fault));
    world.run_for(if takes_long { LONG_CALM } else { CALM }).await;
    let before = world.evidence_length();
    world.run_for(WATCHED).await;
    let mut fail = |wrong: Wrong, message: String| failures.push(Failure { wrong, message });
    if let Some(message) = restless(world, before) {
        fail(Wrong::Restless, message);
    }
    if let Some(message) = other_weights(plan, world) {
        fail(Wrong::OtherWeights, message);
    }
    for (object, since) in world.lingering() {
        fail(Wrong::Hanging, format!("{object} was deleted at {since} and is still there"));
    }
    if let Some(message) = clobbered(plan, world) {
        fail(Wrong::Clobbered, message);
    }
    if let Some(message) = bloated(world) {
        fail(Wrong::Bloated, message);
    }
    if let Some(message) = defect(world) {
        fail(Wrong::Defect, message);
    }
    if plan.is_endured() {
        if helped > 0 {
            let (reason, message) = settle::said(world);
            fail(Wrong::Helpless, format!("somebody had to help {helped} times; {reason} {message}"));
        }
        if let Some(message) = other_end(plan, world) {
            fail(Wrong::OtherEnd, message);
        }
    }
    failures
}

fn restless(world: &World, before: usize) -> Option<String> {
    let (mut writes, mut requests) = (BTreeMap::<String, u32>::new(), 0);
    let mut told = BTreeMap::new();
    let mut count = |number: usize, entry: &Entry| {
        let is_count = tells_a_count(entry, &mut told);
        if number < before {
            return;
        }
        let write = match &entry.what {
            What::Aws(request) if request.sent.is_write => Some(request.sent.operation.clone()),
            What::Kube(request) if request.is_write() && !request.path.contains("/events") && !is_count => {
                Some(format!("{} {}", request.method, request.path))
            }
            What::Aws(_) | What::Kube(_) => None,
            _ => return,
        };
        requests += 1;
        if let Some(write) = write {
            *writes.entry(write).or_default() += 1;
        }
    };
    world.read_entries(0, |entries| entries.iter().enumerate().for_each(|(number, entry)| count(number, entry)));
    if !writes.is_empty() {
        return Some(format!("a settled world was written to: {writes:?}"));
    }
    let is_ready = |status: WeightedRouteStatus| holds(&status.conditions, READY);
    let waits = !world.route("checkout").and_then(|route| route.status).is_some_and(is_ready);
    let limit = if waits { WAITING_REQUESTS } else { REQUESTS };
    (requests > limit).then(|| format!("{requests} requests within {} s of rest", WATCHED.as_secs()))
}

/// Whether a status is written that differs from the one before in nothing but the requests that were counted.
fn tells_a_count(entry: &Entry, told: &mut BTreeMap<String, Value>) -> bool {
    let What::Kube(request) = &entry.what else { return false };
    let Some(object) = request.object.as_ref().filter(|_| request.is_write()) else { return false };
    let mut status = object["status"].clone();
    let counted = status.as_object_mut().is_some_and(|status| status.remove("requests").is_some());
    told.insert(request.path.clone(), status.clone()).is_some_and(|before| counted && before == status)
}

/// What is live at the place of the rollout.
pub(super) fn live(plan: &Plan, world: &World) -> Weights {
    match plan.rollout.place {
        SplitPoint::DefaultAction => world.account().weights(BALANCER, PORT),
        SplitPoint::Rule | SplitPoint::AdoptedRule => world.account().rule_weights(BALANCER, PORT, PRIORITY),
    }
}

/// Whether the route says something else than what is live at the place that it says is its own.
fn other_weights(plan: &Plan, world: &World) -> Option<String> {
    let route = world.route("checkout")?.status.unwrap_or_default();
    // What could not be read, or has another place, says what was live once.
    find(&route.conditions, SYNCED).filter(|synced| synced.status != Truth::Unknown)?;
    let names = world.account().group_names();
    let lent = |environment: &str| {
        let member = route.members.iter().find(|member| member.environment == environment)?;
        names.get(member.group()?).cloned()
    };
    let said = route.weights.iter().map(|entry| {
        let group = lent(&entry.environment).unwrap_or_else(|| entry.environment.clone());
        (group, u32::try_from(entry.weight).unwrap_or(0))
    });
    let said: Weights = said.collect();
    let live = route.listener_rule.arn.as_deref().map_or_else(|| live(plan, world), |place| world.aws().weights(place));
    let total = |weights: &Weights| weights.values().sum::<u32>().max(1);
    let groups = live.keys().chain(said.keys());
    let part = |weights: &Weights, group: &String| weights.get(group).copied().unwrap_or(0);
    let differ = groups.into_iter().any(|group| part(&live, group) * total(&said) != part(&said, group) * total(&live));
    differ.then(|| format!("the route says {said:?}, live is {live:?}"))
}

fn clobbered(plan: &Plan, world: &World) -> Option<String> {
    let is_rewritten = |fault: &Fault| matches!(fault, Fault::Manual(manual) if manual.rewrites_the_place());
    let provisioner = Provisioner::new(world.aws(), plan.rollout.place);
    if !provisioner.is_his() || plan.faults.iter().any(|planned| is_rewritten(&planned.fault)) {
        return None;
    }
    let Some(place) = provisioner.found() else { return Some("the rule that others have made is gone".to_owned()) };
    if world.aws().tags(&place).get(TEAM.0).map(String::as_str) != Some(TEAM.1) {
        return Some("the tag of others is gone".to_owned());
    }
    let kinds = world.aws().action_kinds(&place);
    (kinds != ["authenticate-oidc", "forward"]).then(|| format!("the actions are {kinds:?}"))
}

fn bloated(world: &World) -> Option<String> {
    let kinds = ["entrypoints", "environments", "weightedroutes", "trafficshifts"];
    let objects = kinds.into_iter().flat_map(|resource| world.kube().list(resource, world.namespace()));
    objects.into_iter().find_map(|object| {
        let length = object["status"].to_string().len();
        (length > STATUS).then(|| format!("the status of {} has {length} bytes", object["metadata"]["name"]))
    })
}

/// What must not be, whatever befalls: the guard had to step in, a decision panicked, or a controller has ended.
pub(crate) fn defect(world: &World) -> Option<String> {
    for metrics in world.all_metrics() {
        let text = metrics.render();
        let counted = |name: &str| text.lines().any(|line| line.starts_with(name) && !line.ends_with(" 0"));
        if counted("weir_guard_violations_total") {
            return Some("the guard had to step in".to_owned());
        }
        if counted("weir_panics_total") {
            return Some("a decision panicked".to_owned());
        }
    }
    let ended = |entry: &Entry| match &entry.what {
        What::Ended(words) => Some(format!("a controller ended: {words}")),
        _ => None,
    };
    world.read_entries(0, |entries| entries.iter().find_map(ended))
}

fn other_end(plan: &Plan, world: &World) -> Option<String> {
    let status = world.shift("checkout").and_then(|shift| shift.status).unwrap_or_default();
    let last = plan.rollout.releases.last()?;
    let outcome = status.run.as_ref().and_then(|run| run.outcome);
    let live = live(plan, world);
    let all = live.iter().all(|(group, weight)| (group == last) == (*weight > 0));
    if outcome == Some(Outcome::Succeeded) && all && !live.is_empty() {
        return None;
    }
    let message = status.history.first().map(|past| past.message.clone()).unwrap_or_default();
    Some(format!("the run to {last} ended as {outcome:?} with {live:?}: {message}"))
}
