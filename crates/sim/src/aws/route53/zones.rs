//! Hosted zones: made, told, listed, and deleted when they are empty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::super::effect::{Change, Writer};
use super::super::protocol::{Input, Output};
use super::super::refusal::{Refusal, Refused};
use super::super::xml::Xml;
use super::super::xml::element::Element;
use super::Route53;
use super::fields::{document, document_if_any, flag, invalid, needed, one_of, only, page_size, within};
use super::name::DnsName;
use super::record::{Record, RecordType};
use super::zone::{SERVERS, Vpc, Zone};

/// The most zones of an account, and networks of a private zone.
const MOST_ZONES: usize = 500;
const MOST_VPCS: usize = 300;
/// The most zones of a page.
const PAGE: usize = 100;
/// Seconds for which records of a new zone may be kept: its name servers, and its head.
const NS_TTL: u32 = 172_800;
const SOA_TTL: u32 = 900;
/// Zones that are of no one's.
const RESERVED: [&str; 3] = ["example.com.", "example.net.", "example.org."];
/// How long it takes to enable or disable accelerated recovery; ours.
const RECOVERY: SignedDuration = SignedDuration::from_mins(1);

/// An identifier without the path before it.
pub(super) fn bare_id(id: &str) -> &str {
    id.trim_start_matches('/').trim_start_matches("hostedzone/")
}

/// The zone that the path of a request names.
pub(super) fn zone_of(input: &Input) -> Result<&str, Refusal> {
    within(bare_id(input.form.text("Id").unwrap_or_default()), "id", 1..=32)
}

/// What a new zone is asked to be.
pub(super) struct ZoneWish {
    /// Its identifier, where that is not left to chance.
    pub(super) id: Option<String>,
    pub(super) name: DnsName,
    pub(super) reference: String,
    pub(super) comment: Option<String>,
    pub(super) vpc: Option<Vpc>,
}

impl ZoneWish {
    fn read(input: &Input) -> Result<Self, Refusal> {
        let known = ["Name", "VPC", "CallerReference", "HostedZoneConfig", "DelegationSetId"];
        let root = document(input, "CreateHostedZoneRequest", &known)?;
        let given = within(&needed(root, "Name")?.text, "name", 0..=1024)?;
        let reference = within(&needed(root, "CallerReference")?.text, "callerReference", 1..=128)?;
        if root.element("DelegationSetId").is_some() {
            return Err(Refusal::new("NoSuchDelegationSet", "The specified delegation set does not exist."));
        }
        let config =
            root.element("HostedZoneConfig").map(|config| only(config, &["Comment", "PrivateZone"])).transpose()?;
        let comment = config.and_then(|config| config.text_of("Comment"));
        let comment = comment.map(|comment| within(comment, "hostedZoneConfig.comment", 0..=256)).transpose()?;
        let is_private = config.and_then(|config| config.text_of("PrivateZone")).map(flag).transpose()?;
        let vpc = root.element("VPC").map(read_vpc).transpose()?;
        if is_private == Some(true) && vpc.is_none() {
            return Err(invalid(
                "When you're creating a private hosted zone (when you specify true for PrivateZone), you must also \
                 specify values for VPCId and VPCRegion.",
            ));
        }
        let name = DnsName::parse(given).map_err(|why| Refusal::new("InvalidDomainName", why))?;
        if vpc.is_none() && (RESERVED.contains(&name.as_str())) {
            return Err(Refusal::new("InvalidDomainName", format!("{} is reserved by AWS!", name.bare())));
        }
        Ok(Self { id: None, name, reference: reference.to_owned(), comment: comment.map(str::to_owned), vpc })
    }
}

fn read_vpc(element: &Element) -> Result<Vpc, Refusal> {
    only(element, &["VPCRegion", "VPCId"])?;
    let id = &needed(element, "VPCId")?.text;
    let region = within(&needed(element, "VPCRegion")?.text, "vPC.vPCRegion", 1..=64)?;
    let is_known = id.strip_prefix("vpc-").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
    });
    if !is_known {
        return Err(Refusal::new("InvalidVPCId", format!("The VPC: {id} that you provided does not exist")));
    }
    Ok(Vpc { id: id.clone(), region: region.to_owned() })
}

