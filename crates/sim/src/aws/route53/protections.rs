//! Protections: names and types of a zone whose records nobody changes while they last.
//!
//! Source: the model's own words about `CreateResourceRecordSetProtections`.

use std::collections::BTreeSet;

use http::StatusCode;

use super::super::effect::Writer;
use super::super::protocol::{Input, Output};
use super::super::refusal::{Refusal, Refused};
use super::super::xml::Xml;
use super::super::xml::element::Element;
use super::Route53;
use super::batch::read_type;
use super::fields::{document, invalid, members, needed, only, page_size, within};
use super::name::DnsName;
use super::record::{RecordType, SetKey};
use super::zone::Zone;
use super::zones::zone_of;

/// The most of a request, of a zone, and of a page.
const MOST_OF_REQUEST: usize = 100;
const MOST_OF_ZONE: usize = 1_000;
const PAGE: usize = 300;

/// What is wrong with an entry of a request.
struct Wrong {
    name: String,
    kind: String,
    code: &'static str,
    message: String,
}

/// The entries of a request: what each names, and its comment.
type Entries = Vec<(SetKey, Option<String>)>;

impl Route53 {
    pub(super) fn create_protections(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let zone = self.zone_mut(zone_of(input)?)?;
        let (root, member) = ("CreateResourceRecordSetProtectionsRequest", "ResourceRecordSetProtectionConfig");
        let entries = read(zone, input, root, member, &["RecordName", "RecordType", "Comment"])?;
        zone.check_free(writer.now)?;
        let is_there = |(set, _): &&(SetKey, Option<String>)| zone.protections.contains_key(set);
        let wrong = |(set, _): &(SetKey, Option<String>)| {
            Wrong::of(set, "ProtectionAlreadyExists", "A protection already exists for the name and type".to_owned())
        };
        let present: Vec<Wrong> = entries.iter().filter(is_there).map(wrong).collect();
        if present.len() == entries.len() {
            let message = "A protection already exists for every name and type in the request.";
            let refusal = Refusal::new("ProtectionAlreadyExists", message).with_status(StatusCode::CONFLICT);
            return Err(refused(refusal, &present));
        }
        if !present.is_empty() {
            return Err(bad_batch(&present));
        }
        if zone.protections.len() + entries.len() > MOST_OF_ZONE {
            let message = format!("A hosted zone can have up to {MOST_OF_ZONE} resource record set protections");
            return Err(Refusal::new("LimitsExceeded", message).into());
        }
        zone.protections.extend(entries);
        Ok(Output::Document(Vec::new()))
    }

    pub(super) fn delete_protections(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let zone = self.zone_mut(zone_of(input)?)?;
        let (root, member) = ("DeleteResourceRecordSetProtectionsRequest", "ResourceRecordSetProtectionKey");
        let entries = read(zone, input, root, member, &["RecordName", "RecordType"])?;
        zone.check_free(writer.now)?;
        let is_absent = |(set, _): &&(SetKey, Option<String>)| !zone.protections.contains_key(set);
        let wrong = |(set, _): &(SetKey, Option<String>)| {
            Wrong::of(set, "ProtectionNotFound", "No protection exists for the name and type".to_owned())
        };
        let absent: Vec<Wrong> = entries.iter().filter(is_absent).map(wrong).collect();
        if !absent.is_empty() {
            return Err(bad_batch(&absent));
        }
        for (set, _) in entries {
            zone.protections.remove(&set);
        }
        Ok(Output::Document(Vec::new()))
    }

    pub(super) fn list_protections(&mut self, input: &Input, _: &Writer) -> Result<Output, Refused> {
        let zone = self.zone(zone_of(input)?)?;
        let size = page_size(input, "maxresults", PAGE)?;
        let start = start(zone, input)?;
        let mut rest = zone.protections.range(start..);
        let describe = |((name, kind), comment): (&SetKey, &Option<String>)| {
            let mut elements = vec![Xml::text("RecordName", name), Xml::text("RecordType", kind)];
            elements.extend(comment.iter().map(|comment| Xml::text("Comment", comment)));
            Xml::of("ResourceRecordSetProtection", elements)
        };
        let page = rest.by_ref().take(size).map(describe).collect();
        let mut elements = vec![Xml::of("ResourceRecordSetProtections", page)];
        elements.extend(rest.next().map(|((name, kind), _)| Xml::text("NextToken", format!("{kind} {name}"))));
        Ok(Output::Document(elements))
    }
}

