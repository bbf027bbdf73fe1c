//! What users have on AWS before Weir comes, made from the manifests that speak of it.
//!
//! Balancers of entry points have their listeners, which answer 503; those of environments have one on port 443, behind which
//! are the target groups of the environment. Zones have the identifiers that routes name, and names that fit.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use weir_sim::aws::{Aws, RecordEdit, RecordSays, RecordType, RuleAction, TargetStickiness};

use crate::account::{make_group, make_listener};
use crate::manifest::of_kind;

mod zone_name;

/// The port on which balancers of environments listen.
pub(crate) const PORT: u16 = 443;

/// What cannot be made for a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Its number among the documents.
    pub document: usize,
    /// What was found, and what to do.
    pub message: String,
}

/// Makes something that a document expects.
type Make = fn(&Manifests<'_>, &Aws, &Value) -> Result<(), String>;

/// Which kinds expect what, in the order in which one thing needs another.
const ORDER: [(&str, Make); 4] = [
    ("EntryPoint", |_, aws, document| make_listeners(aws, document)),
    ("Environment", |all, aws, document| all.make_groups(aws, document)),
    ("Environment", |all, aws, document| all.make_balancers(aws, document)),
    ("WeightedRoute", |all, aws, document| all.make_zone(aws, document)),
];

/// All documents, since what is made for one hangs on others.
struct Manifests<'a> {
    documents: &'a [Value],
    targets: u32,
}

/// Makes what documents expect to exist by name, unless it is there: each where `place` says, and groups with so many targets.
pub(crate) fn furnish(documents: &[Value], targets: u32, mut place: impl FnMut(&Value) -> Arc<Aws>) -> Vec<Mistake> {
    let manifests = Manifests { documents, targets };
    let mut mistakes: Vec<Mistake> = Vec::new();
    for (kind, make) in ORDER {
        for (number, document) in documents.iter().enumerate().filter(|(_, document)| document["kind"] == kind) {
            if mistakes.iter().any(|mistake| mistake.document == number) {
                continue;
            }
            let made = make(&manifests, &place(document), document);
            mistakes.extend(made.err().map(|message| Mistake { document: number, message }));
        }
    }
    mistakes
}

impl Manifests<'_> {
    fn make_groups(&self, aws: &Aws, environment: &Value) -> Result<(), String> {
        for group in list(&environment["spec"]["targetGroups"]) {
            let name = name_of(environment, &group["existing"])?;
            if aws.group_arn(name).is_none() {
                let made = make_group(aws, name, self.targets, TargetStickiness::Off);
                made.map_err(|refusal| refusal.to_string())?;
            }
        }
        Ok(())
    }

    /// A balancer that is there already, as a file or an entry point says it, is left as it is.
    fn make_balancers(&self, aws: &Aws, environment: &Value) -> Result<(), String> {
        for (balancer, groups) in self.behind(environment) {
            let name = name_of(environment, &balancer["existing"])?;
            if aws.balancer_arn(name).is_some() {
                continue;
            }
            let weights: Vec<(&str, u32)> = groups.into_iter().map(|group| (group, 1)).collect();
            let action =
                if weights.is_empty() { RuleAction::FixedResponse(503) } else { RuleAction::forward(&weights) };
            let made = aws.add_balancer(name).and_then(|_| make_listener(aws, name, PORT, &action));
            made.map_err(|refusal| {
                format!(
                    "the balancer {name} of {} cannot be made: {refusal}; give capacityFrom, which says which groups are behind it",
                    describe(environment)
                )
            })?;
        }
        Ok(())
    }

    /// Each balancer of an environment with the target groups behind it: those that say its capacity. The others are dealt out
    /// among balancers of which nothing is said, but for those to which a listener leads: a group is behind one balancer.
    fn behind<'v>(&self, environment: &'v Value) -> Vec<(&'v Value, Vec<&'v str>)> {
        let (spec, key) = (&environment["spec"], key(environment));
        let groups: Vec<(&str, &str)> = list(&spec["targetGroups"])
            .filter_map(|group| Some((group["name"].as_str()?, group["existing"]["name"].as_str()?)))
            .collect();
        let balancers: Vec<&Value> = list(&spec["loadBalancers"]).collect();
        let told = balancers.iter().flat_map(|balancer| list(&balancer["capacityFrom"]));
        let told: BTreeSet<&str> = told.filter_map(Value::as_str).collect();
        let listened: BTreeSet<&str> = self.listened(key, groups.first().map(|(part, _)| *part)).collect();
        let is_free = |part: &str| !told.contains(part) && !listened.contains(part);
        let free: Vec<&str> = groups.iter().filter(|(part, _)| is_free(part)).map(|(_, name)| *name).collect();
        let silent = balancers.iter().filter(|balancer| list(&balancer["capacityFrom"]).next().is_none()).count();
        let mut turn = 0;
        let behind = balancers.into_iter().map(|balancer| {
            let named: Vec<&str> = list(&balancer["capacityFrom"]).filter_map(Value::as_str).collect();
            if named.is_empty() {
                turn += 1;
                return (balancer, free.iter().skip(turn - 1).step_by(silent).copied().collect());
            }
            (balancer, groups.iter().filter(|(part, _)| named.contains(part)).map(|(_, name)| *name).collect())
        });
        behind.collect()
    }

    /// The parts of an environment to which routes of listeners lead; where they name none, its first.
    fn listened<'v>(
        &'v self,
        environment: (&'v str, &'v str),
        first: Option<&'v str>,
    ) -> impl Iterator<Item = &'v str> {
        let routes = of_kind(self.documents, "WeightedRoute").filter(|route| route["spec"]["listener"].is_object());
        let routes = routes.filter(move |route| key(route).0 == environment.0);
        let backends = routes.flat_map(|route| list(&route["spec"]["backends"]));
        let of_it = backends.filter(move |backend| backend["environment"] == environment.1);
        of_it.filter_map(move |backend| backend["part"].as_str().or(first))
    }

    /// The zone of a name, and addresses of version 6 where the name has them.
    fn make_zone(&self, aws: &Aws, route: &Value) -> Result<(), String> {
        let Some((zone, _)) = name_in_zone(route) else { return Ok(()) };
        if record_types(route).contains(&RecordType::Aaaa) {
            let backends = list(&route["spec"]["backends"]).filter_map(|backend| backend["environment"].as_str());
            for balancer in backends.filter_map(|environment| balancer_of(self.documents, route, environment)) {
                // What is not there the route will say.
                let _ = aws.make_dual_stack(balancer);
            }
        }
        if aws.has_zone(zone) {
            return Ok(());
        }
        let names = of_kind(self.documents, "WeightedRoute").filter_map(name_in_zone);
        let names: Vec<&str> = names.filter(|(other, _)| *other == zone).map(|(_, name)| name).collect();
        let name = zone_name::of(&names).ok_or_else(|| {
            let names = names.join(" and ");
            format!(
                "the zone {zone} is named for {names}, which cannot be in one zone; give each the zone that it is in"
            )
        })?;
        aws.add_zone_with_id(zone, &name).map_err(|refusal| format!("the zone {zone} cannot be made: {refusal}"))
    }
}

