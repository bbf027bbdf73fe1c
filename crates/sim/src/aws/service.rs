//! The registry of services: all by which the world tells one from another, and the way of a request through any.
//!
//! A service is a folder beside this file and a line in [`SERVICES`]. Nothing else dispatches by service.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::cloudwatch::{CLOUDWATCH, CLOUDWATCH_IN_JSON};
use super::ec2::EC2;
use super::effect::{Author, Writer};
use super::elbv2::ELBV2;
use super::iam::Deed;
use super::log::Call;
use super::partition::{AccountRegion, Global, Identity, Partition, Visit};
use super::protocol::{Input, Output, Protocol};
use super::rates::{Bucket, Fare, Rates};
use super::refusal::{Refusal, Refused};
use super::route53::ROUTE53;
use super::scope;
use super::sts::STS;

/// Every service that there is, once for each protocol that it speaks.
const SERVICES: [&dyn Service; 6] = [&ELBV2, &CLOUDWATCH, &CLOUDWATCH_IN_JSON, &STS, &ROUTE53, &EC2];

/// The signing name of each service, and the names of its operations.
pub fn operations() -> Vec<(&'static str, Vec<&'static str>)> {
    SERVICES.iter().map(|service| (service.signing_name(), service.operations())).collect()
}

/// A service of AWS. It has no state of its own: that is in the partition, by region or by account.
pub(super) trait Service: Sync {
    /// The service of the credential scope by which its requests are signed.
    fn signing_name(&self) -> &'static str;

    /// The version of its API, by which services with one signing name are told apart.
    fn version(&self) -> &'static str;

    /// What is spoken with it.
    fn protocol(&self) -> Protocol;

    /// Whether it is the same in all regions: what it has and what it takes are an account's.
    fn is_global(&self) -> bool {
        false
    }

    /// The names of its operations.
    fn operations(&self) -> Vec<&'static str>;

    /// The operation of this name.
    fn operation(&self, name: &str) -> Option<Operation>;

    /// What a request asks for, as it says itself.
    fn asks(&self, operation: &Operation, input: &Input) -> Asks;

    /// What a request costs.
    fn fares(&self, operation: &Operation, _input: &Input, rates: &Rates) -> Vec<Fare> {
        let bucket = operation.bucket.map(|bucket| bucket(rates));
        bucket.into_iter().map(|(name, rate)| Fare::one(name, rate)).collect()
    }

    /// What IAM must allow.
    fn deeds(
        &self,
        operation: &Operation,
        input: &Input,
        place: &AccountRegion,
        partition: &mut Partition,
    ) -> Vec<Deed>;

    /// Takes effect.
    fn perform(
        &self,
        operation: &Operation,
        input: &Input,
        errand: &Errand,
        partition: &mut Partition,
    ) -> Result<Output, Refused>;

    /// How it says what any service may refuse: a caller, or a call too many.
    fn in_own_words(&self, refusal: Refusal) -> Refusal {
        refusal
    }
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    /// Whether it changes anything.
    pub(super) writes: bool,
    /// The bucket that its calls are taken from; `None` where nobody counts them.
    pub(super) bucket: Option<Bucket>,
}

/// What a request asks for, as it says itself, whatever comes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// The ARNs and names that it is about; of a write, first the one that is written to, or in which something is made.
    pub resources: Vec<Arc<str>>,
    /// Whether it makes something new.
    pub creates: bool,
    /// Whether it takes something away.
    pub removes: bool,
    /// The split of the traffic that it sets, where it sets one.
    pub split: Option<Split>,
    /// The tags that it gives.
    pub tags: BTreeMap<String, String>,
    /// How many changes of records are in its batch: what is made or deleted.
    pub changes: u32,
}

/// How traffic is split among groups, or among what records lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The weights by ARN of the group; of records by the name of the target of an alias, or by what else they say.
    pub weights: BTreeMap<String, u32>,
    /// How long a client stays with its group, in seconds, where it does.
    pub sticky_seconds: Option<u32>,
}

/// A request as it was sent, understood by the service that it is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The operation as it is named; empty where none is.
    pub operation: String,
    /// Whether it is one that changes something.
    pub is_write: bool,
    /// What it asks for.
    pub asks: Asks,
}

