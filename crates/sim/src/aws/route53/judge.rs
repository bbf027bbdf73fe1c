//! How a batch is judged: its changes one after the other, each as if those before it were made; what only the whole can
//! tell, at its end. All of it is made or nothing.
//!
//! The messages are AWS's own, as users report them; those about quotas and about two records with one place, role or region
//! are ours.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::alias::Balancers;
use super::batch::{Action, Batch, RecordChange};
use super::record::{Content, Policy, Record, RecordType, SetKey};
use super::zone::Zone;
use super::{Route53Options, value};

/// Records, aliases included, and characters of values of a batch; those of an UPSERT count twice.
const MOST_RECORDS: usize = 1_000;
const MOST_LETTERS: usize = 32_000;
/// Records of one name and type that are told apart by an identifier.
const MOST_OF_A_SET: usize = 100;
/// Values of a record.
const MOST_VALUES: usize = 400;

/// What a batch is judged by besides the zone.
pub(super) struct Ground<'a> {
    pub(super) options: &'a Route53Options,
    pub(super) balancers: &'a Balancers,
}

/// The records of each name and type that a batch touches, as they were before it.
pub(super) type Before = BTreeMap<SetKey, Vec<Arc<Record>>>;

/// Refuses a batch that is too large for one.
pub(super) fn check_size(batch: &Batch) -> Vec<String> {
    let (records, letters) = batch.size();
    let mut errors = Vec::new();
    if records > MOST_RECORDS {
        errors.push(format!("Number of records limit of {MOST_RECORDS} exceeded."));
    }
    if letters > MOST_LETTERS {
        errors.push(format!("Number of characters limit of {MOST_LETTERS} exceeded."));
    }
    errors
}

/// Makes the changes of a batch, or says what speaks against them and leaves the zone as it is.
pub(super) fn apply(zone: &mut Zone, batch: &Batch, ground: &Ground<'_>) -> Result<Before, Vec<String>> {
    let (mut before, mut errors) = (Before::new(), check_size(batch));
    if !errors.is_empty() {
        return Err(errors);
    }
    for change in &batch.changes {
        if let Err(error) = admit(zone, change, ground) {
            errors.push(error);
            continue;
        }
        let set = change.record.set();
        before.entry(set).or_insert_with_key(|set| zone.set(set).cloned().collect());
        if change.action == Action::Delete {
            zone.records.remove(&change.record.key());
        } else {
            zone.records.insert(change.record.key(), Arc::new(change.record.clone()));
        }
    }
    errors.extend(judge_whole(zone, &before, ground));
    if errors.is_empty() {
        return Ok(before);
    }
    for (set, records) in before {
        zone.put_set(&set, records);
    }
    Err(errors)
}

/// A record as messages name it.
fn told(record: &Record) -> String {
    let identifier = record.identifier.as_ref().map(|identifier| format!(", set identifier='{identifier}'"));
    format!("resource record set [name='{}', type='{}'{}]", record.name, record.kind, identifier.unwrap_or_default())
}

/// Refuses a change that cannot be made in the zone as it is.
fn admit(zone: &Zone, change: &RecordChange, ground: &Ground<'_>) -> Result<(), String> {
    let RecordChange { action, record } = change;
    if !record.name.is_within(&zone.name) {
        return Err(format!("RRSet with DNS name {} is not permitted in zone {}", record.name, zone.name));
    }
    if let Some(comment) = zone.protections.get(&record.set()) {
        let comment = comment.as_ref().map(|comment| format!(": {comment}"));
        return Err(format!(
            "RRSet with DNS name {}, type {} cannot be changed because a resource record set protection exists{}",
            record.name,
            record.kind,
            comment.unwrap_or_default()
        ));
    }
    let present = zone.records.get(&record.key());
    match (action, present) {
        (Action::Delete, None) => Err(format!("Tried to delete {} but it was not found", told(record))),
        (Action::Delete, Some(present)) if !matches(present, record, ground.options) => {
            Err(format!("Tried to delete {} but the values provided do not match the current values", told(record)))
        }
        (Action::Delete, Some(_)) => Ok(()),
        (Action::Create, Some(_)) => Err(format!("Tried to create {} but it already exists", told(record))),
        (Action::Create | Action::Upsert, _) => {
            check_values(record)?;
            check_name(zone, record)?;
            check_set(zone, record)?;
            check_target(zone, record, ground.balancers)
        }
    }
}

/// Whether a DELETE names the record that there is. What it leaves out is not held against it.
fn matches(present: &Record, given: &Record, options: &Route53Options) -> bool {
    if !present.content.says_the_same(&given.content) {
        return false;
    }
    if !options.delete_compares_weight {
        return true;
    }
    let evaluates = |record: &Record| match record.content {
        Content::Alias { evaluates, .. } => Some(evaluates),
        Content::Plain { .. } => None,
    };
    (given.policy == Policy::Simple || present.policy == given.policy)
        && (given.health_check.is_none() || present.health_check == given.health_check)
        && evaluates(present) == evaluates(given)
}

fn check_values(record: &Record) -> Result<(), String> {
    let Content::Plain { values, .. } = &record.content else { return Ok(()) };
    if values.len() > MOST_VALUES {
        return Err(format!("Number of values limit of {MOST_VALUES} of {} exceeded.", told(record)));
    }
    let mut seen = BTreeSet::new();
    for text in values {
        value::check(record.kind, text)?;
        if !seen.insert(text) {
            return Err(format!("Duplicate Resource Record: '{text}'"));
        }
    }
    if values.len() > 1 && matches!(record.kind, RecordType::Cname | RecordType::Soa) {
        return Err(format!("A {} record can have one value, and {} has {}", record.kind, told(record), values.len()));
    }
    Ok(())
}

