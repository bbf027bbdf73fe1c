//! Names in DNS: made, taken over, split and moved by shifts, edited by others, and given back.

mod adoption;
mod course;
mod crashes;
mod edits;
mod forecast;
mod foreign;
mod leaving;
mod lockstep;
mod many;
mod refusals;
mod shifts;
mod ways_back;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use weir_api::condition::{READY, find};
use weir_api::weighted_route::NameRecords;
use weir_engine::dns::{Content, DnsName, NameInZone, RecordSet, ZoneId};
use weir_engine::fact::{Found, Query};
use weir_engine::reader::Ask;
use weir_engine::tick::Urgency;
use weir_sim::aws::{Author, Change, RecordEdit, RecordSays, RecordType};

use crate::evidence::Weights;
use crate::stage::on_virtual_time;
use crate::world::{Settings, World};

use super::{HOUR, MINUTE, route_status, told, until};

/// The name.
const NAME: &str = "api.shop.test";
/// The environments, each with a balancer and a target group of its name.
const ENVIRONMENTS: [&str; 3] = ["blue", "green", "red"];

/// An environment with a balancer.
fn environment(name: &str) -> String {
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {{name: {name}}}
spec:
  targetGroups: [{{name: web, existing: {{name: {name}}}}}]
  loadBalancers: [{{name: own, existing: {{name: {name}-lb}}}}]
"
    )
}

/// The balancer of an environment, so that the world has it.
fn balancer(name: &str) -> String {
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: EntryPoint
metadata: {{name: {name}}}
spec: {{existing: {{name: {name}-lb}}, listeners: [{{name: https, port: 443}}]}}
"
    )
}

/// The route of a name. `extra` is put into its spec.
fn name_route(zone: &str, name: &str, extra: &str) -> String {
    let fields = ["weights", "drift", "pace", "deletionPolicy"];
    let extra = fields
        .iter()
        .fold(extra.to_owned(), |extra, field| extra.replace(&format!(", {field}:"), &format!("\n  {field}:")));
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {{name: api}}
spec:
  dns: {{zone: {{id: {zone}}}, name: {name}}}
  backends: [{{environment: blue}}, {{environment: green}}, {{environment: red}}]
  {extra}
"
    )
}

/// A world with environments that have balancers, and an empty zone. Returns the zone.
async fn furnished(settings: Settings) -> (World, String) {
    let mut world = World::new(settings);
    let environments: String = ENVIRONMENTS.map(environment).concat();
    world.furnish(&(ENVIRONMENTS.map(balancer).concat() + &environments), 4).unwrap();
    for name in ENVIRONMENTS {
        world.account().forward(&format!("{name}-lb"), 443, &[(name, 100)]);
    }
    let zone = world.aws().add_zone("shop.test").unwrap();
    world.restrict(&world.policy_for_names(&zone, "*.shop.test"));
    world.run_for(Duration::from_mins(2)).await;
    world.apply(&environments).unwrap();
    (world, zone)
}

/// Plays a scenario with a controller, in a zone in which there is something.
fn play(seed: u64, there: &[RecordEdit], scenario: impl AsyncFnOnce(&mut World, String)) {
    play_with(seed, async |world, zone| {
        world.aws().add_records(&zone, there).unwrap();
        world.start_controller();
        scenario(world, zone).await;
    });
}

fn play_with(seed: u64, scenario: impl AsyncFnOnce(&mut World, String)) {
    on_virtual_time(async {
        let (mut world, zone) = furnished(Settings::seeded(seed)).await;
        scenario(&mut world, zone).await;
    });
}

/// Gives all balancers addresses of both families.
fn make_dual_stack(world: &World) {
    for name in ENVIRONMENTS {
        world.aws().make_dual_stack(&dns_name(name)).unwrap();
    }
}

/// An alias of the balancer of an environment.
fn alias(environment: &str) -> RecordSays {
    RecordSays::Balancer { name: dns_name(environment), evaluates: false }
}

/// The name of the balancer of an environment, which worlds of one seed give it.
fn dns_name(environment: &str) -> String {
    format!("{environment}-lb")
}

/// The same, with the name of the balancer as this world has it.
fn of_world(world: &World, record: RecordEdit) -> RecordEdit {
    let says = match record.says {
        RecordSays::Balancer { name, evaluates } => {
            RecordSays::Balancer { name: world.aws().balancer_dns(&name).unwrap().0, evaluates }
        }
        other => other,
    };
    RecordEdit { says, ..record }
}

