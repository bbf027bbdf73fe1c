//! What stands at a name, told apart by whose it is.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::identifier::{Identifier, Mark};
use super::memory::NameMemory;
use super::name::DnsName;
use super::record::{Alias, Content, RecordSet, RecordType, Routing};

/// What a TXT record of external-dns begins with. Source: "The TXT registry" in external-dns' documentation.
const REGISTRY: &str = "\"heritage=external-dns,";
/// The types whose registry records are told apart by their names.
const REGISTERED: [&str; 3] = ["a", "aaaa", "cname"];

/// What stands at a name.
#[derive(Clone, Debug)]
pub struct Survey<'a> {
    /// The name.
    pub name: DnsName,
    /// The records of the route, of whatever type.
    pub own: Vec<(Identifier, &'a RecordSet)>,
    /// Weighted records of others that answer for the name: addresses and CNAMEs.
    pub foreign: Vec<&'a RecordSet>,
    /// Records that answer for the name alone: addresses or a CNAME.
    pub simple: Vec<&'a RecordSet>,
    /// What the route remembers there, and the record that holds it.
    pub memory: Option<(NameMemory, &'a RecordSet)>,
    /// Why Weir must leave the name alone.
    pub obstacles: Vec<Obstacle>,
}

/// Why Weir must leave a name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A record is chosen by another policy than weight.
    OtherPolicy {
        /// Its type.
        kind: RecordType,
        /// The policy in a word.
        policy: SmolStr,
    },
    /// Other name servers answer for the name.
    Delegated,
    /// Records of another route or another installation of Weir.
    OtherMark(Mark),
    /// Weir remembers something there that cannot be read.
    DamagedMemory(String),
    /// external-dns keeps the name.
    Registered {
        /// The name of the record that says so.
        at: DnsName,
        /// What it says.
        value: String,
    },
}

/// The record of one member: an environment that lends a balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Its weight, 1 to 255.
    pub weight: u16,
    /// The balancer.
    pub alias: Alias,
    /// The health check on it.
    pub health_check: Option<SmolStr>,
}

impl MemberRecord {
    /// What a record of the route says of its member; `None` where it is no alias of addresses.
    fn of(record: &RecordSet) -> Option<Self> {
        let alias = record.alias().filter(|_| record.kind.is_address())?.clone();
        let (weight, health_check) = (record.weight().unwrap_or_default(), record.health_check.clone());
        Some(Self { weight, alias, health_check })
    }

    /// Whether another one answers the same, with whatever weight.
    fn answers_as(&self, other: &Self) -> bool {
        let health = |member: &Self| (member.alias.evaluate_target_health, member.health_check.clone());
        self.alias.has_same_target(&other.alias) && health(self) == health(other)
    }
}

/// The records of a route as they split the traffic, the same for every type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRecords {
    /// The number of the change that has made them.
    pub epoch: u32,
    /// The types of which there are records.
    pub types: BTreeSet<RecordType>,
    /// By environment.
    pub members: BTreeMap<SmolStr, MemberRecord>,
}

/// Why the records of a route are no split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apart {
    /// Those of one type are of another change than those of another: a page was read before it and another after it.
    Torn(BTreeSet<u32>),
    /// Somebody has edited one: types differ, or it is no alias.
    Edited,
}

impl<'a> Survey<'a> {
    /// Tells apart what was read at a name, at [`DnsName::memory`], and at the names of [`Self::registry_names`].
    pub fn of(zone: &DnsName, name: &DnsName, mark: &Mark, records: impl IntoIterator<Item = &'a RecordSet>) -> Self {
        let mut survey = Self {
            name: name.clone(),
            own: Vec::new(),
            foreign: Vec::new(),
            simple: Vec::new(),
            memory: None,
            obstacles: Vec::new(),
        };
        let (memory, registry) = (name.memory(), Self::registry_names(name));
        for record in records {
            if registry.contains(&record.name) {
                survey.see_registry(record);
            }
            if record.name == memory {
                survey.see_memory(record, mark);
            } else if record.name == *name {
                survey.see(record, zone, mark);
            }
        }
        survey
    }

    /// The names at which external-dns says that it keeps a name, as far as it is not told to use others.
    pub fn registry_names(name: &DnsName) -> BTreeSet<DnsName> {
        let of_type = |kind: &str| DnsName::new(&format!("{kind}-{name}"));
        REGISTERED.map(of_type).into_iter().chain([name.clone()]).collect()
    }

    /// Whether anything that stands there is the route's.
    pub fn is_ours(&self) -> bool {
        self.memory.is_some() || !self.own.is_empty()
    }

    /// Whether records of the route may be replaced whatever an obstacle says: what they remember is not touched by that.
    pub fn may_be_passed(&self, obstacle: &Obstacle) -> bool {
        matches!(obstacle, Obstacle::DamagedMemory(_)) && !self.own.is_empty()
    }

