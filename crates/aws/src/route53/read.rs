//! The reads of Route 53.

use std::collections::BTreeSet;

use aws_sdk_route53::types::{ChangeInfo, ChangeStatus, RrType};
use weir_engine::dns::{ChangeId, ChangeSync, DnsName, HostedZone, RecordSet, ZoneId};
use weir_engine::fact::{AwsError, ErrorKind};

use super::listing::{self, Listing};
use super::{Route53, shapes};
use crate::budget::CallToken;
use crate::errors::{Effect, nonsense};

const LIST: &str = "ListResourceRecordSets";
/// The largest page of records. Source: `MaxItems` in the API reference of `ListResourceRecordSets`.
const PAGE_SIZE: i32 = 300;
/// How many pages are read of one name before it counts as one that has no end. A name has at most 100 records of a type.
const MAX_PAGES: usize = 20;

/// What stands at a name, or why that is not known.
type Found = (DnsName, Result<Vec<RecordSet>, AwsError>);

/// Where a page begins.
struct Cursor {
    name: String,
    kind: Option<RrType>,
    identifier: Option<String>,
}

impl Route53 {
    /// A hosted zone.
    pub(crate) async fn zone(&self, zone: &ZoneId, call_token: &mut CallToken) -> Result<HostedZone, AwsError> {
        const OPERATION: &str = "GetHostedZone";
        let request = self.reader.get_hosted_zone().id(zone.as_str());
        let send = |attempts| request.clone().customize().interceptor(attempts).send();
        let answer = self.caller.call(OPERATION, Effect::Read, call_token, send).await?;
        let found = answer.hosted_zone().map(shapes::zone);
        found.ok_or_else(|| nonsense(OPERATION, "AWS answered without a zone".to_owned()))
    }

    /// How far a change has come.
    pub(crate) async fn change(&self, change: &ChangeId, call_token: &mut CallToken) -> Result<ChangeSync, AwsError> {
        const OPERATION: &str = "GetChange";
        let request = self.reader.get_change().id(change.as_str());
        let send = |attempts| request.clone().customize().interceptor(attempts).send();
        let answer = self.caller.call(OPERATION, Effect::Read, call_token, send).await?;
        match answer.change_info().map(ChangeInfo::status) {
            Some(ChangeStatus::Pending) => Ok(ChangeSync::Pending),
            Some(ChangeStatus::Insync) => Ok(ChangeSync::InSync),
            other => {
                let status = other.map(ChangeStatus::as_str);
                Err(nonsense(OPERATION, format!("AWS answered with the status {status:?} of the change {change}")))
            }
        }
    }

    /// What stands at names of a zone: reads the pages that hold a wanted name, or would hold it, and no others. What else is
    /// known and stands on one of these is told along. An error is that of all names; of one that cannot be told from a mistake in
    /// the name alone, see [`listing::is_plain`], it is its own.
    pub(crate) async fn records(
        &self,
        zone: &ZoneId,
        names: &BTreeSet<DnsName>,
        is_known: impl Fn(&DnsName) -> bool,
        call_token: &mut CallToken,
    ) -> Result<Vec<Found>, AwsError> {
        let (mut wanted, odd): (Vec<&DnsName>, Vec<&DnsName>) = names.iter().partition(|name| listing::is_plain(name));
        wanted.sort_by(|one, other| listing::order(one, other));
        let mut found: Vec<Found> = Vec::with_capacity(names.len());
        while let Some(start) = wanted.first().copied() {
            let listing = self.listing(zone, start, call_token).await?;
            let along = listing.records.iter().map(|record| &record.name).filter(|name| is_known(name));
            let answers = listing.answers(start, wanted.iter().copied().chain(along));
            wanted.retain(|name| !answers.contains_key(*name));
            found.extend(answers.into_iter().map(|(name, records)| (name, Ok(records))));
        }
        for name in odd {
            match self.listing(zone, name, call_token).await {
                Err(error) if error.kind == ErrorKind::Invalid => found.push((name.clone(), Err(error))),
                listing => {
                    found.extend(listing?.answers(name, [name]).into_iter().map(|(name, records)| (name, Ok(records))));
                }
            }
        }
        Ok(found)
    }

    /// One page from a name on, or as many as that name has records on.
    async fn listing(&self, zone: &ZoneId, name: &DnsName, call_token: &mut CallToken) -> Result<Listing, AwsError> {
        let mut cursor = Cursor { name: name.as_str().to_owned(), kind: None, identifier: None };
        let mut listing = Listing::default();
        for _ in 0..MAX_PAGES {
            let next = self.page(zone, cursor, &mut listing.records, call_token).await?;
            listing.next = next.as_ref().map(|next| DnsName::new(&next.name));
            match next.filter(|next| DnsName::new(&next.name) == *name) {
                Some(next) => cursor = next,
                None => return Ok(listing),
            }
        }
        Err(nonsense(LIST, format!("the records at {name} did not end within {MAX_PAGES} pages")))
    }

    /// Reads a page; where the next one begins, if there is one.
    async fn page(
        &self,
        zone: &ZoneId,
        cursor: Cursor,
        records: &mut Vec<RecordSet>,
        call_token: &mut CallToken,
    ) -> Result<Option<Cursor>, AwsError> {
        let request = self.reader.list_resource_record_sets().hosted_zone_id(zone.as_str()).max_items(PAGE_SIZE);
        let request = request.start_record_name(cursor.name).set_start_record_type(cursor.kind);
        let request = request.set_start_record_identifier(cursor.identifier);
        let send = |attempts| request.clone().customize().interceptor(attempts).send();
        let page = self.caller.call(LIST, Effect::Read, call_token, send).await?;
        for record in page.resource_record_sets() {
            records.push(shapes::record(LIST, record)?);
        }
        if !page.is_truncated() {
            return Ok(None);
        }
        let name = page.next_record_name().map(str::to_owned);
        let name =
            name.ok_or_else(|| nonsense(LIST, "AWS answered with a part and not with where it goes on".into()))?;
        let identifier = page.next_record_identifier().map(str::to_owned);
        Ok(Some(Cursor { name, kind: page.next_record_type().cloned(), identifier }))
    }
}