/// All records at a name.
async fn records(world: &World, zone: &str, name: &str) -> Vec<RecordSet> {
    let at = NameInZone { zone: ZoneId::new(zone), name: DnsName::new(name) };
    let ask = Ask::new(Query::Records(at), world.now());
    let inventory = world.inventory();
    let (_, fact) = inventory.answer(&ask, &weir_aws::CallPriority::new(Urgency::Routine)).await;
    match fact.found {
        Ok(Found::Records(records)) => Vec::clone(&records),
        other => panic!("{other:?}"),
    }
}

/// The weights at the name by environment; a simple record has 1.
async fn split(world: &World, zone: &str) -> BTreeMap<String, u16> {
    let records = records(world, zone, NAME).await;
    let split = records.iter().map(|record| (leads_to(record), record.weight().unwrap_or(1)));
    split.collect()
}

fn leads_to(record: &RecordSet) -> String {
    match &record.content {
        Content::Alias(alias) => alias.target.as_str().split("-lb").next().unwrap_or_default().to_owned(),
        Content::Values { values, .. } => values.join(" "),
    }
}

/// A record as a hand would write it.
fn by_hand(record: &RecordSet) -> RecordEdit {
    let kind = match record.kind.as_str() {
        "A" => RecordType::A,
        "AAAA" => RecordType::Aaaa,
        "CNAME" => RecordType::Cname,
        "TXT" => RecordType::Txt,
        other => panic!("{other}"),
    };
    let says = match &record.content {
        Content::Alias(alias) => {
            RecordSays::Balancer { name: alias.target.as_str().to_owned(), evaluates: alias.evaluate_target_health }
        }
        Content::Values { ttl, values } => RecordSays::Values(*ttl, values.clone()),
    };
    let name = record.name.as_str();
    match record.weight() {
        Some(weight) => RecordEdit::weighted(name, kind, (record.identifier(), weight.into()), says),
        None => RecordEdit::simple(name, kind, says),
    }
}

/// Changes the spec of the route. Weights that are given are all that there are.
fn choose(world: &World, spec: &Value) {
    let mut spec = spec.clone();
    if let Some(weights) = spec.get_mut("weights").and_then(Value::as_object_mut) {
        for name in ENVIRONMENTS {
            weights.entry(name).or_insert(Value::Null);
        }
    }
    world.patch("weightedroutes", "api", &json!({ "spec": spec })).unwrap();
}

fn status(world: &World) -> NameRecords {
    route_status(world, "api").dns
}

/// What the condition `Ready` of the route says.
fn ready(world: &World) -> (String, String) {
    let conditions = route_status(world, "api").conditions;
    find(&conditions, READY).map(|ready| (ready.reason.to_string(), ready.message.to_string())).unwrap_or_default()
}

async fn until_reason(world: &mut World, reason: &str) -> String {
    until(world, reason, |world| ready(world).0 == reason, HOUR).await;
    ready(world).1
}

/// Until the route says that these weights are live and all name servers have them.
async fn until_live(world: &mut World, live: &str) {
    let is_so = |world: &World| {
        let status = route_status(world, "api");
        let is_verified = status.intent.as_ref().is_some_and(|intent| intent.verified_at.is_some());
        is_verified && status.live.as_deref() == Some(live)
    };
    if world.run_until(is_so, HOUR).await.is_err() {
        let status = route_status(world, "api");
        panic!("{live} has not come: {:?}\n{:#?}\n{:#?}\n{}", ready(world), status.dns, status.intent, told(world));
    }
}

/// The splits of the name since the beginning, in their order, as a controller has made them.
fn splits(world: &World, zone: &str) -> Vec<Weights> {
    let place = format!("{zone}/{NAME}/A");
    let effects = world.aws().effects().into_iter();
    let made = effects.filter(|effect| !matches!(effect.author, Author::Hand));
    let after = made.filter_map(|effect| match effect.change {
        Change::Weights { place: at, after, .. } if at.ends_with(&place) => Some(after),
        _ => None,
    });
    after.map(|after| after.into_iter().map(|(name, weight)| (name.replace("-lb", ""), weight)).collect()).collect()
}

fn weights(entries: &[(&str, u32)]) -> Weights {
    crate::stage::weights(entries)
}

/// How often an operation of Route 53 was called.
fn calls(world: &World, operation: &str) -> usize {
    world.aws().calls().iter().filter(|call| call.operation == operation).count()
}
