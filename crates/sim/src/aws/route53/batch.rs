//! A batch of changes as it is sent: read, and held against what can be told of it without a look at the zone.
//!
//! The words about fields that exclude or need each other are AWS's own, as users report them.

use super::super::protocol::Input;
use super::super::refusal::Refusal;
use super::super::xml::element::Element;
use super::fields::{constraint, document, flag, invalid, members, needed, number, one_of, only, within};
use super::name::DnsName;
use super::record::{Content, FailoverRole, Policy, Record, RecordType};
use super::zones::bare_id;

/// What is done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Delete,
    Upsert,
}

impl Action {
    pub(super) const ALL: [Self; 3] = [Self::Create, Self::Delete, Self::Upsert];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Delete => "DELETE",
            Self::Upsert => "UPSERT",
        }
    }

    /// How often its values count.
    fn counts(self) -> usize {
        if self == Self::Upsert { 2 } else { 1 }
    }
}

/// One of the changes of a batch.
#[derive(Clone, Debug)]
pub(super) struct RecordChange {
    pub(super) action: Action,
    pub(super) record: Record,
}

/// A batch.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) comment: Option<String>,
    pub(super) changes: Vec<RecordChange>,
}

/// The elements of a record that say by which policy it is chosen.
const POLICIES: [&str; 7] =
    ["Weight", "Region", "Failover", "GeoLocation", "MultiValueAnswer", "GeoProximityLocation", "CidrRoutingConfig"];

/// The regions for latency.
const REGIONS: [&str; 39] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-central-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "eu-north-1",
    "sa-east-1",
    "cn-north-1",
    "cn-northwest-1",
    "ap-east-1",
    "me-south-1",
    "me-central-1",
    "ap-south-1",
    "ap-south-2",
    "af-south-1",
    "eu-south-1",
    "eu-south-2",
    "ap-southeast-4",
    "il-central-1",
    "ca-west-1",
    "ap-southeast-5",
    "mx-central-1",
    "ap-southeast-7",
    "us-gov-east-1",
    "us-gov-west-1",
    "ap-east-2",
    "ap-southeast-6",
    "eusc-de-east-1",
];

/// The root of the document.
const ROOT: &str = "ChangeResourceRecordSetsRequest";

/// The changes of a request as they stand, without a look at whether they can be.
pub(super) fn outline(input: &Input) -> &[Element] {
    let batch = input.document.as_ref().and_then(|document| document.as_ref().ok()?.element("ChangeBatch"));
    batch.and_then(|batch| batch.element("Changes")).map_or(&[], |changes| &changes.elements)
}

impl Batch {
    pub(super) fn read(input: &Input) -> Result<Self, Refusal> {
        let root = document(input, ROOT, &["ChangeBatch"])?;
        let batch = only(needed(root, "ChangeBatch")?, &["Comment", "Changes"])?;
        let comment = batch.text_of("Comment");
        let comment = comment.map(|comment| within(comment, "changeBatch.comment", 0..=256)).transpose()?;
        let changes = members(needed(batch, "Changes")?, "Change", "changeBatch.changes", 1..=usize::MAX)?;
        let numbered = changes.iter().zip(1..);
        let changes = numbered.map(|(change, number)| RecordChange::read(change, number)).collect::<Result<_, _>>()?;
        Ok(Self { comment: comment.map(str::to_owned), changes })
    }

    /// How many records it has as AWS counts them, aliases included, and how many characters their values have.
    pub(super) fn size(&self) -> (usize, usize) {
        self.changes.iter().fold((0, 0), |(records, letters), change| {
            let (some, long) = match &change.record.content {
                Content::Alias { .. } => (1, 0),
                Content::Plain { values, .. } => (values.len(), values.iter().map(|value| value.chars().count()).sum()),
            };
            (records + some * change.action.counts(), letters + long * change.action.counts())
        })
    }
}

impl RecordChange {
    fn read(element: &Element, number: usize) -> Result<Self, Refusal> {
        let place = format!("changeBatch.changes.{number}.member");
        only(element, &["Action", "ResourceRecordSet"])?;
        let word = &needed(element, "Action")?.text;
        let action = Action::ALL.into_iter().find(|action| action.word() == word);
        let all = || Action::ALL.map(Action::word);
        let action = action.ok_or_else(|| one_of(word, &format!("{place}.action"), all()))?;
        let record = needed(element, "ResourceRecordSet")?;
        let record = read(action, record, &format!("{place}.resourceRecordSet"))?;
        Ok(Self { action, record })
    }
}

