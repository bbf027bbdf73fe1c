//! Tests of Route 53 on the wire: what a client sends and reads, on a paused clock.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};

use super::super::tests::{Reply, send, world, world_with};
use super::super::{Aws, AwsOptions};
use super::*;

mod answers;
mod batches;
mod health;
mod limits;
mod lists;
mod protected;
mod random;
mod rules;
mod seen;
mod synced;
mod zone_life;

const NAME: &str = "shop.test";

/// A request that is signed for a region.
fn signed(region: &str, method: &str, path: &str, body: &str) -> Request<Bytes> {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260102/{region}/route53/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature=0000"
    );
    Request::builder()
        .method(method)
        .uri(format!("https://route53.amazonaws.com/2013-04-01/{path}"))
        .header(header::AUTHORIZATION, authorization)
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap()
}

async fn call(aws: &Arc<Aws>, method: &str, path: &str, body: &str) -> Reply {
    send(aws, signed("us-east-1", method, path, body)).await
}

async fn get(aws: &Arc<Aws>, path: &str) -> Reply {
    call(aws, "GET", path, "").await
}

async fn post(aws: &Arc<Aws>, path: &str, root: &str, inside: &str) -> Reply {
    call(aws, "POST", path, &format!("<{root} xmlns=\"{NAMESPACE}\">{inside}</{root}>")).await
}

/// Options by which nothing takes time and nobody is throttled.
fn patient() -> AwsOptions {
    AwsOptions { rates: None, ..AwsOptions::default() }
}

/// A world with one public zone.
fn with_zone(test: impl AsyncFnOnce(Arc<Aws>, String)) {
    with_zone_and(Route53Options::default(), test);
}

fn with_zone_and(route53: Route53Options, test: impl AsyncFnOnce(Arc<Aws>, String)) {
    world_with(AwsOptions { route53, ..patient() }, async |aws| {
        let zone = aws.add_zone(NAME).unwrap();
        test(aws, zone).await;
    });
}

/// Sends a batch when the zone is free.
async fn batch(aws: &Arc<Aws>, zone: &str, changes: &[String]) -> Reply {
    tokio::time::sleep(Duration::from_secs(3)).await;
    at_once(aws, zone, changes).await
}

/// Sends a batch now.
async fn at_once(aws: &Arc<Aws>, zone: &str, changes: &[String]) -> Reply {
    let inside = format!("<ChangeBatch><Changes>{}</Changes></ChangeBatch>", changes.concat());
    post(aws, &format!("hostedzone/{zone}/rrset/"), "ChangeResourceRecordSetsRequest", &inside).await
}

fn change(action: &str, record: &str) -> String {
    format!("<Change><Action>{action}</Action><ResourceRecordSet>{record}</ResourceRecordSet></Change>")
}

fn create(record: &str) -> String {
    change("CREATE", record)
}

fn delete(record: &str) -> String {
    change("DELETE", record)
}

/// A record with what else it says besides name and type.
fn record(name: &str, kind: &str, rest: &str) -> String {
    format!("<Name>{name}</Name><Type>{kind}</Type>{rest}")
}

fn values(ttl: u32, values: &[&str]) -> String {
    let value = |value: &&str| format!("<ResourceRecord><Value>{value}</Value></ResourceRecord>");
    let values = values.iter().map(value).collect::<Vec<_>>().concat();
    format!("<TTL>{ttl}</TTL><ResourceRecords>{values}</ResourceRecords>")
}

/// A record of type A that is alone.
fn simple(name: &str, address: &str) -> String {
    record(name, "A", &values(60, &[address]))
}

fn policy(identifier: &str, policy: &str) -> String {
    format!("<SetIdentifier>{identifier}</SetIdentifier>{policy}")
}

/// A record of type A that is one of several.
fn weighted(name: &str, identifier: &str, weight: u32, address: &str) -> String {
    let rest = policy(identifier, &format!("<Weight>{weight}</Weight>"));
    record(name, "A", &format!("{rest}{}", values(60, &[address])))
}

fn alias(zone: &str, target: &str, evaluates: bool) -> String {
    format!(
        "<AliasTarget><HostedZoneId>{zone}</HostedZoneId><DNSName>{target}</DNSName>\
         <EvaluateTargetHealth>{evaluates}</EvaluateTargetHealth></AliasTarget>"
    )
}

/// The names of all records but those of the zone itself, in the order in which they are listed.
async fn listed(aws: &Arc<Aws>, zone: &str) -> Vec<String> {
    let reply = get(aws, &format!("hostedzone/{zone}/rrset")).await;
    let text = &reply.text;
    let sets = text.split("<ResourceRecordSet>").skip(1);
    let line = |set: &str| {
        let of = |element: &str| {
            let (_, rest) = set.split_once(&format!("<{element}>"))?;
            Some(rest.split('<').next().unwrap_or_default().to_owned())
        };
        let parts = [of("Name"), of("Type"), of("SetIdentifier"), of("Weight")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    sets.map(line).filter(|line| !line.starts_with(&format!("{NAME}. NS")) && !line.ends_with("SOA")).collect()
}

/// The message of a refused batch.
async fn refused(aws: &Arc<Aws>, zone: &str, changes: &[String]) -> String {
    let before = listed(aws, zone).await;
    let reply = batch(aws, zone, changes).await;
    assert_eq!((reply.status, reply.code()), (400, "InvalidChangeBatch"), "{}", reply.text);
    assert_eq!(listed(aws, zone).await, before, "a refused batch changes nothing");
    reply.one("Message").replace("&apos;", "'")
}

/// Sends a batch that is taken.
async fn accepted(aws: &Arc<Aws>, zone: &str, changes: &[String]) -> String {
    let reply = batch(aws, zone, changes).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.one("Id").to_owned()
}