fn make_listeners(aws: &Aws, entry_point: &Value) -> Result<(), String> {
    let balancer = name_of(entry_point, &entry_point["spec"]["existing"])?;
    if aws.balancer_arn(balancer).is_none() {
        aws.add_balancer(balancer).map_err(|refusal| refusal.to_string())?;
    }
    for listener in list(&entry_point["spec"]["listeners"]) {
        let port = listener["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or("a listener needs a port from 1 to 65535")?;
        if aws.listener_arn(balancer, port).is_none() {
            let made = make_listener(aws, balancer, port, &RuleAction::FixedResponse(503));
            made.map_err(|refusal| refusal.to_string())?;
        }
    }
    Ok(())
}

/// The backend of a route that carries its traffic before anything moves: the first that no shift of the documents wants.
pub(crate) fn first_backend<'a>(documents: &[Value], route: &'a Value) -> Option<&'a str> {
    let (namespace, name) = key(route);
    let is_over =
        |shift: &&Value| key(shift).0 == namespace && list(&shift["spec"]["routes"]).any(|route| route == name);
    let wanted: Vec<&Value> =
        of_kind(documents, "TrafficShift").filter(is_over).map(|shift| &shift["spec"]["to"]).collect();
    let mut backends = list(&route["spec"]["backends"]).map(|backend| &backend["environment"]);
    backends.find(|environment| !wanted.contains(environment))?.as_str()
}

/// Leads the name that a route adopts to the balancer of an environment, by simple aliases, unless something is there already.
pub(crate) fn lead(aws: &Aws, documents: &[Value], route: &Value, environment: &str) {
    let Some((zone, name)) = name_in_zone(route).filter(|_| route["spec"]["adopt"] == true) else { return };
    let balancer = balancer_of(documents, route, environment).and_then(|balancer| aws.balancer_dns(balancer).ok());
    let Some((target, _)) = balancer else { return };
    let evaluates = route["spec"]["dns"]["evaluateTargetHealth"] == true;
    let alias = |kind| RecordEdit::simple(name, kind, RecordSays::Balancer { name: target.clone(), evaluates });
    let records: Vec<RecordEdit> = record_types(route).into_iter().map(alias).collect();
    // AWS refuses it where something is there; whatever else it refuses, the route will say.
    let _ = aws.add_records(zone, &records);
}

/// The balancer by which a route reaches an environment.
pub(crate) fn balancer_of<'a>(documents: &'a [Value], route: &Value, environment: &str) -> Option<&'a str> {
    let backend = list(&route["spec"]["backends"]).find(|backend| backend["environment"] == environment)?;
    let of = (key(route).0, environment);
    let found = of_kind(documents, "Environment").find(|document| key(document) == of)?;
    let mut balancers = list(&found["spec"]["loadBalancers"]);
    let found = balancers.find(|balancer| backend["part"].is_null() || balancer["name"] == backend["part"])?;
    found["existing"]["name"].as_str()
}

/// The identifier of the zone and the name of a route of a name.
pub(crate) fn name_in_zone(route: &Value) -> Option<(&str, &str)> {
    let dns = &route["spec"]["dns"];
    Some((dns["zone"]["id"].as_str()?, dns["name"].as_str()?))
}

fn record_types(route: &Value) -> Vec<RecordType> {
    let types = list(&route["spec"]["dns"]["types"]).filter_map(|word| RecordType::named(word.as_str()?));
    let types: Vec<RecordType> = types.collect();
    if types.is_empty() { vec![RecordType::A] } else { types }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Namespace, where it says one, and name of a document.
fn key(document: &Value) -> (&str, &str) {
    let text = |field: &str| document["metadata"][field].as_str().unwrap_or_default();
    (text("namespace"), text("name"))
}

fn describe(document: &Value) -> String {
    let kind = document["kind"].as_str().unwrap_or("the object");
    format!("{kind} {}", document["metadata"]["name"].as_str().unwrap_or("without a name"))
}

/// The name of an existing thing.
fn name_of<'a>(of: &Value, existing: &'a Value) -> Result<&'a str, String> {
    existing["name"].as_str().ok_or_else(|| {
        format!(
            "{} names an existing thing by its ARN; the simulated AWS makes ARNs of its own, so give existing.name",
            describe(of)
        )
    })
}

#[cfg(test)]
mod tests;
