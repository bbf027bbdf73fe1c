//! A name on Route 53 with a real API server, moto, the AWS CLI and `weir run` as a process of its own: taken over, moved by a shift
//! and given back.
//!
//! Moto has every change in sync at once, compares no weights with a deletion, and refuses to create what it has created once, though
//! that was deleted since: only what it is asked to make is judged here, and what was there before is made by UPSERT.

use serde_json::{Value, json};

use super::bed::Bed;
use super::manifests::HELD_AT_25;
use super::process::{Listener, Process};
use crate::bed::Moto;

/// The environments, each with a balancer and a target group of its name.
const SIDES: [&str; 2] = ["north", "south"];

/// A hosted zone of moto.
struct Zone {
    moto: &'static Moto,
    id: String,
    name: String,
}

impl Zone {
    /// All records at a name, as the AWS CLI tells them.
    fn records(&self, name: &str) -> Vec<Value> {
        let arguments = ["route53", "list-resource-record-sets", "--hosted-zone-id", &self.id];
        let mut answer = self.moto.aws(&arguments);
        let records = answer["ResourceRecordSets"].take();
        let records = records.as_array().unwrap().iter();
        records.filter(|record| record["Name"] == format!("{name}.")).cloned().collect()
    }

    /// The weights at the name, by environment as the set identifiers have it.
    fn weights(&self) -> Vec<(String, u64)> {
        let weight = |record: &Value| {
            let identifier = record["SetIdentifier"].as_str()?;
            assert!(identifier.contains(".weir-"), "{record}");
            assert_eq!(record["TTL"], Value::Null, "an alias has none: {record}");
            Some((identifier.split('.').next()?.to_owned(), record["Weight"].as_u64()?))
        };
        let mut weights: Vec<(String, u64)> = self.records(&self.name).iter().filter_map(weight).collect();
        weights.sort();
        weights
    }
}

/// An environment with a balancer; the balancer's name and zone, as the CLI tells them.
fn furnish(bed: &Process, side: &str) -> (String, String) {
    let name = bed.name(side);
    let group = bed.add_group(&name);
    bed.add_balancer(&name, &[Listener { port: 80, forward: &[(&group, 1)] }]);
    let found = bed.moto.aws(&["elbv2", "describe-load-balancers", "--names", &name]);
    let found = &found["LoadBalancers"][0];
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("DNSName"), text("CanonicalHostedZoneId"))
}

fn manifests(bed: &Process, zone: &str, name: &str) -> String {
    let environment = |side: &&str| {
        let group = bed.name(side);
        format!(
            "---
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {{name: {side}}}
spec:
  targetGroups: [{{name: web, existing: {{name: {group}}}}}]
  loadBalancers: [{{name: own, existing: {{name: {group}}}}}]
"
        )
    };
    let environments: String = SIDES.iter().map(environment).collect();
    format!(
        "{environments}---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {{name: api}}
spec:
  dns: {{zone: {{id: {zone}}}, name: {name}}}
  backends: [{{environment: north}}, {{environment: south}}]
  adopt: true
  deletionPolicy: Restore
---
apiVersion: weir.dev/v1alpha1
kind: TrafficShift
metadata: {{name: checkout}}
spec:
  routes: [api]
  to: south
  strategy: {HELD_AT_25}
"
    )
}

#[test]
fn a_name_is_taken_over_moved_and_given_back() {
    let Some(mut bed) = Process::open() else { return };
    let (target, target_zone) = furnish(&bed, "north");
    furnish(&bed, "south");
    let apex = format!("{}.example", bed.namespace());
    let made = ["route53", "create-hosted-zone", "--name", &apex, "--caller-reference", &apex];
    let id = bed.moto.aws(&made)["HostedZone"]["Id"].as_str().unwrap().replace("/hostedzone/", "");
    let name = format!("api.{apex}");
    let alias = json!({"HostedZoneId": target_zone, "DNSName": target, "EvaluateTargetHealth": false});
    let record = json!({"Name": name, "Type": "A", "AliasTarget": alias});
    let batch = json!({"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}).to_string();
    let arguments = ["route53", "change-resource-record-sets", "--hosted-zone-id", &id, "--change-batch", &batch];
    bed.moto.aws(&arguments);
    bed.arguments = ["--allow-zone".to_owned(), format!("*={id}/*.{apex}")].to_vec();
    bed.start();
    let manifests = manifests(&bed, &id, &name);
    let zone = Zone { moto: bed.moto, id, name: name.clone() };
    let before = zone.records(&name);
    let bed: &mut dyn Bed = &mut bed;
    bed.apply(&manifests);
    bed.until_phase("Paused", 25);
    assert_eq!(zone.weights(), [("north".to_owned(), 75), ("south".to_owned(), 25)]);
    let status = bed.get("weightedroutes", "api")["status"].take();
    assert_eq!(status["live"], "north 75, south 25", "{status}");
    assert!(status["dns"]["change"]["inSyncAt"].is_string(), "{status}");
    bed.command("promote/1");
    let waits = |bed: &dyn Bed| (bed.shift()["waiting"]["reason"] == "OldAnswers").then_some(());
    bed.until("the old answers are waited for", waits);
    bed.command("promote/2");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(zone.weights(), [("south".to_owned(), 100)]);
    let memory = zone.records(&format!("_weir.{name}"));
    let memory = memory[0]["ResourceRecords"].to_string();
    assert!(memory.contains("last=") && !memory.contains("south"), "{memory}");
    let roles = bed.get("environments", "north")["status"]["routes"].take();
    assert!(roles[0]["role"] == "Draining" && roles[0]["clientsUntil"].is_string(), "{roles}");
    let seen = |bed: &dyn Bed| bed.get("weightedroutes", "api")["status"]["lastRun"]["to"] == "south";
    assert!(seen(bed), "{}", bed.get("weightedroutes", "api"));
    bed.delete("weightedroutes", "api");
    bed.until_gone("weightedroutes", "api");
    assert_eq!(zone.records(&name), before);
    assert_eq!(zone.records(&format!("_weir.{name}")), Vec::<Value>::new());
}
