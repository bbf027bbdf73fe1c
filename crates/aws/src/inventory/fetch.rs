//! Turns the questions of one batch into calls, and their answers into facts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use weir_engine::Arn;
use weir_engine::dns::{DnsName, NameInZone};
use weir_engine::fact::{AwsError, By, ErrorKind, Fact, Query, RequestCount};

use super::Core;
use super::batch::Batch;
use crate::budget::CallToken;
use crate::elb::Elb;
use crate::errors::absent;

/// Answers all questions of a batch. What was read is dated by the instant at which it was asked for, a failure by the
/// instant at which it was given up.
///
/// ELBv2 fails a whole call for one resource that does not exist, without saying which. Then the batch is halved
/// until the culprits stand alone, so that nobody suffers from another's mistake; least of all from what nobody has
/// asked for yet, which goes first.
pub(super) async fn fetch(core: &Core, batch: &Batch, call_token: &mut CallToken) -> BTreeMap<Query, Fact> {
    let mut facts = BTreeMap::new();
    let asked = batch.asked.len();
    let mut parts: Vec<Vec<Query>> = vec![batch.asked.iter().chain(&batch.prefetched).cloned().collect()];
    let mut has_prefetched = parts.iter().any(|part| part.len() > asked);
    while let Some(mut part) = parts.pop() {
        let at = core.now();
        match together(core, at, &part, call_token).await {
            Ok(answers) => facts.extend(answers),
            Err(error) if std::mem::take(&mut has_prefetched) && !may_pass(error.kind) => {
                let prefetched = part.split_off(asked);
                parts.extend([prefetched, part]);
            }
            Err(error) if part.len() > 1 && is_of_one(&part, &error) => {
                let rest = part.split_off(part.len() / 2);
                parts.extend([rest, part]);
            }
            Err(error) => {
                let now = core.now();
                facts.extend(part.into_iter().map(|query| (query, Fact::failed(now, error.clone()))));
            }
        }
    }
    facts
}

/// Whether a failure is that of one question among several. CloudWatch does not fail a call for one metric, and where
/// Route 53 fails one it is for the zone, in which all names are.
fn is_of_one(part: &[Query], error: &AwsError) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid)
        && !matches!(part.first(), Some(Query::Requests(_) | Query::Records(_)))
}

/// Whether the same call may succeed later.
fn may_pass(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Throttled | ErrorKind::Transient | ErrorKind::OutcomeUnknown | ErrorKind::Expired => true,
        ErrorKind::NotFound | ErrorKind::Denied | ErrorKind::Conflict | ErrorKind::Invalid | ErrorKind::Quota => false,
    }
}

/// Asks questions of one sort in one call, all pages of it.
async fn together(
    core: &Core,
    at: Timestamp,
    queries: &[Query],
    call_token: &mut CallToken,
) -> Result<Vec<(Query, Fact)>, AwsError> {
    let Some(first) = queries.first() else { return Ok(Vec::new()) };
    let (elb, route53) = (&core.elb, &core.route53);
    let fact = match first {
        Query::Listeners(balancer) => Fact::new(at, Ok(elb.listeners(balancer, call_token).await?)),
        Query::Rules(listener) => Fact::new(at, Ok(elb.rules(listener, call_token).await?)),
        Query::BalancerAttributes(balancer) => Fact::new(at, Ok(elb.balancer_attributes(balancer, call_token).await?)),
        Query::Attributes(group) => Fact::new(at, Ok(elb.attributes(group, call_token).await?)),
        Query::Health(group) => Fact::new(at, Ok(elb.health(group, call_token).await?)),
        Query::Balancer(_) => return balancers(elb, at, queries, call_token).await,
        Query::Group(_) => return groups(elb, at, queries, call_token).await,
        Query::Tags(_) => return tags(elb, at, queries, call_token).await,
        Query::Zone(zone) => Fact::new(at, Ok(route53.zone(zone, call_token).await?)),
        Query::Change(change) => Fact::new(at, Ok(route53.change(change, call_token).await?)),
        Query::Records(name) => return records(core, at, name, queries, call_token).await,
        Query::Requests(_) => return requests(core, at, queries, call_token).await,
    };
    Ok(vec![(first.clone(), fact)])
}