/// The type that an element names.
pub(super) fn read_type(word: &str, place: &str) -> Result<RecordType, Refusal> {
    RecordType::named(word).ok_or_else(|| one_of(word, place, RecordType::ALL))
}

fn read(action: Action, element: &Element, place: &str) -> Result<Record, Refusal> {
    let mut known = vec!["Name", "Type", "SetIdentifier", "TTL", "ResourceRecords", "AliasTarget", "HealthCheckId"];
    known.extend(POLICIES);
    known.push("TrafficPolicyInstanceId");
    only(element, &known)?;
    let given = within(&needed(element, "Name")?.text, &format!("{place}.name"), 0..=1024)?;
    let kind = read_type(&needed(element, "Type")?.text, &format!("{place}.type"))?;
    let identifier = element.text_of("SetIdentifier");
    let identifier = identifier.map(|text| within(text, &format!("{place}.setIdentifier"), 1..=128)).transpose()?;
    let told = format!(
        "Change with [Action={}, Name={given}, Type={kind}, SetIdentifier={}]",
        action.word(),
        identifier.unwrap_or("null")
    );
    let refused = |what: &str| invalid(format!("Invalid request: {what} in {told}"));
    let name = DnsName::parse(given).map_err(|why| invalid(format!("Invalid request: {why} in {told}")))?;
    let policies: Vec<&Element> = POLICIES.iter().filter_map(|policy| element.element(policy)).collect();
    let policy = match (policies.as_slice(), identifier) {
        ([], None) => Policy::Simple,
        // What a DELETE leaves out is not held against it.
        ([], Some(_)) if action == Action::Delete => Policy::Simple,
        ([policy], Some(_)) => read_policy(policy, place)?,
        ([_], None) => return Err(refused("Missing field 'SetIdentifier'")),
        (found, _) => {
            let many = if found.is_empty() { "none" } else { "more than one" };
            let names = POLICIES.join(", ").replace(", CidrR", ", or CidrR");
            return Err(refused(&format!("Expected exactly one of [{names}], but found {many}")));
        }
    };
    let content = read_content(element, place, &refused)?;
    if policy == Policy::MultiValue && matches!(content, Content::Alias { .. }) {
        return Err(refused("Field 'AliasTarget' is not allowed beside field 'MultiValueAnswer'"));
    }
    let health_check = element.text_of("HealthCheckId");
    let health_check = health_check.map(|id| within(id, &format!("{place}.healthCheckId"), 0..=64)).transpose()?;
    let (identifier, health_check) = (identifier.map(str::to_owned), health_check.map(str::to_owned));
    Ok(Record { name, kind, identifier, policy, content, health_check })
}

fn read_policy(element: &Element, place: &str) -> Result<Policy, Refusal> {
    let text = element.text.as_str();
    match element.name.as_str() {
        "Weight" => {
            let weight = number(text, &format!("{place}.weight"), 0..=255)?;
            Ok(Policy::Weighted(u32::try_from(weight).unwrap_or_default()))
        }
        "Region" if REGIONS.contains(&text) => Ok(Policy::Latency(text.to_owned())),
        "Region" => Err(one_of(text, &format!("{place}.region"), REGIONS)),
        "Failover" => match text {
            "PRIMARY" => Ok(Policy::Failover(FailoverRole::Primary)),
            "SECONDARY" => Ok(Policy::Failover(FailoverRole::Secondary)),
            other => Err(one_of(other, &format!("{place}.failover"), ["PRIMARY", "SECONDARY"])),
        },
        "MultiValueAnswer" if flag(text)? => Ok(Policy::MultiValue),
        "MultiValueAnswer" => Err(invalid("Invalid request: MultiValueAnswer must be true where it is given")),
        "GeoLocation" => read_geo(element, place).map(Policy::Geo),
        "GeoProximityLocation" => read_proximity(element, place).map(Policy::Proximity),
        _ => Err(invalid("Invalid request: the CIDR collection does not exist")),
    }
}

