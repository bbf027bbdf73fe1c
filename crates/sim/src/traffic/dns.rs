//! Clients that go to a name: each has a resolver that tells it a balancer, and some stay connected to the one they have.
//!
//! What there was before a stream began is of any age: the first answer of a resolver, and the first connection of a client,
//! last as long as is left of them by chance. Otherwise everything of one stream would end at once.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::resolver::{Finding, Resolver, World};
use super::door::Doors;
use super::settings::DnsClients;
use super::tally::Cause;
use crate::aws::{Aws, RecordType};

mod resolver;

/// Makes the chance of resolvers and connections another than that of requests.
const SALT: u64 = 0x646e_7320_636c_6965;

/// All clients of a name, and their resolvers.
#[derive(Debug)]
pub(super) struct Seekers {
    name: Arc<str>,
    world: World,
    resolvers: Vec<Resolver>,
    clients: Vec<Client>,
}

/// A client.
#[derive(Debug)]
struct Client {
    /// The number of its resolver.
    resolver: usize,
    is_dual_stack: bool,
    keeps_connections: bool,
    connection: Option<Connection>,
    /// Whether it had a connection before.
    was_connected: bool,
}

/// A connection that is open.
#[derive(Debug)]
struct Connection {
    balancer: Arc<str>,
    until: Timestamp,
}

impl Seekers {
    pub(super) fn new(
        aws: Arc<Aws>,
        seed: u64,
        (zone, name): (&str, &str),
        (clients, settings): (usize, &DnsClients),
    ) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed ^ SALT);
        let count = settings.resolvers.max(1);
        let ignorant = some_of(usize::try_from(count).unwrap_or(usize::MAX), settings.ignore_ttl_permille, &mut chance);
        let dual = some_of(clients, settings.dual_stack_permille, &mut chance);
        let keeping = some_of(clients, settings.keep_connections_permille, &mut chance);
        let homes = spread(clients, count, settings.zipf_permille);
        let client = |((resolver, is_dual_stack), keeps_connections)| Client {
            resolver,
            is_dual_stack,
            keeps_connections,
            connection: None,
            was_connected: false,
        };
        Self {
            name: Arc::from(name.trim_end_matches('.').to_ascii_lowercase()),
            resolvers: ignorant.into_iter().map(Resolver::new).collect(),
            clients: homes.into_iter().zip(dual).zip(keeping).map(client).collect(),
            world: World {
                start: aws.clock().now(),
                aws,
                zone: zone.to_owned(),
                least_ttl: Duration::from_secs(u64::from(settings.least_ttl_seconds)),
                chance,
            },
        }
    }

    /// The ARN of the balancer to which a client sends a request, which may not be there any more.
    pub(super) fn find(&mut self, client: usize, doors: &mut Doors<'_>, at: Timestamp) -> Result<Arc<str>, Cause> {
        let client = &mut self.clients[client];
        let is_open = |connection: &&Connection| {
            let door = doors.at(&connection.balancer, at);
            at < connection.until && door.keeps.is_some() && door.is_open()
        };
        if let Some(connection) = client.connection.as_ref().filter(is_open) {
            return Ok(Arc::clone(&connection.balancer));
        }
        client.connection = None;
        let balancer = look_up(client, &mut self.resolvers[client.resolver], &self.name, &mut self.world, at)?;
        let door = doors.at(&balancer, at);
        if let Some(keeps) = door.keeps.filter(|_| client.keeps_connections && door.is_open()) {
            let until = self.world.end_of(keeps, !client.was_connected, at);
            client.connection = Some(Connection { balancer: Arc::clone(&balancer), until });
            client.was_connected = true;
        }
        Ok(balancer)
    }
}

/// The balancer to which a name leads a client.
fn look_up(
    client: &Client,
    resolver: &mut Resolver,
    name: &Arc<str>,
    world: &mut World,
    at: Timestamp,
) -> Result<Arc<str>, Cause> {
    let mut found = None;
    if client.is_dual_stack {
        found = Some(resolver.resolve(name, RecordType::Aaaa, world, at)).filter(Finding::is_data);
    }
    let found = found.unwrap_or_else(|| resolver.resolve(name, RecordType::A, world, at));
    match found {
        Finding::Balancer(arn) => Ok(arn),
        Finding::Gone => Err(Cause::BalancerGone),
        Finding::Stranger | Finding::NoData => Err(Cause::NoAddress),
        Finding::Nothing => Err(Cause::NameNotFound),
    }
}

/// So many of a thousand of all, at random.
fn some_of(count: usize, permille: u32, chance: &mut fastrand::Rng) -> Vec<bool> {
    let chosen = count * usize::try_from(permille).unwrap_or(1000) / 1000;
    let mut all: Vec<bool> = (0..count).map(|number| number < chosen).collect();
    chance.shuffle(&mut all);
    all
}

/// The resolver of each client, by Zipf's law, as evenly as whole clients can be.
fn spread(clients: usize, resolvers: u32, zipf_permille: u32) -> Vec<usize> {
    let exponent = f64::from(zipf_permille) / 1000.0;
    let mut sum = 0.0;
    let mut share = |rank: u32| {
        sum += f64::from(rank).powf(-exponent);
        sum
    };
    let bounds: Vec<f64> = (1..=resolvers).map(&mut share).collect();
    let part = sum / f64::from(u32::try_from(clients).unwrap_or(u32::MAX));
    let mut position = part / 2.0;
    let mut home = |_| {
        let home = bounds.partition_point(|bound| *bound <= position).min(bounds.len() - 1);
        position += part;
        home
    };
    (0..clients).map(&mut home).collect()
}
