//! `ListResourceRecordSets`: the records of a zone in their order, from a name, type and identifier on. It shows changes
//! that no name server has yet.

use super::super::effect::Writer;
use super::super::protocol::{Input, Output};
use super::super::refusal::{Refusal, Refused};
use super::super::xml::Xml;
use super::Route53;
use super::batch::read_type;
use super::fields::{invalid, page_size, within};
use super::name::DnsName;
use super::record::{Record, RecordKey, RecordType};
use super::zone::Zone;
use super::zones::zone_of;

/// The most records of a page.
const PAGE: usize = 300;

impl Route53 {
    pub(super) fn list_resource_record_sets(&mut self, input: &Input, _: &Writer) -> Result<Output, Refused> {
        let zone = self.zone(zone_of(input)?)?;
        let size = page_size(input, "maxitems", PAGE)?;
        let start = start(zone, input)?;
        let mut rest = zone.records.range(start..).map(|(_, record)| &**record);
        let page = rest.by_ref().take(size).map(|record| Xml::of("ResourceRecordSet", record.describe())).collect();
        let next = rest.next();
        let mut elements = vec![Xml::of("ResourceRecordSets", page), Xml::text("IsTruncated", next.is_some())];
        elements.extend(next.into_iter().flat_map(cursor));
        elements.push(Xml::text("MaxItems", size));
        Ok(Output::Document(elements))
    }
}

/// Where the next page begins.
fn cursor(next: &Record) -> Vec<Xml> {
    let mut elements = vec![Xml::text("NextRecordName", &next.name), Xml::text("NextRecordType", next.kind)];
    elements.extend(next.identifier.iter().map(|identifier| Xml::text("NextRecordIdentifier", identifier)));
    elements
}

/// Where a list is to begin.
fn start(zone: &Zone, input: &Input) -> Result<RecordKey, Refusal> {
    let form = &input.form;
    let (name, kind, identifier) = (form.text("name"), form.text("type"), form.text("identifier"));
    let name = match name {
        None if kind.is_some() => return Err(invalid("You must specify name if you specify type")),
        None if identifier.is_some() => {
            return Err(invalid("You must specify name and type if you specify identifier"));
        }
        None => return Ok((zone.name.clone(), RecordType::A, None)),
        Some(name) => DnsName::parse(within(name, "startRecordName", 0..=1024)?).map_err(invalid)?,
    };
    let Some(kind) = kind else {
        if identifier.is_some() {
            return Err(invalid("You must specify name and type if you specify identifier"));
        }
        return Ok((name, RecordType::A, None));
    };
    let kind = read_type(kind, "startRecordType")?;
    let identifier = identifier.map(|text| within(text, "startRecordIdentifier", 1..=128)).transpose()?;
    Ok((name, kind, identifier.map(str::to_owned)))
}