impl Vpc {
    fn xml(&self) -> Xml {
        Xml::of("VPC", vec![Xml::text("VPCRegion", &self.region), Xml::text("VPCId", &self.id)])
    }
}

impl Zone {
    fn describe(&self, now: Timestamp) -> Vec<Xml> {
        let mut config: Vec<Xml> = self.comment.iter().map(|comment| Xml::text("Comment", comment)).collect();
        config.push(Xml::text("PrivateZone", self.is_private()));
        let mut elements = vec![
            Xml::text("Id", format!("/hostedzone/{}", self.id)),
            Xml::text("Name", &self.name),
            Xml::text("CallerReference", &self.reference),
            Xml::of("Config", config),
            Xml::text("ResourceRecordSetCount", self.records.len()),
        ];
        if let Some((is_on, since)) = self.recovery {
            let status = match (is_on, now < since + RECOVERY) {
                (true, true) => "ENABLING",
                (true, false) => "ENABLED",
                (false, true) => "DISABLING",
                (false, false) => "DISABLED",
            };
            elements.push(Xml::of("Features", vec![Xml::text("AcceleratedRecoveryStatus", status)]));
        }
        elements
    }

    fn delegation(&self) -> Xml {
        let servers = self.servers.iter().map(|server| Xml::text("NameServer", server)).collect();
        Xml::of("DelegationSet", vec![Xml::of("NameServers", servers)])
    }
}