/// What a CNAME and other records do to each other at one name, and what the head of a zone cannot have.
fn check_name(zone: &Zone, record: &Record) -> Result<(), String> {
    let Record { name, kind, .. } = record;
    let is_apex = *name == zone.name;
    if *kind == RecordType::Cname {
        if is_apex {
            return Err(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {}",
                zone.name
            ));
        }
        if zone.at_name(name).any(|other| other.kind != RecordType::Cname) {
            return Err(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the \
                 same DNS name in zone {}",
                zone.name
            ));
        }
    } else if zone.at_name(name).any(|other| other.kind == RecordType::Cname) {
        return Err(format!(
            "RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type  CNAME with \
             the same DNS name already exists in zone {}",
            zone.name
        ));
    }
    let is_wrong = match kind {
        RecordType::Soa => !is_apex,
        RecordType::Ns => name.is_wildcard(),
        RecordType::Ds => is_apex,
        _ => false,
    };
    if is_wrong {
        return Err(format!("RRSet of type {kind} with DNS name {name} is not permitted in zone {}", zone.name));
    }
    if matches!(kind, RecordType::Soa | RecordType::Ns) && record.policy != Policy::Simple {
        return Err(format!("RRSet of type {kind} with DNS name {name} cannot have a SetIdentifier"));
    }
    Ok(())
}

/// What records of one name and type do to each other.
fn check_set(zone: &Zone, record: &Record) -> Result<(), String> {
    let set = record.set();
    let others = || zone.set(&set).filter(|other| other.identifier != record.identifier).cloned();
    let refused = |why: String| {
        let Record { name, kind, identifier, .. } = record;
        let identifier = identifier.as_deref().unwrap_or("null");
        Err(format!("RRSet with DNS name {name}, type {kind}, SetIdentifier {identifier} cannot be created as {why}"))
    };
    if record.policy == Policy::Simple {
        if others().next().is_some() {
            return refused("other RRSets exist with the same name and type.".to_owned());
        }
        return Ok(());
    }
    if others().any(|other| !other.policy.is_like(&record.policy)) {
        let word = record.policy.word();
        return refused(format!("a non-{word} set exists with the same name and type."));
    }
    if others().any(|other| other.policy.clashes_with(&record.policy)) {
        let word = record.policy.word();
        return refused(format!("a {word} set with the same {word} exists with the same name and type."));
    }
    if others().count() >= MOST_OF_A_SET {
        return refused(format!("the limit of {MOST_OF_A_SET} RRSets with the same name and type is exceeded."));
    }
    Ok(())
}

/// Refuses an alias to what is not there.
fn check_target(zone: &Zone, record: &Record, balancers: &Balancers) -> Result<(), String> {
    let Content::Alias { zone: target_zone, target, .. } = &record.content else { return Ok(()) };
    let kind = record.kind;
    let refused = |why: &str| {
        Err(format!("Tried to create an alias that targets {target}, type {kind} in zone {target_zone}, {why}"))
    };
    if *target_zone != zone.id {
        return match balancers.find(target) {
            Some(found) if found.zone == *target_zone && matches!(kind, RecordType::A | RecordType::Aaaa) => Ok(()),
            Some(found) if found.zone == *target_zone => {
                refused("but only types A and AAAA are permitted for that target")
            }
            Some(_) => refused("but the alias target name does not lie within the target zone"),
            None => refused("but that target was not found"),
        };
    }
    if !target.is_within(&zone.name) {
        return refused("but the alias target name does not lie within the target zone");
    }
    if *target == record.name || matches!(kind, RecordType::Ns | RecordType::Soa) {
        return refused("but that target is not permitted");
    }
    if zone.set(&(target.clone(), kind)).next().is_none() {
        return refused("but that target was not found");
    }
    Ok(())
}

/// What can be told only when all changes are made.
fn judge_whole(zone: &Zone, touched: &Before, ground: &Ground<'_>) -> Vec<String> {
    let mut errors = Vec::new();
    for set in touched.keys() {
        let ttl = |record: &Arc<Record>| match record.content {
            Content::Plain { ttl, .. } if matches!(record.policy, Policy::Weighted(_)) => Some(ttl),
            _ => None,
        };
        let mut first = None;
        let differs = |record: &&Arc<Record>| ttl(record).is_some_and(|ttl| *first.get_or_insert(ttl) != ttl);
        if let Some(record) = zone.set(set).find(differs) {
            errors.push(format!(
                "RRSet with DNS name {}, type {}, SetIdentifier {} cannot be created as weighted sets must contain the same \
                 TTL.",
                record.name,
                record.kind,
                record.identifier.as_deref().unwrap_or("null")
            ));
        }
    }
    let has = |kind| zone.set(&(zone.name.clone(), kind)).next().is_some();
    if !has(RecordType::Ns) {
        errors.push("A HostedZone must contain at least one NS record for the zone itself.".to_owned());
    }
    if !has(RecordType::Soa) {
        errors.push("A HostedZone must contain exactly one SOA record.".to_owned());
    }
    let most = ground.options.records_per_zone;
    let is_more = touched.iter().any(|(set, before)| zone.set(set).count() > before.len());
    if is_more && zone.records.len() > most {
        errors.push(format!("The limit of {most} resource record sets of hosted zone {} is exceeded.", zone.id));
    }
    errors
}