fn read_geo(element: &Element, place: &str) -> Result<Element, Refusal> {
    let place = format!("{place}.geoLocation");
    only(element, &["ContinentCode", "CountryCode", "SubdivisionCode"])?;
    let continent = element.text_of("ContinentCode");
    let country = element.text_of("CountryCode");
    continent.map(|code| within(code, &format!("{place}.continentCode"), 2..=2)).transpose()?;
    country.map(|code| within(code, &format!("{place}.countryCode"), 1..=2)).transpose()?;
    let subdivision = element.text_of("SubdivisionCode");
    subdivision.map(|code| within(code, &format!("{place}.subdivisionCode"), 1..=3)).transpose()?;
    if continent.is_some() == country.is_some() || (subdivision.is_some() && country.is_none()) {
        return Err(invalid("Invalid request: Expected exactly one of [ContinentCode, or CountryCode] in GeoLocation"));
    }
    Ok(element.clone())
}

fn read_proximity(element: &Element, place: &str) -> Result<Element, Refusal> {
    let place = format!("{place}.geoProximityLocation");
    only(element, &["AWSRegion", "LocalZoneGroup", "Coordinates", "Bias"])?;
    let places = ["AWSRegion", "LocalZoneGroup", "Coordinates"];
    if places.iter().filter(|name| element.element(name).is_some()).count() != 1 {
        let what = format!("Invalid request: Expected exactly one of [{}] in GeoProximityLocation", places.join(", "));
        return Err(invalid(what));
    }
    for name in ["AWSRegion", "LocalZoneGroup"] {
        element.text_of(name).map(|text| within(text, &format!("{place}.{name}"), 1..=64)).transpose()?;
    }
    if let Some(coordinates) = element.element("Coordinates") {
        only(coordinates, &["Latitude", "Longitude"])?;
        for (name, most) in [("Latitude", 90.0), ("Longitude", 180.0)] {
            let text = &needed(coordinates, name)?.text;
            let is_there = text.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= most);
            if !is_there {
                return Err(constraint(
                    text,
                    &format!("{place}.{name}"),
                    &format!("Member must lie within {most} degrees"),
                ));
            }
        }
    }
    element.text_of("Bias").map(|bias| number(bias, &format!("{place}.bias"), -99..=99)).transpose()?;
    Ok(element.clone())
}

fn read_content(element: &Element, place: &str, refused: &dyn Fn(&str) -> Refusal) -> Result<Content, Refusal> {
    let (ttl, values) = (element.text_of("TTL"), element.element("ResourceRecords"));
    let alias = element.element("AliasTarget");
    let traffic = element.text_of("TrafficPolicyInstanceId");
    if traffic.is_some() {
        return Err(refused("Field 'TrafficPolicyInstanceId' is not permitted"));
    }
    let found = match (alias, ttl, values) {
        (Some(alias), None, None) => return read_alias(alias, place),
        (None, Some(ttl), Some(values)) => (ttl, values),
        (alias, ttl, values) => {
            let is_mixed = alias.is_some() && (ttl.is_some() || values.is_some());
            let many = if is_mixed { "more than one" } else { "none" };
            return Err(refused(&format!(
                "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but \
                 found {many}"
            )));
        }
    };
    let ttl = number(found.0, &format!("{place}.tTL"), 0..=2_147_483_647)?;
    let place = format!("{place}.resourceRecords");
    let values = members(found.1, "ResourceRecord", &place, 1..=usize::MAX)?;
    let value = |element: &Element| {
        let value = &needed(only(element, &["Value"])?, "Value")?.text;
        Ok(within(value, &format!("{place}.member.value"), 0..=4000)?.to_owned())
    };
    let values = values.iter().map(value).collect::<Result<Vec<String>, Refusal>>()?;
    Ok(Content::Plain { ttl: u32::try_from(ttl).unwrap_or_default(), values })
}

fn read_alias(element: &Element, place: &str) -> Result<Content, Refusal> {
    only(element, &["HostedZoneId", "DNSName", "EvaluateTargetHealth"])?;
    let zone = &needed(element, "HostedZoneId")?.text;
    let target = &needed(element, "DNSName")?.text;
    let evaluates = flag(&needed(element, "EvaluateTargetHealth")?.text)?;
    let zone = within(bare_id(zone), &format!("{place}.aliasTarget.hostedZoneId"), 0..=32)?;
    let target = within(target, &format!("{place}.aliasTarget.dNSName"), 0..=1024)?;
    let target = DnsName::parse(target).map_err(|why| invalid(format!("Invalid request: {why} in AliasTarget")))?;
    Ok(Content::Alias { zone: zone.to_owned(), target, evaluates })
}
