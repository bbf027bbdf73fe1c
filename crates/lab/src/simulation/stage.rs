//! The world of a play: made to fit the manifests, with the traffic where it is before the release.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use weir_api::{EntryPoint, Match, WeightedRoute};
use weir_engine::{Grants, Key};
use weir_sim::aws::{Aws, HttpRequest, RuleAction};
use weir_sim::traffic::{Traffic, TrafficSettings};

use crate::stage::on_virtual_time;
use crate::world::{LONG_LEASE, Settings, World};
use crate::world_file::WorldFile;

use super::manifests::Manifests;

/// How many targets each group gets that manifests name and no world file has.
const TARGETS: u32 = 4;
/// How long the targets that carry the traffic run before anything begins.
const PROLOGUE: Duration = Duration::from_mins(2);
/// How many requests the clients of all routes send in a second.
const REQUESTS_PER_SECOND: u32 = 40;
/// The host that they ask for where a route is for any.
const HOST: &str = "shop.example.com";

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
    for object in &manifests.objects {
        let furnished = world.furnish_documents(std::slice::from_ref(&object.document), TARGETS);
        mistakes.extend(furnished.err().map(|message| format!("{}: {message}", object.file)));
    }
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
fn listener(world: &World, manifests: &Manifests, key: &Key, route: &WeightedRoute) -> Option<(Arc<Aws>, String, u16)> {
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
pub(super) async fn set(settings: Settings, manifests: &Manifests, file: Option<&WorldFile>) -> (World, Vec<Traffic>) {
    let (mut world, _) = furnish(settings, manifests, file);
    forward(&world, manifests);
    world.run_for(PROLOGUE).await;
    let clients = clients(&world, manifests);
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

/// Clients of every listener and rule that a route splits, as far as there are any already.
fn clients(world: &World, manifests: &Manifests) -> Vec<Traffic> {
    let routes: Vec<_> = manifests.of_kind("WeightedRoute").map(super::manifests::Object::key).collect();
    let each = (REQUESTS_PER_SECOND / u32::try_from(routes.len()).unwrap_or(u32::MAX).max(1)).max(1);
    let mut known = BTreeSet::new();
    let mut streams = Vec::new();
    for (number, key) in (0..).zip(routes) {
        let Some(route) = manifests.route(&key) else { continue };
        let Some((aws, balancer, port)) = listener(world, manifests, &key, &route) else { continue };
        let request = request(route.spec.entry.as_listener().and_then(|entry| entry.matches.as_ref()));
        if known.insert((aws.region(), balancer.clone(), port, format!("{request:?}"))) {
            let settings =
                TrafficSettings { request, requests_per_second: each, ..TrafficSettings::to(balancer, port, HOST) };
            streams.push(Traffic::new(aws, world.seed() ^ number, settings));
        }
    }
    streams
}

/// A request that a match is for.
fn request(matches: Option<&Match>) -> HttpRequest {
    let mut request = HttpRequest::get(HOST, "/");
    let Some(matches) = matches else { return request };
    // What a wildcard stands for is any text.
    let plain = |pattern: &String| pattern.replace('*', "any").replace('?', "x");
    if let Some(host) = matches.hosts.first() {
        request.host = plain(host);
    }
    if let Some(path) = matches.paths.first() {
        request.path = plain(path);
    }
    if let Some(method) = matches.methods.first() {
        request.method.clone_from(method);
    }
    let header = |header: &weir_api::matching::HeaderMatch| Some((header.name.clone(), plain(header.values.first()?)));
    request.headers = matches.headers.iter().filter_map(header).collect();
    if let Some(pair) = matches.query_strings.first() {
        request.query.push((pair.key.as_ref().map_or_else(|| "any".to_owned(), plain), plain(&pair.value)));
    }
    let address = matches.source_ips.first().and_then(|network| network.split('/').next()?.parse().ok());
    request.source = address.unwrap_or(request.source);
    request
}
