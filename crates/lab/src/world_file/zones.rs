//! Hosted zones of Route 53 and the records in them, as a file says them.

use serde::{Deserialize, Deserializer};
use weir_sim::aws::{Aws, RecordEdit, RecordSays, RecordType, Refusal};

use super::refused;

/// A public zone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Its identifier, by which manifests name it; drawn from the seed where nothing is said.
    pub id: Option<String>,
    /// Its records, beside the two that every zone has.
    #[serde(default)]
    pub records: Vec<Record>,
}

/// A record: of a name and type, alone or one of several by weight.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: RecordType,
    /// The identifier and the weight of one of several.
    pub weighted: Option<(String, u32)>,
    /// What it says.
    pub says: Says,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// These values, which may be kept for so many seconds.
    Values(u32, Vec<String>),
    /// The addresses of a balancer, and whether its health counts.
    Balancer(String, bool),
    /// What another name of the zone says, and whether its health counts.
    Alias(String, bool),
}

/// For how many seconds values may be kept where nothing is said.
const TTL: u32 = 300;
/// The greatest weight.
const MOST: u32 = 255;

/// The fields of a record, which exclude or need each other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields {
    name: String,
    #[serde(rename = "type", deserialize_with = "kind")]
    kind: RecordType,
    ttl: Option<u32>,
    values: Option<Vec<String>>,
    balancer: Option<String>,
    alias: Option<String>,
    evaluate_target_health: Option<bool>,
    weight: Option<u32>,
    set_identifier: Option<String>,
}

fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<RecordType, D::Error> {
    let found = String::deserialize(from)?;
    let known = || RecordType::ALL.map(RecordType::word).join(", ");
    let expected = || serde::de::Error::custom(format!("found the type {found}, expected one of {}", known()));
    RecordType::named(&found).ok_or_else(expected)
}

impl TryFrom<Fields> for Record {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let what = format!("the {} record of {}", fields.kind, fields.name);
        let weighted = match (fields.weight, fields.set_identifier) {
            (None, None) => None,
            (Some(weight), Some(identifier)) if weight <= MOST => Some((identifier, weight)),
            (Some(weight), Some(_)) => return Err(format!("{what} has weight {weight}; expected 0 to {MOST}")),
            (Some(_), None) => return Err(format!("{what} has weight alone; give setIdentifier too")),
            (None, Some(_)) => return Err(format!("{what} has setIdentifier alone; give weight too")),
        };
        let evaluates = fields.evaluate_target_health;
        let says = match (fields.values, fields.balancer, fields.alias) {
            (Some(values), None, None) if evaluates.is_none() => Says::Values(fields.ttl.unwrap_or(TTL), values),
            (Some(_), None, None) => {
                return Err(format!(
                    "{what} has evaluateTargetHealth beside values; that is for balancer and alias, so leave it out"
                ));
            }
            (None, Some(_), None) | (None, None, Some(_)) if fields.ttl.is_some() => {
                return Err(format!(
                    "{what} has ttl beside balancer or alias, which have none of their own; leave it out"
                ));
            }
            (None, Some(balancer), None) => Says::Balancer(balancer, evaluates.unwrap_or_default()),
            (None, None, Some(name)) => Says::Alias(name, evaluates.unwrap_or_default()),
            (values, balancer, alias) => {
                let given =
                    [("values", values.is_some()), ("balancer", balancer.is_some()), ("alias", alias.is_some())];
                let given = given.into_iter().filter_map(|(field, is_given)| is_given.then_some(field));
                let found = given.collect::<Vec<_>>().join(" and ");
                let found = if found.is_empty() { "none of them" } else { &found };
                return Err(format!("{what} has {found}; expected exactly one of values, balancer and alias"));
            }
        };
        Ok(Self { name: fields.name, kind: fields.kind, weighted, says })
    }
}

impl Zone {
    /// Makes it with its records. Balancers that these lead to must be there.
    pub(super) fn furnish(&self, aws: &Aws) -> Result<(), String> {
        let made = match &self.id {
            Some(id) => aws.add_zone_with_id(id, &self.name).map(|()| id.clone()),
            None => aws.add_zone(&self.name),
        };
        let id = made.map_err(|refusal| refused(&format!("zone {}", self.name), &refusal))?;
        // All at once, since a record may lead to one below it.
        let edits = self.records.iter().map(|record| {
            let what = || format!("the {} record of {} in zone {}", record.kind, record.name, self.name);
            record.edit(aws).map_err(|refusal| refused(&what(), &refusal))
        });
        let edits = edits.collect::<Result<Vec<RecordEdit>, String>>()?;
        let made = if edits.is_empty() { Ok(()) } else { aws.add_records(&id, &edits) };
        made.map_err(|refusal| refused(&format!("what zone {} has", self.name), &refusal))
    }
}

impl Record {
    fn edit(&self, aws: &Aws) -> Result<RecordEdit, Refusal> {
        let says = match &self.says {
            Says::Values(ttl, values) => RecordSays::Values(*ttl, values.clone()),
            Says::Balancer(name, evaluates) => {
                RecordSays::Balancer { name: aws.balancer_dns(name)?.0, evaluates: *evaluates }
            }
            Says::Alias(name, evaluates) => RecordSays::Other { name: name.clone(), evaluates: *evaluates },
        };
        let alone = RecordEdit::simple(&self.name, self.kind, says);
        Ok(RecordEdit { weighted: self.weighted.clone(), ..alone })
    }
}
