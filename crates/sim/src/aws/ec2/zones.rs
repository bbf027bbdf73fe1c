//! Availability Zones: `DescribeAvailabilityZones`.

use std::collections::BTreeSet;

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Ec2;
use super::fields::texts;
use super::filter::{Field, Filters};

/// A zone.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) id: String,
}

/// The three zones of a region.
pub(super) fn of(region: &str) -> [Zone; 3] {
    let short = short(region);
    let zone = |(letter, number)| Zone { name: format!("{region}{letter}"), id: format!("{short}-az{number}") };
    [('a', 1), ('b', 2), ('c', 3)].map(zone)
}

/// A region as identifiers of zones have it: `eu-west-1` is `euw1`, `ap-southeast-2` is `apse2`.
fn short(region: &str) -> String {
    let part = |(position, part): (usize, &str)| match part {
        "northeast" => "ne".to_owned(),
        "northwest" => "nw".to_owned(),
        "southeast" => "se".to_owned(),
        "southwest" => "sw".to_owned(),
        part if position == 0 => part.to_owned(),
        part => part.chars().take(1).collect(),
    };
    region.split('-').enumerate().map(part).collect()
}

const FIELDS: &[Field<Zone>] = &[
    (&["zone-name"], |_, zone, _| vec![zone.name.clone()]),
    (&["zone-id"], |_, zone, _| vec![zone.id.clone()]),
    (&["region-name"], |ec2, _, _| vec![ec2.region.clone()]),
    (&["group-name"], |ec2, _, _| vec![ec2.region.clone()]),
    (&["state"], |_, _, _| vec!["available".to_owned()]),
    (&["zone-type"], |_, _, _| vec!["availability-zone".to_owned()]),
    (&["opt-in-status"], |_, _, _| vec!["opt-in-not-required".to_owned()]),
];

impl Ec2 {
    pub(super) fn describe_availability_zones(&self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let (names, ids) = (texts(form, "ZoneName"), texts(form, "ZoneId"));
        self.check_zones(&names, |zone| &zone.name)?;
        self.check_zones(&ids, |zone| &zone.id)?;
        let filters = Filters::read(form, FIELDS, false)?;
        let is_meant = |zone: &&Zone| {
            (names.is_empty() || names.contains(zone.name.as_str()))
                && (ids.is_empty() || ids.contains(zone.id.as_str()))
                && filters.let_through(self, zone, None, writer.now)
        };
        let describe = |zone: &Zone| {
            vec![
                Xml::text("zoneName", &zone.name),
                Xml::text("zoneState", "available"),
                Xml::text("regionName", &self.region),
                Xml::of("messageSet", Vec::new()),
                Xml::text("zoneId", &zone.id),
                Xml::text("groupName", &self.region),
                Xml::text("networkBorderGroup", &self.region),
                Xml::text("optInStatus", "opt-in-not-required"),
                Xml::text("zoneType", "availability-zone"),
            ]
        };
        Ok(vec![Xml::items("availabilityZoneInfo", self.zones.iter().filter(is_meant).map(describe))])
    }

    fn check_zones(&self, asked: &BTreeSet<&str>, called: fn(&Zone) -> &String) -> Result<(), Refusal> {
        let is_unknown = |name: &&&str| !self.zones.iter().any(|zone| called(zone) == **name);
        match asked.iter().find(is_unknown) {
            None => Ok(()),
            Some(name) => Err(Refusal::new("InvalidParameterValue", format!("Invalid availability zone: [{name}]"))),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn identifiers_of_zones_shorten_the_region() {
        for (region, id) in [
            ("eu-west-1", "euw1-az1"),
            ("us-east-1", "use1-az1"),
            ("ap-southeast-2", "apse2-az1"),
            ("us-gov-west-1", "usgw1-az1"),
        ] {
            assert_eq!(super::of(region)[0].id, id);
        }
    }
}