impl Sent {
    /// Reads a request before AWS has it.
    pub fn read(request: &Request<Bytes>) -> Self {
        let (service, input) = meant(request);
        let found = input.operation.as_deref().and_then(|name| service.operation(name));
        Self {
            is_write: found.is_some_and(|operation| operation.writes),
            asks: found.map(|operation| service.asks(&operation, &input)).unwrap_or_default(),
            operation: input.operation.unwrap_or_default(),
        }
    }
}

/// For whom something is done, and where.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) place: AccountRegion,
    pub(super) caller: Identity,
    pub(super) writer: Writer,
}

/// The service that a request is meant for: by its protocol, signing name and version, or as many of these as there is
/// one for.
pub(super) fn meant(request: &Request<Bytes>) -> (&'static dyn Service, Input) {
    let signed = scope::read(request.headers()).map_or("", |scope| scope.service);
    let spoken = SERVICES.into_iter().rev().filter(|service| service.protocol().is_spoken_in(request));
    let spoken: Vec<&dyn Service> = spoken.collect();
    let input = spoken.first().map(|service| service.protocol().read(request)).unwrap_or_default();
    let fits = |service: &&dyn Service| {
        let is_signed = service.signing_name() == signed;
        is_signed.then(|| input.version.as_deref() == Some(service.version()))
    };
    // Of equals the first one in the list.
    let service = spoken.into_iter().max_by_key(fits).unwrap_or(&ELBV2);
    (service, input)
}

impl Partition {
    /// Does what a request asks and writes it down.
    pub(super) fn perform(
        &mut self,
        (service, input): (&dyn Service, &Input),
        request: &Request<Bytes>,
        from: &AccountRegion,
        (now, request_id): (Timestamp, &str),
    ) -> Result<(&'static str, Output), Refused> {
        let found = input.operation.as_deref().and_then(|name| service.operation(name));
        let Visit { place: visited, caller } = self.visit(request.headers(), from, now);
        // Clients that were led to an endpoint sign for their own region also where the service is of none.
        let (place, regions) = if service.is_global() {
            let place = AccountRegion { account: visited.account.clone(), region: from.region.clone() };
            (place, vec![signing_region(&from.region), visited.region.as_str()])
        } else {
            (visited.clone(), vec![visited.region.as_str()])
        };
        let outcome = scope::check(request.headers(), &regions, service.signing_name()).map_err(Refused::from);
        let outcome = outcome.and_then(|()| {
            let caller = caller?;
            let operation = found.filter(|_| input.version.as_deref() == Some(service.version()));
            let operation = operation.ok_or_else(|| service.protocol().unknown(input))?;
            let author = Author::Caller(Arc::clone(&caller.key));
            let writer = Writer { request_id: Some(Arc::from(request_id)), ..self.writer(&place, author, now) };
            let errand = Errand { place: place.clone(), caller, writer };
            self.carry_out(service, &operation, input, &errand).map(|output| (operation.name, output))
        });
        let outcome =
            outcome.map_err(|Refused { refusal, root }| Refused { refusal: service.in_own_words(refusal), root });
        let asks = found.map(|operation| service.asks(&operation, input)).unwrap_or_default();
        self.regional(&place).log.record(Call {
            at: now,
            service: service.signing_name(),
            operation: found.map_or("unknown", |operation| operation.name),
            write: found.is_some_and(|operation| operation.writes),
            resources: asks.resources,
            changes: asks.changes,
            outcome: outcome.as_ref().map_or_else(|refused| refused.refusal.code, |_| "OK"),
        });
        outcome
    }

    fn carry_out(
        &mut self,
        service: &dyn Service,
        operation: &Operation,
        input: &Input,
        errand: &Errand,
    ) -> Result<Output, Refused> {
        let Errand { place, caller, writer } = errand;
        if let Some(rates) = self.rates() {
            for fare in service.fares(operation, input, &rates) {
                let Global { buckets, .. } = self.global(&place.account);
                let buckets = if service.is_global() { buckets } else { &mut self.regional(place).buckets };
                buckets.take(service.signing_name(), fare, writer.now)?;
            }
        }
        for deed in service.deeds(operation, input, place, self) {
            caller.admit(&deed)?;
        }
        service.perform(operation, input, errand, self)
    }
}

/// The region for which requests of a service are signed that is the same in all of them.
fn signing_region(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "cn-northwest-1",
        region if region.starts_with("us-gov-") => "us-gov-west-1",
        _ => "us-east-1",
    }
}
