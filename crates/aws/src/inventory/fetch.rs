//! Turns the questions of one batch into calls, and their answers into facts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use weir_engine::Arn;
use weir_engine::fact::{AwsError, By, ErrorKind, Fact, Query, Reading};

use super::Core;
use crate::cloudwatch::Counted;
use crate::elb::Elb;
use crate::errors::absent;

/// Answers all questions of a batch.
///
/// ELBv2 fails a whole call for one resource that does not exist, without saying which. Then the batch is halved
/// until the culprits stand alone, so that nobody suffers from another's mistake.
pub(super) async fn fetch(core: &Core, queries: BTreeSet<Query>) -> BTreeMap<Query, Fact> {
    let mut facts = BTreeMap::new();
    let mut parts: Vec<Vec<Query>> = vec![queries.into_iter().collect()];
    while let Some(mut part) = parts.pop() {
        let at = core.now();
        match together(core, at, &part).await {
            Ok(answers) => facts.extend(answers),
            Err(error) if part.len() > 1 && is_of_one(&part, &error) => {
                let rest = part.split_off(part.len() / 2);
                parts.extend([rest, part]);
            }
            Err(error) => facts.extend(part.into_iter().map(|query| {
                let fact = failed(&query, at, error.clone());
                (query, fact)
            })),
        }
    }
    facts
}

/// Whether a failure is that of one question among several. CloudWatch does not fail a call for one metric.
fn is_of_one(part: &[Query], error: &AwsError) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid)
        && !matches!(part.first(), Some(Query::Requests { .. }))
}

/// Asks questions of one sort in one call, all pages of it.
async fn together(core: &Core, at: Timestamp, queries: &[Query]) -> Result<Vec<(Query, Fact)>, AwsError> {
    let Some(first) = queries.first() else { return Ok(Vec::new()) };
    let elb = &core.elb;
    let fact = match first {
        Query::Listeners(balancer) => Fact::Listeners(read(at, elb.listeners(balancer).await)),
        Query::Rules(listener) => Fact::Rules(read(at, elb.rules(listener).await)),
        Query::Attributes(group) => Fact::Attributes(read(at, elb.attributes(group).await)),
        Query::Health(group) => Fact::Health(read(at, elb.health(group).await)),
        Query::Balancer(_) => return balancers(elb, at, queries).await,
        Query::Group(_) => return groups(elb, at, queries).await,
        Query::Tags(_) => return tags(elb, at, queries).await,
        Query::Requests { .. } => return requests(core, at, queries).await,
    };
    Ok(vec![(first.clone(), fact)])
}

async fn balancers(elb: &Elb, at: Timestamp, queries: &[Query]) -> Result<Vec<(Query, Fact)>, AwsError> {
    let by = asked(queries, |query| if let Query::Balancer(by) = query { Some(by) } else { None });
    let found = elb.balancers(&by).await?;
    let answer = by.into_iter().map(|by| {
        let one = found.iter().find(|found| names(&by, &found.arn, &found.name)).cloned();
        let one = one.ok_or_else(|| absent("DescribeLoadBalancers", &format!("load balancer {by}")));
        (Query::Balancer(by), Fact::Balancer(read(at, one)))
    });
    Ok(answer.collect())
}

async fn groups(elb: &Elb, at: Timestamp, queries: &[Query]) -> Result<Vec<(Query, Fact)>, AwsError> {
    let by = asked(queries, |query| if let Query::Group(by) = query { Some(by) } else { None });
    let found = elb.groups(&by).await?;
    let answer = by.into_iter().map(|by| {
        let one = found.iter().find(|found| names(&by, &found.arn, &found.name)).cloned();
        let one = one.ok_or_else(|| absent("DescribeTargetGroups", &format!("target group {by}")));
        (Query::Group(by), Fact::Group(read(at, one)))
    });
    Ok(answer.collect())
}

async fn tags(elb: &Elb, at: Timestamp, queries: &[Query]) -> Result<Vec<(Query, Fact)>, AwsError> {
    let arns = asked(queries, |query| if let Query::Tags(arn) = query { Some(arn) } else { None });
    let mut found = elb.tags(&arns).await?;
    let answer = arns.into_iter().map(|arn| {
        let one = found.remove(&arn).ok_or_else(|| absent("DescribeTags", &format!("resource {arn}")));
        (Query::Tags(arn), Fact::Tags(read(at, one)))
    });
    Ok(answer.collect())
}

async fn requests(core: &Core, at: Timestamp, queries: &[Query]) -> Result<Vec<(Query, Fact)>, AwsError> {
    let counted = queries.iter().filter_map(|query| match query {
        Query::Requests { balancer, group } => Some((balancer.clone(), group.clone())),
        _ => None,
    });
    let found = core.cloudwatch.requests(at, &counted.collect::<Vec<Counted>>()).await?;
    let answer = found.into_iter().map(|((balancer, group), requests)| {
        (Query::Requests { balancer, group }, Fact::Requests(Some(read(at, Ok(requests)))))
    });
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

fn read<T>(at: Timestamp, found: Result<T, AwsError>) -> Reading<T> {
    Reading { at, found }
}

/// The answer to a question whose call failed.
fn failed(query: &Query, at: Timestamp, error: AwsError) -> Fact {
    match query {
        Query::Balancer(_) => Fact::Balancer(read(at, Err(error))),
        Query::Listeners(_) => Fact::Listeners(read(at, Err(error))),
        Query::Rules(_) => Fact::Rules(read(at, Err(error))),
        Query::Group(_) => Fact::Group(read(at, Err(error))),
        Query::Attributes(_) => Fact::Attributes(read(at, Err(error))),
        Query::Health(_) => Fact::Health(read(at, Err(error))),
        Query::Tags(_) => Fact::Tags(read(at, Err(error))),
        Query::Requests { .. } => Fact::Requests(Some(read(at, Err(error)))),
    }
}