    /// The records of others that answer for the name, alone or by weight.
    pub fn others(&self) -> impl Iterator<Item = &'a RecordSet> + Clone {
        self.simple.iter().chain(&self.foreign).copied()
    }

    fn see(&mut self, record: &'a RecordSet, zone: &DnsName, mark: &Mark) {
        let answers = record.kind.is_address() || record.kind == RecordType::Cname;
        match &record.routing {
            Routing::Simple if answers => self.simple.push(record),
            Routing::Simple if record.kind == RecordType::Ns && record.name != *zone => {
                self.obstacles.push(Obstacle::Delegated);
            }
            Routing::Weighted { identifier, .. } if answers => match Identifier::read(identifier) {
                Some(identifier) if identifier.mark == *mark => self.own.push((identifier, record)),
                Some(identifier) => self.obstruct(Obstacle::OtherMark(identifier.mark)),
                None => self.foreign.push(record),
            },
            Routing::Other { policy, .. } if answers => {
                self.obstruct(Obstacle::OtherPolicy { kind: record.kind.clone(), policy: policy.clone() });
            }
            Routing::Simple | Routing::Weighted { .. } | Routing::Other { .. } => {}
        }
    }

    fn see_memory(&mut self, record: &'a RecordSet, mark: &Mark) {
        match NameMemory::read(&self.name, record) {
            Some(Ok(memory)) if memory.mark == *mark => self.memory = Some((memory, record)),
            Some(Ok(memory)) => self.obstruct(Obstacle::OtherMark(memory.mark)),
            Some(Err(message)) => self.obstruct(Obstacle::DamagedMemory(message)),
            None => {}
        }
    }

    fn see_registry(&mut self, record: &RecordSet) {
        let Content::Values { values, .. } = &record.content else { return };
        let said = values.iter().find(|value| record.kind == RecordType::Txt && value.starts_with(REGISTRY));
        if let Some(value) = said {
            self.obstruct(Obstacle::Registered { at: record.name.clone(), value: value.clone() });
        }
    }

    fn obstruct(&mut self, obstacle: Obstacle) {
        if !self.obstacles.contains(&obstacle) {
            self.obstacles.push(obstacle);
        }
    }

    /// How the records of the route split the traffic; `None` where it has none. One that an earlier change has left has its
    /// part, as it has in the answers of Route 53.
    pub fn split(&self) -> Result<Option<OwnRecords>, Apart> {
        let mut by_type: BTreeMap<&RecordType, (u32, BTreeMap<SmolStr, MemberRecord>)> = BTreeMap::new();
        for (identifier, record) in &self.own {
            let member = MemberRecord::of(record).ok_or(Apart::Edited)?;
            let (epoch, members) = by_type.entry(&record.kind).or_default();
            *epoch = identifier.epoch.max(*epoch);
            match members.entry(identifier.environment.clone()) {
                Entry::Vacant(place) => drop(place.insert(member)),
                Entry::Occupied(mut known) if known.get().answers_as(&member) => {
                    known.get_mut().weight += member.weight;
                }
                Entry::Occupied(_) => return Err(Apart::Edited),
            }
        }
        let epochs: BTreeSet<u32> = by_type.values().map(|(epoch, _)| *epoch).collect();
        let epoch = match epochs.first() {
            None => return Ok(None),
            Some(_) if epochs.len() > 1 => return Err(Apart::Torn(epochs)),
            Some(epoch) => *epoch,
        };
        let types = by_type.keys().map(|kind| (*kind).clone()).collect();
        let mut splits = by_type.into_values().map(|(_, members)| members);
        let members = splits.next().unwrap_or_default();
        let is_same = |other: BTreeMap<SmolStr, MemberRecord>| are_same(&members, &other);
        if splits.all(is_same) { Ok(Some(OwnRecords { epoch, types, members })) } else { Err(Apart::Edited) }
    }

    /// How those records split the traffic that are alike for no type: by the type in which an environment has the greatest part.
    pub fn split_at_most(&self, environment: &str) -> Option<OwnRecords> {
        let mut by_type: BTreeMap<&RecordType, BTreeMap<SmolStr, MemberRecord>> = BTreeMap::new();
        for (identifier, record) in &self.own {
            let Some(member) = MemberRecord::of(record) else { continue };
            by_type.entry(&record.kind).or_default().insert(identifier.environment.clone(), member);
        }
        let part = |members: &BTreeMap<SmolStr, MemberRecord>| {
            let total: u32 = members.values().map(|member| u32::from(member.weight)).sum();
            let own = members.get(environment).map_or(0, |member| u32::from(member.weight));
            (own * 1000).checked_div(total).unwrap_or(0)
        };
        let types = by_type.keys().map(|kind| (*kind).clone()).collect();
        let members = by_type.into_values().max_by_key(part)?;
        let epoch = self.own.iter().map(|(identifier, _)| identifier.epoch).max()?;
        Some(OwnRecords { epoch, types, members })
    }

    /// The number of the next change: the one on record, where it is above every one that stands there, since it was not
    /// written yet then; else the next.
    pub fn next_epoch(&self, recorded: Option<u32>) -> u32 {
        let seen = self.own.iter().map(|(identifier, _)| identifier.epoch).max();
        recorded.filter(|recorded| seen < Some(*recorded)).unwrap_or(seen.map_or(1, |seen| seen.saturating_add(1)))
    }
}

/// Whether a record leads to what an alias answers: as an alias itself, or as a CNAME.
pub fn leads_to(record: &RecordSet, alias: &Alias) -> bool {
    match &record.content {
        Content::Alias(own) => own.has_same_target(alias),
        Content::Values { values, .. } => {
            record.kind == RecordType::Cname && values.iter().any(|value| alias.leads_to(&DnsName::new(value)))
        }
    }
}

/// Whether two splits answer the same.
pub(super) fn are_same(one: &BTreeMap<SmolStr, MemberRecord>, other: &BTreeMap<SmolStr, MemberRecord>) -> bool {
    let is_same = |(environment, member): (&SmolStr, &MemberRecord)| {
        other.get(environment).is_some_and(|other| member.weight == other.weight && member.answers_as(other))
    };
    one.len() == other.len() && one.iter().all(is_same)
}