impl Route53 {
    pub(super) fn create_hosted_zone(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let wish = ZoneWish::read(input)?;
        let (id, info) = self.make_zone(writer, wish)?;
        let zone = self.zone(&id)?;
        let mut elements = vec![Xml::of("HostedZone", zone.describe(writer.now)), info, zone.delegation()];
        elements.extend(zone.vpc.as_ref().map(Vpc::xml));
        Ok(Output::Made(elements, format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{id}")))
    }

    /// Makes a zone with its name servers and its head; its identifier, and the change that this is.
    pub(super) fn make_zone(&mut self, writer: &Writer, wish: ZoneWish) -> Result<(String, Xml), Refusal> {
        let ZoneWish { id, name, reference, comment, vpc } = wish;
        if !self.references.insert(reference.clone()) {
            let message = "A hosted zone has already been created with the specified caller reference.";
            return Err(Refusal::new("HostedZoneAlreadyExists", message).with_status(StatusCode::CONFLICT));
        }
        let sees_both = |zone: &&Zone| zone.name == name && zone.vpc.is_some() && zone.vpc == vpc;
        if let Some(Vpc { id, region }) = self.zones.values().find(sees_both).and_then(|zone| zone.vpc.as_ref()) {
            self.references.remove(&reference);
            let message =
                format!("A hosted zone with name {name} is already associated with the VPC {id} in region {region}");
            return Err(Refusal::new("ConflictingDomainExists", message));
        }
        if self.zones.len() >= MOST_ZONES {
            self.references.remove(&reference);
            let message = format!("Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more than {MOST_ZONES}");
            return Err(Refusal::new("TooManyHostedZones", message));
        }
        let id = id.unwrap_or_else(|| self.draw_id('Z'));
        let servers = self.draw_servers(vpc.is_some());
        let ns = servers.iter().map(|server| format!("{server}.")).collect();
        let soa = format!("{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400", servers[0]);
        let records = [
            Record::simple(&name, RecordType::Ns, NS_TTL, ns),
            Record::simple(&name, RecordType::Soa, SOA_TTL, vec![soa]),
        ];
        let sets: Vec<_> = records.iter().map(Record::set).collect();
        let mut zone = Zone {
            id: id.clone(),
            name,
            reference,
            comment,
            vpc,
            servers,
            records: records.into_iter().map(|record| (record.key(), Arc::new(record))).collect(),
            protections: BTreeMap::new(),
            tags: BTreeMap::new(),
            recovery: None,
            busy_until: writer.now,
            served: BTreeMap::new(),
            caught_up: [writer.now; SERVERS],
            pending: Vec::new(),
        };
        let in_sync = zone.publish(writer, &self.options, &mut self.lag, sets);
        self.zones.insert(id.clone(), zone);
        let change = self.draw_id('C');
        let info = self.announce(writer, change, in_sync, None);
        Ok((id, info))
    }

    /// The four name servers of a zone, one of each top-level domain. Those of private zones have fixed names.
    fn draw_servers(&mut self, is_private: bool) -> [String; SERVERS] {
        let tops = ["com", "net", "org", "co.uk"];
        let mut number = 0;
        tops.map(|top| {
            let (server, group) = if is_private { (0, 0) } else { (self.chance.u32(..512), self.chance.u32(..64)) };
            let server = format!("ns-{}.awsdns-{group:02}.{top}", number + server);
            number += 512;
            server
        })
    }

    pub(super) fn get_hosted_zone(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let zone = self.zone(zone_of(input)?)?;
        let mut elements = vec![Xml::of("HostedZone", zone.describe(writer.now))];
        match &zone.vpc {
            Some(vpc) => elements.push(Xml::of("VPCs", vec![vpc.xml()])),
            None => elements.push(zone.delegation()),
        }
        Ok(Output::Document(elements))
    }

    pub(super) fn delete_hosted_zone(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let id = zone_of(input)?;
        let zone = self.zone(id)?;
        zone.check_free(writer.now)?;
        let is_own =
            |record: &Record| record.name == zone.name && matches!(record.kind, RecordType::Ns | RecordType::Soa);
        if zone.records.values().any(|record| !is_own(record)) || !zone.protections.is_empty() {
            let what = if zone.protections.is_empty() { "non-required resource record sets" } else { "protections" };
            let message = format!("The specified hosted zone contains {what} and so cannot be deleted.");
            return Err(Refusal::new("HostedZoneNotEmpty", message).into());
        }
        let change = self.draw_id('C');
        let mut in_sync = writer.now;
        if let Some(mut zone) = self.zones.remove(id) {
            let before = std::mem::take(&mut zone.tags);
            if !before.is_empty() {
                writer.note(Change::Tags { resource: zone.arn(), before, after: BTreeMap::new() });
            }
            let sets: BTreeSet<_> = zone.records.values().map(|record| record.set()).collect();
            zone.records.clear();
            in_sync = zone.publish(writer, &self.options, &mut self.lag, sets);
            self.buried.insert(id.to_owned(), zone);
        }
        Ok(Output::Document(vec![self.announce(writer, change, in_sync, None)]))
    }

    pub(super) fn list_hosted_zones(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let (form, size) = (&input.form, page_size(input, "maxitems", PAGE)?);
        if form.has("delegationsetid") {
            return Err(Refusal::new("NoSuchDelegationSet", "The specified delegation set does not exist.").into());
        }
        let only_private = match form.text("hostedzonetype") {
            None => false,
            Some("PrivateHostedZone") => true,
            Some(other) => return Err(one_of(other, "hostedZoneType", ["PrivateHostedZone"]).into()),
        };
        let marker = within(bare_id(form.text("marker").unwrap_or_default()), "marker", 0..=64)?;
        let mut rest = self.zones.range(marker.to_owned()..).filter(|(_, zone)| !only_private || zone.is_private());
        let zones = rest.by_ref().take(size).map(|(_, zone)| Xml::of("HostedZone", zone.describe(writer.now)));
        let zones = zones.collect();
        let next = rest.next().map(|(id, _)| Xml::text("NextMarker", id));
        let mut elements =
            vec![Xml::of("HostedZones", zones), Xml::text("Marker", marker), Xml::text("IsTruncated", next.is_some())];
        elements.extend(next);
        elements.push(Xml::text("MaxItems", size));
        Ok(Output::Document(elements))
    }

    pub(super) fn list_hosted_zones_by_name(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let (form, size) = (&input.form, page_size(input, "maxitems", PAGE)?);
        let (given, id) = (form.text("dnsname"), form.text("hostedzoneid"));
        if id.is_some() && given.is_none() {
            return Err(invalid("You must specify dnsname if you specify hostedzoneid").into());
        }
        let name = given.map(DnsName::parse).transpose().map_err(|why| Refusal::new("InvalidDomainName", why))?;
        let start = name.map(|name| (name, id.map(bare_id).unwrap_or_default()));
        let mut zones: Vec<&Zone> = self.zones.values().collect();
        zones.sort_by_key(|zone| (&zone.name, &zone.id));
        let is_before =
            |zone: &&Zone| start.as_ref().is_some_and(|(name, id)| (&zone.name, zone.id.as_str()) < (name, *id));
        let mut rest = zones.into_iter().skip_while(is_before);
        let page = rest.by_ref().take(size).map(|zone| Xml::of("HostedZone", zone.describe(writer.now))).collect();
        let next = rest.next();
        let mut elements = vec![Xml::of("HostedZones", page)];
        elements.extend(given.map(|given| Xml::text("DNSName", given)));
        elements.extend(id.map(|id| Xml::text("HostedZoneId", id)));
        elements.push(Xml::text("IsTruncated", next.is_some()));
        if let Some(next) = next {
            elements.extend([Xml::text("NextDNSName", &next.name), Xml::text("NextHostedZoneId", &next.id)]);
        }
        elements.push(Xml::text("MaxItems", size));
        Ok(Output::Document(elements))
    }

    pub(super) fn count_zones(&self) -> Output {
        Output::Document(vec![Xml::text("HostedZoneCount", self.zones.len())])
    }

    pub(super) fn get_hosted_zone_limit(&mut self, input: &Input, _: &Writer) -> Result<Output, Refused> {
        const TYPES: [&str; 2] = ["MAX_RRSETS_BY_ZONE", "MAX_VPCS_ASSOCIATED_BY_ZONE"];
        let zone = self.zone(zone_of(input)?)?;
        let (kind, limit, count) = match input.form.text("Type").unwrap_or_default() {
            kind if kind == TYPES[0] => (kind, self.options.records_per_zone, zone.records.len()),
            kind if kind == TYPES[1] && zone.is_private() => (kind, MOST_VPCS, 1),
            kind if kind == TYPES[1] => {
                return Err(
                    Refusal::new("HostedZoneNotPrivate", "The specified hosted zone is a public hosted zone.").into()
                );
            }
            other => return Err(one_of(other, "type", TYPES).into()),
        };
        let limit = Xml::of("Limit", vec![Xml::text("Type", kind), Xml::text("Value", limit)]);
        Ok(Output::Document(vec![limit, Xml::text("Count", count)]))
    }

    pub(super) fn update_hosted_zone_comment(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let root = document_if_any(input, "UpdateHostedZoneCommentRequest", &["Comment"])?;
        let comment = root
            .and_then(|root| root.text_of("Comment"))
            .map(|comment| within(comment, "comment", 0..=256))
            .transpose()?;
        let zone = self.zone_mut(zone_of(input)?)?;
        zone.check_free(writer.now)?;
        zone.comment = comment.filter(|comment| !comment.is_empty()).map(str::to_owned);
        Ok(Output::Document(vec![Xml::of("HostedZone", zone.describe(writer.now))]))
    }

    pub(super) fn update_hosted_zone_features(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let root = document_if_any(input, "UpdateHostedZoneFeaturesRequest", &["EnableAcceleratedRecovery"])?;
        let is_on = root.and_then(|root| root.text_of("EnableAcceleratedRecovery")).map(flag).transpose()?;
        let zone = self.zone_mut(zone_of(input)?)?;
        zone.check_free(writer.now)?;
        let is_on = is_on.ok_or_else(|| invalid("Invalid request: Missing field 'EnableAcceleratedRecovery'"))?;
        if zone.is_private() {
            return Err(invalid("Accelerated recovery is not available for private hosted zones").into());
        }
        if zone.recovery.is_some_and(|(was_on, _)| was_on) != is_on {
            zone.recovery = Some((is_on, writer.now));
        }
        Ok(Output::Document(Vec::new()))
    }
}