async fn balancers(
    elb: &Elb,
    at: Timestamp,
    queries: &[Query],
    call_token: &mut CallToken,
) -> Result<Vec<(Query, Fact)>, AwsError> {
    let by = asked(queries, |query| if let Query::Balancer(by) = query { Some(by) } else { None });
    let found = elb.balancers(&by, call_token).await?;
    let answer = by.into_iter().map(|by| {
        let one = found.iter().find(|found| names(&by, &found.arn, &found.name)).cloned();
        let one = one.ok_or_else(|| absent("DescribeLoadBalancers", &format!("load balancer {by}")));
        (Query::Balancer(by), Fact::new(at, one))
    });
    Ok(answer.collect())
}

async fn groups(
    elb: &Elb,
    at: Timestamp,
    queries: &[Query],
    call_token: &mut CallToken,
) -> Result<Vec<(Query, Fact)>, AwsError> {
    let by = asked(queries, |query| if let Query::Group(by) = query { Some(by) } else { None });
    let found = elb.groups(&by, call_token).await?;
    let answer = by.into_iter().map(|by| {
        let one = found.iter().find(|found| names(&by, &found.arn, &found.name)).cloned();
        let one = one.ok_or_else(|| absent("DescribeTargetGroups", &format!("target group {by}")));
        (Query::Group(by), Fact::new(at, one))
    });
    Ok(answer.collect())
}

async fn tags(
    elb: &Elb,
    at: Timestamp,
    queries: &[Query],
    call_token: &mut CallToken,
) -> Result<Vec<(Query, Fact)>, AwsError> {
    let arns = asked(queries, |query| if let Query::Tags(arn) = query { Some(arn) } else { None });
    let mut found = elb.tags(&arns, call_token).await?;
    let answer = arns.into_iter().map(|arn| {
        let one = found.remove(&arn).ok_or_else(|| absent("DescribeTags", &format!("resource {arn}")));
        (Query::Tags(arn), Fact::new(at, one))
    });
    Ok(answer.collect())
}

/// The records at names of one zone: that of the first.
async fn records(
    core: &Core,
    at: Timestamp,
    NameInZone { zone, .. }: &NameInZone,
    queries: &[Query],
    call_token: &mut CallToken,
) -> Result<Vec<(Query, Fact)>, AwsError> {
    let names = asked(queries, |query| if let Query::Records(at) = query { Some(&at.name) } else { None });
    let names: BTreeSet<DnsName> = names.into_iter().collect();
    let is_known = |name: &DnsName| {
        let at = NameInZone { zone: zone.clone(), name: name.clone() };
        core.memory.borrow().knows(&Query::Records(at))
    };
    let found = core.route53.records(zone, &names, is_known, call_token).await?;
    let answer = found.into_iter().map(|(name, records)| {
        let at_name = NameInZone { zone: zone.clone(), name };
        let fact = match records {
            Ok(records) => Fact::new(at, Ok(records)),
            Err(error) => Fact::failed(core.now(), error),
        };
        (Query::Records(at_name), fact)
    });
    Ok(answer.collect())
}

async fn requests(
    core: &Core,
    at: Timestamp,
    queries: &[Query],
    call_token: &mut CallToken,
) -> Result<Vec<(Query, Fact)>, AwsError> {
    let counts: Vec<RequestCount> =
        asked(queries, |query| if let Query::Requests(count) = query { Some(count) } else { None });
    let found = core.cloudwatch.requests(at, &counts, call_token).await?;
    let answer = found.into_iter().map(|(count, requests)| (Query::Requests(count), Fact::new(at, Ok(Some(requests)))));
    Ok(answer.collect())
}

fn asked<T: Clone>(queries: &[Query], what: impl Fn(&Query) -> Option<&T>) -> Vec<T> {
    queries.iter().filter_map(what).cloned().collect()
}

fn names(by: &By, arn: &Arn, name: &str) -> bool {
    match by {
        By::Arn(wanted) => wanted == arn,
        By::Name(wanted) => wanted == name,
    }
}