/// Where a list is to begin.
fn start(zone: &Zone, input: &Input) -> Result<SetKey, Refusal> {
    let form = &input.form;
    if let Some(token) = form.text("nexttoken") {
        let read = |token: &str| {
            let (kind, name) = token.split_once(' ')?;
            Some((DnsName::parse(name).ok()?, RecordType::named(kind)?))
        };
        let message = "The specified pagination token is invalid.";
        return read(token).ok_or_else(|| Refusal::new("InvalidPaginationToken", message));
    }
    match (form.text("name"), form.text("type")) {
        (None, Some(_)) => Err(invalid("You must specify name if you specify type")),
        (None, None) => Ok((zone.name.clone(), RecordType::A)),
        (Some(name), kind) => {
            let kind = kind.map_or(Ok(RecordType::A), |kind| read_type(kind, "startRecordType"))?;
            Ok((DnsName::parse(name).map_err(invalid)?, kind))
        }
    }
}

fn read(zone: &Zone, input: &Input, root: &str, member: &str, known: &[&str]) -> Result<Entries, Refused> {
    let list = needed(document(input, root, &["Protections"])?, "Protections")?;
    let (mut entries, mut wrong, mut seen) = (Entries::new(), Vec::new(), BTreeSet::new());
    for entry in members(list, member, "protections", 1..=MOST_OF_REQUEST)? {
        only(entry, known)?;
        let comment = entry.text_of("Comment").map(|comment| within(comment, "comment", 0..=256)).transpose()?;
        match read_set(zone, entry)? {
            Err(error) => wrong.push(error),
            Ok(set) if !seen.insert(set.clone()) => {
                wrong.push(Wrong::of(&set, "InvalidInput", "The name and type appear more than once".to_owned()));
            }
            Ok(set) => entries.push((set, comment.map(str::to_owned))),
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(bad_batch(&wrong)) }
}

/// What an entry names, or what is wrong with it.
fn read_set(zone: &Zone, entry: &Element) -> Result<Result<SetKey, Wrong>, Refusal> {
    let name = within(&needed(entry, "RecordName")?.text, "recordName", 0..=1024)?;
    let kind = read_type(&needed(entry, "RecordType")?.text, "recordType")?;
    Ok(match DnsName::parse(name) {
        Err(why) => Err(Wrong { name: name.to_owned(), kind: kind.to_string(), code: "InvalidInput", message: why }),
        Ok(name) if !name.is_within(&zone.name) => {
            let message = format!("The name is not in hosted zone {}", zone.name);
            Err(Wrong::of(&(name, kind), "InvalidInput", message))
        }
        Ok(name) => Ok((name, kind)),
    })
}

impl Wrong {
    fn of((name, kind): &SetKey, code: &'static str, message: String) -> Self {
        Self { name: name.to_string(), kind: kind.to_string(), code, message }
    }
}

fn bad_batch(wrong: &[Wrong]) -> Refused {
    let message = "One or more entries in the request couldn't be processed.";
    refused(Refusal::new("InvalidResourceRecordSetProtectionBatch", message), wrong)
}

/// A refusal with the entries that failed.
fn refused(refusal: Refusal, wrong: &[Wrong]) -> Refused {
    let error = |Wrong { name, kind, code, message }: &Wrong| {
        let elements = vec![
            Xml::text("RecordName", name),
            Xml::text("RecordType", kind),
            Xml::text("Code", code),
            Xml::text("Message", message),
        ];
        Xml::of("ProtectionError", elements)
    };
    let errors = Xml::of("Errors", wrong.iter().map(error).collect());
    let root = Xml::of("ErrorResponse", vec![refusal.xml().and(errors)]);
    Refused { refusal, root: Some(root) }
}
