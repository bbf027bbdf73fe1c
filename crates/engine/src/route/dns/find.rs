//! Finds the name of a route, and reads what stands there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use weir_api::weighted_route::NameRecords;

use crate::Arn;
use crate::dns::{DnsName, HostedZone, RecordSet, RecordType, Routing, Survey};
use crate::fact::{AwsError, Balancer, By, ErrorKind};
use crate::reader::{ANY_AGE, Asked, Reader, all};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;

use super::super::observed::{Gone, Looked};
use super::place::Place;
use super::{DnsRoute, contended};

/// How old what is known of a balancer may be when a record is made that leads to it: a name that leads nowhere answers
/// nobody.
pub(super) const BALANCER_AGE: SignedDuration = SignedDuration::from_secs(60);
/// The partition of ARNs where no balancer tells another.
const PARTITION: &str = "aws";

/// Why a route may not have its name: another one has it.
pub(in crate::route) fn refusal(looked: &Looked<'_>, route: DnsRoute<'_>) -> (NameRecords, Option<Explanation>) {
    let first = contended(&route.spec).and_then(|place| looked.cluster.routes.first_on(&place, 1).next());
    let other = first.filter(|first| first.key != route.key);
    let refusal = other.map(|other| {
        let message = format!(
            "found the WeightedRoute {} with the name {} in the same zone; expected one route for each name, and the one that \
             has it, else the older, keeps it. Delete one of the two, or give one another name",
            other.key,
            route.name()
        );
        because(Reason::Conflict, message)
    });
    (route.status.dns.clone(), refusal)
}

/// Finds the name of a route and what stands there.
pub(in crate::route) fn find<'a, 'f: 'a>(
    looked: &Looked<'a>,
    route: DnsRoute<'a>,
    mut record: NameRecords,
    any_age: bool,
    reader: &mut Reader<'f>,
) -> Asked<(NameRecords, Result<Place<'a>, ReadyState>)> {
    // What may be taken over is written on what is read.
    let any_age = any_age && route.status.dns.marked;
    let since = route.status.intent.as_ref().map_or(ANY_AGE, |intent| intent.since).min(reader.began);
    let not_before = if any_age { ANY_AGE } else { route.seen_since().unwrap_or(reader.fresh()).max(since) };
    let zone = match zone(route, reader)? {
        Ok(zone) => zone,
        Err(ready_state) => return Some((record, Err(ready_state))),
    };
    record.zone_name = Some(zone.name.to_string());
    let balancers = balancers(looked, any_age, reader);
    let seen = read(route, zone, (&looked.context.owner, not_before), reader)?;
    let (survey, read_at) = match seen {
        Ok(seen) => seen,
        Err(ready_state) => return Some((record, Err(ready_state))),
    };
    let balancers = balancers?;
    let is_bare = !survey.is_ours();
    if is_bare && let Some(reason) = beneath(route, zone, &survey, reader)? {
        return Some((record, Err(ReadyState::Stalled(reason))));
    }
    let mut place = place(looked, route, survey, read_at, balancers);
    let is_empty = !place.exists();
    place.gone = (is_empty && route.status.dns.marked).then_some(Gone::Place);
    record.marked |= !is_bare;
    Some((record, Ok(place)))
}

fn place<'a>(
    looked: &Looked<'a>,
    route: DnsRoute<'a>,
    survey: Survey<'a>,
    read_at: Timestamp,
    balancers: BTreeMap<Arn, Result<&'a Balancer, &'a AwsError>>,
) -> Place<'a> {
    let partition = balancers.keys().find_map(|arn| arn.as_str().split(':').nth(1));
    let zone = Arn::new(route.zone().arn(partition.unwrap_or(PARTITION)));
    let mut place =
        Place::new(route, zone, route.mark(&looked.context.owner), (survey, read_at), (looked.members, balancers));
    // Traffic that goes back goes over whatever somebody has made of the records.
    if let (Err(_), Some(run)) = (&place.standing, looked.run().filter(|run| run.goes_back())) {
        place.is_apart = true;
        place.standing = Ok(place.survey.split_at_most(&run.run.to));
    }
    place
}

/// The zone of a route; the error says why it cannot have the name.
fn zone<'f>(route: DnsRoute<'_>, reader: &mut Reader<'f>) -> Asked<Result<&'f HostedZone, ReadyState>> {
    let zone = match reader.zone(&route.zone(), ANY_AGE)?.found {
        Ok(zone) => zone,
        Err(error) => return Some(Err(ReadyState::unreadable(error, &format!("the zone {}", route.zone())))),
    };
    if route.name().is_within(&zone.name) {
        return Some(Ok(zone));
    }
    let message = format!(
        "found spec.dns.name {} and the zone {} of {}; expected a name in that zone. Make another WeightedRoute with such a \
         name, or with the zone of this one",
        route.name(),
        zone.id,
        zone.name
    );
    Some(Err(ReadyState::Stalled(because(Reason::Invalid, message))))
}

