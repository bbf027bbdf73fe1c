//! Routes of a name in DNS: weighted records on Route 53, each an alias of the balancer of an environment.
//!
//! Nothing outside this folder reads what a route's spec says of a name, but for the guard, which judges by its own; the rest
//! asks by way of [`super::kind`].

mod access;
mod adoption;
mod find;
mod last_run;
mod leave;
mod place;
mod plan;
mod spread;

pub(in crate::route) use access::access;
pub(in crate::route) use find::{find, find_to_leave, refusal};
pub(in crate::route) use place::Place;
pub(in crate::route) use plan::{Plan, wants_other_settings};

use std::collections::BTreeSet;
use std::ops::Deref;

use jiff::Timestamp;
use weir_api::WeightedRouteSpec;
use weir_api::weighted_route::{AddressType, DnsEntry, Entry, NameRecords};

use crate::dns::{DnsName, Mark, NameInZone, RecordSet, RecordType, Survey, ZoneId};
use crate::fact::Query;
use crate::object::{Cluster, Key, RouteObject};
use crate::reader::Facts;
use crate::weights;

use super::target::Target;

/// A route of a name in DNS, with what its spec says of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DnsRoute<'a> {
    object: &'a RouteObject,
    entry: &'a DnsEntry,
}

impl Deref for DnsRoute<'_> {
    type Target = RouteObject;

    fn deref(&self) -> &RouteObject {
        self.object
    }
}

impl<'a> DnsRoute<'a> {
    /// A route with what its spec says.
    pub fn new(object: &'a RouteObject, entry: &'a DnsEntry) -> Self {
        Self { object, entry }
    }

    /// A route, where it is one of a name.
    pub fn of(object: &'a RouteObject) -> Option<Self> {
        match &object.spec.entry {
            Entry::Dns(entry) => Some(Self::new(object, entry)),
            Entry::Listener(_) => None,
        }
    }

    /// The zone.
    pub fn zone(self) -> ZoneId {
        ZoneId::new(&self.entry.zone.id)
    }

    /// The name.
    pub fn name(self) -> DnsName {
        DnsName::new(&self.entry.name)
    }

    /// A name of its zone.
    fn at(self, name: DnsName) -> NameInZone {
        NameInZone { zone: self.zone(), name }
    }

    /// The types of its records.
    pub fn types(self) -> BTreeSet<RecordType> {
        record_types(&self.entry.types)
    }

    /// Since when a reading of the name will do while its last change is on its way to all name servers, which no reading tells:
    /// since it was accepted. The next change is on record before it is written, and is written on new readings.
    fn seen_since(self) -> Option<Timestamp> {
        let NameRecords { change, epoch, .. } = &self.object.status.dns;
        let change = change.as_ref().filter(|change| change.in_sync_at.is_none() && Some(change.epoch) == *epoch);
        change.map(|change| change.accepted_at)
    }

    /// Whose records at the name are, where they are this route's.
    pub fn mark(self, owner: &str) -> Mark {
        Mark::of(owner, &self.object.key, &self.name())
    }
}

impl DnsRoute<'_> {
    /// Whether the name carries the route's marks by a reading that is there.
    pub fn carries_marks(self, owner: &str, facts: &Facts) -> Option<bool> {
        let mark = self.mark(owner);
        let at = |name: DnsName| facts.last::<Vec<RecordSet>>(Query::Records(self.at(name)))?.found.ok();
        let (own, memory) = (at(self.name())?, at(self.name().memory())?);
        let zone = self.name();
        let survey = Survey::of(&zone, &self.name(), &mark, own.iter().chain(memory));
        Some(survey.memory.is_some() || !survey.own.is_empty())
    }
}

/// Types of the spec as types of records.
pub(crate) fn record_types(types: &[AddressType]) -> BTreeSet<RecordType> {
    let record = |kind: &AddressType| match kind {
        AddressType::A => RecordType::A,
        AddressType::Aaaa => RecordType::Aaaa,
    };
    types.iter().map(record).collect()
}

/// Types of records as types of the spec.
fn address_types(types: &BTreeSet<RecordType>) -> Vec<AddressType> {
    let address = |kind: &RecordType| match kind {
        RecordType::A => Some(AddressType::A),
        RecordType::Aaaa => Some(AddressType::Aaaa),
        _ => None,
    };
    types.iter().filter_map(address).collect()
}

/// What those contend for who want a name: not an object, but there is room for one there.
pub(crate) fn contended(spec: &WeightedRouteSpec) -> Option<Key> {
    match &spec.entry {
        Entry::Dns(entry) => {
            let name = DnsName::new(&entry.name);
            Some(Key::new(ZoneId::new(&entry.zone.id).as_str(), name.as_str()))
        }
        Entry::Listener(_) => None,
    }
}

/// How many records the next change of a route makes and removes, as far as that is known before it is decided; 1 for one that
/// has no name.
pub fn expected_changes(cluster: &Cluster, route: &RouteObject) -> usize {
    let Some(name) = DnsRoute::of(route) else { return 1 };
    let live = weights::carrying(&route.status.weights);
    let wanted = match Target::of(cluster, route) {
        Target::Run(run) => weights::carrying(&run.part.weights),
        Target::Chosen(goal) if route.spec.pace.is_none() => weights::carrying(&goal),
        Target::Chosen(goal) => weights::with_attached(&weights::carrying(&goal), &live),
        Target::Hold => live.clone(),
    };
    // What was there before is remembered beside the first ones.
    (name.types().len() * (live.len() + wanted.len()) + usize::from(!route.status.dns.marked)).max(1)
}

/// The names that are looked at for a route: its own, and the one of what is remembered there.
pub(crate) fn names_of(route: &RouteObject) -> Vec<NameInZone> {
    let names = DnsRoute::of(route).map(|route| [route.name().memory(), route.name()].map(|name| route.at(name)));
    names.into_iter().flatten().collect()
}

/// Whether a route has its place at its name: its records were seen there.
pub(crate) fn was_marked(route: &RouteObject) -> bool {
    route.status.dns.marked
}

/// The name of a route in words.
pub(in crate::route) fn describe(route: DnsRoute<'_>) -> String {
    let zone = match &route.status.dns.zone_name {
        Some(name) => format!("{name} ({})", route.entry.zone.id),
        None => route.entry.zone.id.clone(),
    };
    format!("the name {} in the zone {zone}", route.entry.name)
}
