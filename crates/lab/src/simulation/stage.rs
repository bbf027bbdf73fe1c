//! The world of a play: made to fit the manifests, with the traffic where it is before the release.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use weir_api::{EntryPoint, WeightedRoute};
use weir_aws::ZoneName;
use weir_engine::dns::ZoneId;
use weir_engine::{Grants, Key};
use weir_sim::aws::{Aws, RuleAction};

use crate::furniture::{self, Mistake};
use crate::stage::on_virtual_time;
use crate::world::{LONG_LEASE, Settings, World};
use crate::world_file::WorldFile;

use super::clients::Clients;
use super::manifests::Manifests;

/// How many targets each group gets that manifests name and no world file has.
const TARGETS: u32 = 4;
/// How long the targets that carry the traffic run before anything begins.
const PROLOGUE: Duration = Duration::from_mins(2);

/// The settings of a play.
pub(super) fn settings(seed: u64, manifests: &Manifests, lease: Duration) -> Settings {
    let namespace = manifests.namespace();
    Settings { namespace, lease, owner: "simulate".to_owned(), grants: Grants::everything(), ..Settings::seeded(seed) }
}

/// The world before the release, without a controller and objects.
pub(super) fn furnish(settings: Settings, manifests: &Manifests, file: Option<&WorldFile>) -> (World, Vec<String>) {
    let mut world = World::new(settings);
    let mut mistakes = Vec::new();
    for namespace in manifests.namespaces() {
        mistakes.extend(world.apply_document(namespace).err());
    }
    mistakes.extend(file.and_then(|file| file.furnish(world.aws()).err()));
    let documents = manifests.documents();
    for Mistake { document, message } in world.furnish_documents(&documents, TARGETS) {
        mistakes.push(format!("{}: {message}", manifests.objects[document].file));
    }
    let names = documents.iter().filter_map(furniture::name_in_zone);
    let names = names.map(|(zone, name)| ZoneName { zone: ZoneId::new(zone), pattern: name.to_owned() });
    world.restrict(&world.policy_for(names.collect()));
    (world, mistakes)
}

/// What AWS or Kubernetes would not take of the manifests.
pub(super) fn mistakes(manifests: &Manifests, file: Option<&WorldFile>) -> Vec<String> {
    on_virtual_time(async {
        let (world, mut mistakes) = furnish(settings(1, manifests, LONG_LEASE), manifests, file);
        for object in &manifests.objects {
            let applied = world.apply_document(object.document.clone());
            mistakes.extend(applied.err().map(|message| format!("{}: {message}", object.file)));
        }
        mistakes
    })
}

/// Leads each name that a route takes over, and at which nothing stands yet, to what carries its traffic before the release.
fn lead(world: &World, manifests: &Manifests) {
    let (documents, before) = (manifests.documents(), manifests.before());
    for object in manifests.of_kind("WeightedRoute") {
        let known = before.get(&object.key()).map(String::as_str);
        if let Some(environment) = known.or_else(|| furniture::first_backend(&documents, &object.document)) {
            furniture::lead(world.aws(), &documents, &object.document, environment);
        }
    }
}

/// Sends the traffic of each listener whose default action a route takes over, and that forwards nowhere yet, to what
/// carries it before the release.
fn forward(world: &World, manifests: &Manifests) {
    for (key, before) in manifests.before() {
        let Some(route) = manifests.route(&key).filter(|route| route.spec.adopt) else { continue };
        if route.spec.entry.as_listener().is_none_or(|entry| entry.matches.is_some()) {
            continue;
        }
        let Some((aws, balancer, port)) = listener(world, manifests, &key, &route) else { continue };
        let arn = aws.listener_arn(&balancer, port);
        let (Some(arn), Some(group)) = (arn, group(manifests, &key, &route, &before)) else { continue };
        if aws.weights(&arn).is_empty() {
            // What AWS refuses here, such as a group of another account, the route will say.
            let _ = aws.edit_action(&arn, &RuleAction::forward(&[(&group, 100)]));
        }
    }
}

/// The listener of a route: the AWS that it is in, the name of the balancer, and the port.
pub(super) fn listener(
    world: &World,
    manifests: &Manifests,
    key: &Key,
    route: &WeightedRoute,
) -> Option<(Arc<Aws>, String, u16)> {
    let entry = route.spec.entry.as_listener()?;
    let namespace = entry.entry_point.namespace.as_deref().unwrap_or(&key.namespace);
    let at = Key::new(namespace, entry.entry_point.name.as_str());
    let object = manifests.of_kind("EntryPoint").find(|object| object.key() == at)?;
    let entry_point = EntryPoint::deserialize(&object.document).ok()?;
    let found = entry_point.spec.listeners.iter().find(|listener| listener.name == entry.listener)?;
    let balancer = object.document["spec"]["existing"]["name"].as_str()?.to_owned();
    let aws = match world.place_of(&object.document) {
        None => Arc::clone(world.aws()),
        Some((account, region)) => world.aws().elsewhere(&account, &region),
    };
    Some((aws, balancer, u16::try_from(found.port).ok()?))
}

/// The target group by which a route reaches an environment.
fn group(manifests: &Manifests, key: &Key, route: &WeightedRoute, environment: &str) -> Option<String> {
    let part = route.spec.backends.iter().find(|backend| backend.environment == environment)?.part.as_deref();
    let of = key.sibling(environment);
    let object = manifests.of_kind("Environment").find(|object| object.key() == of)?;
    let groups = object.document["spec"]["targetGroups"].as_array()?;
    let found = groups.iter().find(|group| part.is_none_or(|part| group["name"] == *part))?;
    Some(found["existing"]["name"].as_str()?.to_owned())
}

/// A world in which the clients have come and the objects are as before the release: each shift wants what carries the traffic
/// already, if anything does.
pub(super) async fn set(settings: Settings, manifests: &Manifests, file: Option<&WorldFile>) -> (World, Clients) {
    let (mut world, _) = furnish(settings, manifests, file);
    forward(&world, manifests);
    lead(&world, manifests);
    world.run_for(PROLOGUE).await;
    let clients = Clients::of(&world, manifests);
    let wishes = manifests.wishes();
    for object in &manifests.objects {
        let mut document = object.document.clone();
        if document["kind"] == "TrafficShift" {
            let wish = wishes.iter().find(|wish| wish.key == object.key());
            let Some(before) = wish.and_then(|wish| wish.before.as_ref()) else { continue };
            document["spec"]["to"] = Value::from(before.as_str());
            document["spec"]["paused"] = Value::from(false);
        }
        // What was accepted once, with the mistakes looked for, is accepted again.
        let _ = world.apply_document(document);
    }
    (world, clients)
}