/// What stands at the name, at the one of what is remembered there, and, before Weir has anything there, at those where
/// external-dns would say that it keeps the name. And when it was read.
fn read<'f>(
    route: DnsRoute<'_>,
    zone: &HostedZone,
    (owner, not_before): (&str, Timestamp),
    reader: &mut Reader<'f>,
) -> Asked<Result<(Survey<'f>, Timestamp), ReadyState>> {
    let (name, mark) = (route.name(), route.mark(owner));
    let own = [name.clone(), name.memory()].map(|name| route.at(name));
    let readings = all(own.iter().map(|at| reader.records(at, not_before)))?;
    let read_at = readings.iter().map(|reading| reading.at).min()?;
    let mut records: Vec<&'f RecordSet> = Vec::new();
    for (reading, at) in readings.iter().zip(&own) {
        match reading.found {
            Ok(found) => records.extend(found),
            Err(error) => return Some(Err(ReadyState::unreadable(error, &format!("the records of {at}")))),
        }
    }
    let survey = Survey::of(&zone.name, &name, &mark, records.iter().copied());
    if survey.is_ours() {
        return Some(Ok((survey, read_at)));
    }
    let others: BTreeSet<DnsName> = Survey::registry_names(&name)
        .into_iter()
        .filter(|other| *other != name && other.is_within(&zone.name))
        .collect();
    let readings = all(others.into_iter().map(|other| reader.records(&route.at(other), not_before)))?;
    // What cannot be read there is not known to be in the way.
    records.extend(readings.into_iter().filter_map(|reading| reading.found.ok()).flatten());
    Some(Ok((Survey::of(&zone.name, &name, &mark, records), read_at)))
}

/// What keeps a name from being made: other name servers answer for it, or a wildcard does so far, whose traffic would all
/// move at once.
fn beneath(
    route: DnsRoute<'_>,
    zone: &HostedZone,
    survey: &Survey<'_>,
    reader: &mut Reader<'_>,
) -> Asked<Option<Explanation>> {
    let name = route.name();
    let is_above = |above: &DnsName| above.is_within(&zone.name);
    let ancestors: Vec<DnsName> =
        std::iter::successors(name.parent(), DnsName::parent).take_while(|above| is_above(above)).collect();
    let is_new = survey.others().next().is_none() && !route.spec.adopt;
    let cuts = ancestors.iter().filter(|above| **above != zone.name).cloned();
    let wildcards = ancestors.iter().map(|above| DnsName::new(&format!("*.{above}"))).filter(|found| *found != name);
    let fresh = reader.fresh();
    let mut look = |at: DnsName| Some((at.clone(), reader.records(&route.at(at), fresh)?.found.ok()));
    let cuts = all(cuts.map(&mut look));
    let wildcards = all(wildcards.filter(|_| is_new).map(&mut look));
    let (cuts, wildcards) = (cuts?, wildcards?);
    let holds =
        |found: Option<&Vec<RecordSet>>, of: fn(&RecordSet) -> bool| found.is_some_and(|found| found.iter().any(of));
    let delegates = |record: &RecordSet| record.kind == RecordType::Ns && record.routing == Routing::Simple;
    if let Some((at, _)) = cuts.iter().find(|(_, found)| holds(*found, delegates)) {
        let message = format!(
            "found NS records at {at}: other name servers answer for {name}; expected it in the zone {} itself. Name the zone \
             that {at} has there",
            zone.id
        );
        return Some(Some(because(Reason::NotAllowed, message)));
    }
    let answers = |record: &RecordSet| record.kind.is_address() || record.kind == RecordType::Cname;
    let wildcard = wildcards.iter().find(|(_, found)| holds(*found, answers));
    Some(wildcard.map(|(at, _)| {
        let message = format!(
            "found {at}, which answers {name} so far: a record of {name} would take all of its traffic at once. Write \
             adopt: true if that is wanted",
        );
        because(Reason::NotAdopted, message)
    }))
}

/// The balancers of the members, as AWS tells them.
fn balancers<'f>(
    looked: &Looked<'_>,
    any_age: bool,
    reader: &mut Reader<'f>,
) -> Asked<BTreeMap<Arn, Result<&'f Balancer, &'f AwsError>>> {
    let since = if any_age { ANY_AGE } else { reader.began - BALANCER_AGE };
    let members = looked.members.values().filter_map(|member| member.as_ref().ok());
    let found = members.map(|member| {
        let found = reader.balancer(&By::Arn(member.arn.clone()), since)?.found;
        Some((member.arn.clone(), found))
    });
    Some(all(found)?.into_iter().collect())
}

/// Finds the name of a route that is being deleted; `None` where its zone is gone. The error says what keeps it from being
/// seen.
pub(in crate::route) fn find_to_leave<'a, 'f: 'a>(
    looked: &Looked<'a>,
    route: DnsRoute<'a>,
    reader: &mut Reader<'f>,
) -> Asked<Result<Option<Place<'a>>, String>> {
    let fresh = reader.fresh();
    let zone = match reader.zone(&route.zone(), ANY_AGE)?.found {
        Ok(zone) => zone,
        Err(error) if error.kind == ErrorKind::NotFound => return Some(Ok(None)),
        Err(error) => return Some(Err(format!("the zone {} could not be read: {error}", route.zone()))),
    };
    let balancers = balancers(looked, false, reader);
    let seen = read(route, zone, (&looked.context.owner, fresh), reader)?;
    let (survey, read_at) = match seen {
        Ok(seen) => seen,
        Err(ready_state) => return Some(Err(ready_state.explanation().message.to_string())),
    };
    Some(Ok(Some(place(looked, route, survey, read_at, balancers?))))
}
