//! The clients of everything that routes split.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use weir_api::weighted_route::{AddressType, DnsEntry, Entry};
use weir_api::{Match, WeightedRoute};
use weir_engine::Key;
use weir_sim::aws::{Aws, DnsOutcome, HttpRequest, RecordType};
use weir_sim::traffic::{Cause, Destination, DnsClients, Traffic, TrafficSettings};

use crate::furniture;
use crate::world::World;

use super::manifests::{Manifests, Object};
use super::stage::listener;

/// How many requests the clients of all routes send in a second.
const REQUESTS_PER_SECOND: u32 = 40;
/// The host that they ask for where a route is for any.
const HOST: &str = "shop.example.com";
/// How many of a thousand clients of a name keep their connection until it is closed from the other side.
const KEEP_CONNECTIONS_PERMILLE: u32 = 300;
/// How many go where AAAA leads, where the name has that.
const DUAL_STACK_PERMILLE: u32 = 500;
/// How many name servers a zone has.
const NAME_SERVERS: usize = 4;

/// Clients, each stream of one place.
pub(super) struct Clients {
    streams: Vec<Stream>,
    /// Those of names at which nothing stands yet: nobody looks for what is not there.
    expected: Vec<(u64, TrafficSettings)>,
}

struct Stream {
    traffic: Traffic,
    /// What they had met when it was counted first.
    before: Counted,
}

/// What clients had met at an instant.
#[derive(Default)]
struct Counted {
    sent: u64,
    causes: BTreeMap<Cause, u64>,
}

impl Clients {
    /// Those of every listener, rule and name that a route of the manifests splits, as far as it is there already.
    pub fn of(world: &World, manifests: &Manifests) -> Self {
        let routes: Vec<_> = manifests.of_kind("WeightedRoute").map(Object::key).collect();
        let each = (REQUESTS_PER_SECOND / u32::try_from(routes.len()).unwrap_or(u32::MAX).max(1)).max(1);
        let mut known = BTreeSet::new();
        let mut clients = Self { streams: Vec::new(), expected: Vec::new() };
        for (number, key) in (0..).zip(routes) {
            let Some(route) = manifests.route(&key) else { continue };
            let found = match &route.spec.entry {
                Entry::Listener(_) => of_listener(world, manifests, &key, &route),
                Entry::Dns(entry) => Some((Arc::clone(world.aws()), of_name(entry))),
            };
            let Some((aws, settings)) = found else { continue };
            if !known.insert((aws.region(), format!("{settings:?}"))) {
                continue;
            }
            let (seed, settings) = (world.seed() ^ number, TrafficSettings { requests_per_second: each, ..settings });
            match &settings.destination {
                Destination::Balancer(_) => clients.add(Traffic::new(aws, seed, settings)),
                Destination::Name { .. } => clients.expected.push((seed, settings)),
            }
        }
        clients.admit(world);
        clients
    }

    /// Lets those come who look for names at which something stands by now.
    pub fn admit(&mut self, world: &World) {
        let is_there = |settings: &TrafficSettings| is_answered(world.aws(), &settings.destination, world.now());
        let (come, wait) = self.expected.drain(..).partition(|(_, settings)| is_there(settings));
        self.expected = wait;
        let come: Vec<(u64, TrafficSettings)> = come;
        for (seed, settings) in come {
            self.add(Traffic::new(Arc::clone(world.aws()), seed, settings));
        }
    }

    fn add(&mut self, traffic: Traffic) {
        self.streams.push(Stream { traffic, before: Counted::default() });
    }

    /// What they have met until now is of no account.
    pub fn begin(&mut self, now: Timestamp) {
        for stream in &mut self.streams {
            stream.before = counted(&mut stream.traffic, now);
        }
    }

    /// How many requests they have sent since, and why how many of them failed.
    pub fn met(&mut self, now: Timestamp) -> (u64, BTreeMap<String, u64>) {
        let (mut sent, mut causes) = (0, BTreeMap::new());
        for Stream { traffic, before } in &mut self.streams {
            let after = counted(traffic, now);
            sent += after.sent - before.sent;
            for (cause, count) in after.causes {
                let count = count - before.causes.get(&cause).copied().unwrap_or(0);
                if count > 0 {
                    *causes.entry(cause.to_string()).or_default() += count;
                }
            }
        }
        (sent, causes)
    }
}

fn counted(clients: &mut Traffic, now: Timestamp) -> Counted {
    clients.advance_to(now);
    Counted { sent: clients.totals().sent, causes: clients.causes() }
}

/// Whether all name servers of its zone tell where a name leads.
fn is_answered(aws: &Aws, destination: &Destination, now: Timestamp) -> bool {
    let Destination::Name { zone, name } = destination else { return true };
    let tells = |server: usize, kind: RecordType| {
        let outcome = aws.ask_name_server((zone, server), (name, kind), now, 0).outcome;
        !matches!(outcome, DnsOutcome::NoName | DnsOutcome::NoData | DnsOutcome::Refused)
    };
    (0..NAME_SERVERS).all(|server| tells(server, RecordType::A) || tells(server, RecordType::Aaaa))
}

/// Clients of a listener or rule.
fn of_listener(
    world: &World,
    manifests: &Manifests,
    key: &Key,
    route: &WeightedRoute,
) -> Option<(Arc<Aws>, TrafficSettings)> {
    let (aws, balancer, port) = listener(world, manifests, key, route)?;
    let request = request(route.spec.entry.as_listener().and_then(|entry| entry.matches.as_ref()));
    Some((aws, TrafficSettings { request, ..TrafficSettings::to(balancer, port, HOST) }))
}

/// Clients of a name, of which some stay connected.
fn of_name(entry: &DnsEntry) -> TrafficSettings {
    let dual_stack_permille = if entry.types.contains(&AddressType::Aaaa) { DUAL_STACK_PERMILLE } else { 0 };
    let dns = DnsClients {
        keep_connections_permille: KEEP_CONNECTIONS_PERMILLE,
        dual_stack_permille,
        ..DnsClients::default()
    };
    let name = entry.name.replace('*', "any");
    TrafficSettings { dns, ..TrafficSettings::to_name(&entry.zone.id, name, furniture::PORT) }
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
