//! Route 53: hosted zones and their records, which are an account's whatever the region.
//!
//! The control plane takes a batch of changes whole or not at all, one batch of a zone at a time; the four name servers of
//! the zone take it each at its own instant, and a change is in sync when the last one has it. What a name server answers
//! at an instant is a pure function of what it had taken by then.
//!
//! Names of elements, values and codes are those of botocore's model (`route53/2013-04-01/service-2.json`). Where AWS does
//! not say how it judges, [`Route53Options`] has a switch.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use self::health::HealthCheck;
use self::sync::Submission;
use self::zone::Zone;
use super::refusal::Refusal;

mod alias;
mod answer;
mod batch;
mod change;
mod dispatch;
mod fields;
mod health;
mod judge;
mod list;
mod name;
mod protections;
mod record;
mod rights;
mod setup;
mod sync;
mod tags;
mod value;
mod zone;
mod zones;

#[cfg(test)]
mod tests;

pub use self::answer::{DnsAnswer, DnsOutcome};
pub(super) use self::dispatch::ROUTE53;
pub use self::record::RecordType;
pub use self::setup::{RecordEdit, RecordSays};

/// The namespace of its documents.
const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// How many changes that are in sync are still known by their identifiers.
const KNOWN_CHANGES: usize = 1_000;

/// What Route 53 is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route53Options {
    /// Whether a DELETE must give the weight, the health check and `EvaluateTargetHealth` that a record has, where it gives
    /// any. AWS says "all the same values", and people report deletions that gave others.
    pub delete_compares_weight: bool,
    /// Whether a refused batch is told as it was before 2024: by a root `InvalidChangeBatch` with a list of messages.
    pub old_error_form: bool,
    /// How long after a batch each name server takes it.
    pub sync: RangeInclusive<Duration>,
    /// How long a zone is busy with any batch, and with each of its changes besides. Nobody publishes it.
    pub busy: (Duration, Duration),
    /// The quota of records of a zone.
    pub records_per_zone: usize,
}

impl Default for Route53Options {
    fn default() -> Self {
        Self {
            delete_compares_weight: true,
            old_error_form: false,
            sync: Duration::from_secs(5)..=Duration::from_mins(1),
            busy: (Duration::from_millis(200), Duration::from_millis(1)),
            records_per_zone: 10_000,
        }
    }
}

/// All of an account.
#[derive(Debug)]
pub(super) struct Route53 {
    options: Route53Options,
    zones: BTreeMap<String, Zone>,
    /// Zones that were deleted, for as long as a name server may still answer for them.
    buried: BTreeMap<String, Zone>,
    /// The caller references of all zones that there are or were.
    references: BTreeSet<String>,
    submissions: BTreeMap<String, Submission>,
    checks: BTreeMap<String, HealthCheck>,
    /// The caller references of all health checks that there are or were.
    check_references: BTreeMap<String, String>,
    /// Draws identifiers and name servers.
    chance: fastrand::Rng,
    /// Draws when name servers follow.
    lag: fastrand::Rng,
}

impl Route53 {
    pub(super) fn new(seed: u64, options: Route53Options) -> Self {
        let mut seeds = fastrand::Rng::with_seed(seed);
        Self {
            options,
            zones: BTreeMap::new(),
            buried: BTreeMap::new(),
            references: BTreeSet::new(),
            submissions: BTreeMap::new(),
            checks: BTreeMap::new(),
            check_references: BTreeMap::new(),
            chance: seeds.fork(),
            lag: seeds.fork(),
        }
    }

    /// Forgets how things were before an instant, and which changes were made long before.
    pub(super) fn forget_before(&mut self, at: Timestamp) {
        for zone in self.zones.values_mut() {
            zone.forget_before(at);
        }
        self.buried.retain(|_, zone| zone.forget_before(at));
        for check in self.checks.values_mut() {
            check.forget_before(at);
        }
        let mut settled: Vec<(Timestamp, String)> = Vec::new();
        for (id, submission) in &self.submissions {
            if submission.in_sync < at {
                settled.push((submission.at, id.clone()));
            }
        }
        settled.sort();
        for (_, id) in &settled[..settled.len().saturating_sub(KNOWN_CHANGES)] {
            self.submissions.remove(id);
        }
    }

    fn zone(&self, id: &str) -> Result<&Zone, Refusal> {
        self.zones.get(id).ok_or_else(|| no_zone(id))
    }

    fn zone_mut(&mut self, id: &str) -> Result<&mut Zone, Refusal> {
        self.zones.get_mut(id).ok_or_else(|| no_zone(id))
    }

    /// The zone that has a name server of this name, without a dot at the end, and its number there.
    fn server_named(&self, name: &str) -> Option<(String, usize)> {
        let is_it = |server: &String| server.eq_ignore_ascii_case(name);
        let mut zones = self.zones.values().chain(self.buried.values());
        zones.find_map(|zone| Some((zone.id.clone(), zone.servers.iter().position(is_it)?)))
    }

    /// An identifier that begins with a letter.
    fn draw_id(&mut self, first: char) -> String {
        const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let chance = &mut self.chance;
        let letter = |_| char::from(LETTERS[chance.usize(..LETTERS.len())]);
        std::iter::once(first).chain((0..20).map(letter)).collect()
    }
}

fn no_zone(id: &str) -> Refusal {
    Refusal::new("NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
        .with_status(http::StatusCode::NOT_FOUND)
}
