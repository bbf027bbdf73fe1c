//! Instances are looked at: `DescribeInstances`, `DescribeInstanceStatus`.

use jiff::Timestamp;

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Ec2;
use super::fields::{flag, texts};
use super::filter::{Field, Filters};
use super::instance::Instance;
use super::page::{describe, page};
use super::tags::tag_set;

/// A terminated instance is in no network.
fn while_there(instance: &Instance, now: Timestamp, text: &str) -> Vec<String> {
    if instance.is_terminated(now) { Vec::new() } else { vec![text.to_owned()] }
}

const FIELDS: &[Field<Instance>] = &[
    (&["instance-id"], |_, instance, _| vec![instance.id.clone()]),
    (&["instance-state-name"], |_, instance, now| vec![instance.state(now).word().to_owned()]),
    (&["instance-state-code"], |_, instance, now| vec![instance.state(now).code().to_string()]),
    (&["vpc-id", "network-interface.vpc-id"], |_, instance, now| while_there(instance, now, &instance.vpc)),
    (&["subnet-id", "network-interface.subnet-id"], |_, instance, now| while_there(instance, now, &instance.subnet)),
    (&["availability-zone"], |_, instance, _| vec![instance.zone.clone()]),
    (&["image-id"], |_, instance, _| vec![instance.launch.wish.image.clone()]),
    (&["instance-type"], |_, instance, _| vec![instance.launch.wish.kind.clone()]),
    (&["private-ip-address"], |_, instance, now| {
        instance.address.into_iter().flat_map(|address| while_there(instance, now, &address.to_string())).collect()
    }),
    (&["reservation-id"], |_, instance, _| vec![instance.launch.reservation.clone()]),
    (&["client-token"], |_, instance, _| instance.launch.token.iter().cloned().collect()),
    (&["owner-id"], |ec2, _, _| vec![ec2.account.clone()]),
    (&["instance.group-id", "group-id", "network-interface.group-id"], |_, instance, _| instance.groups.clone()),
    (&["instance.group-name", "group-name"], |ec2, instance, _| {
        let groups = instance.groups.iter().filter_map(|id| ec2.groups.get(id));
        groups.map(|group| group.name.clone()).collect()
    }),
];

const STATUS_FIELDS: &[Field<Instance>] = &[
    (&["availability-zone"], |_, instance, _| vec![instance.zone.clone()]),
    (&["instance-state-name"], |_, instance, now| vec![instance.state(now).word().to_owned()]),
    (&["instance-state-code"], |_, instance, now| vec![instance.state(now).code().to_string()]),
    (&["instance-status.status", "system-status.status"], |_, instance, now| vec![instance.status(now).to_owned()]),
];

impl Ec2 {
    /// The instances that a request asks about by identifiers and filters, by their keys.
    fn found<'a>(
        &'a self,
        form: &'a Form,
        now: Timestamp,
        (fields, has_tags): (&'static [Field<Instance>], bool),
    ) -> Result<Vec<(String, &'a Instance)>, Refusal> {
        let ids = texts(form, "InstanceId");
        for id in &ids {
            self.instance(id, now)?;
        }
        let filters = Filters::read(form, fields, has_tags)?;
        let is_meant = |instance: &&Instance| {
            instance.is_told(now)
                && (ids.is_empty() || ids.contains(instance.id.as_str()))
                && filters.let_through(self, instance, self.tags.get(&instance.id), now)
        };
        let mut found: Vec<(String, &Instance)> =
            self.instances.values().filter(is_meant).map(|instance| (instance.key(), instance)).collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(found)
    }

    pub(super) fn describe_instances(&self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let found = self.found(form, writer.now, (FIELDS, true))?;
        let page = page(form, "InstanceId", found)?;
        let reservations =
            page.items.chunk_by(|one, next| one.launch.reservation == next.launch.reservation).map(|together| {
                let reservation = together.first().map_or("", |first| first.launch.reservation.as_str());
                self.reservation(reservation, together.iter().copied(), writer.now)
            });
        let list = Xml::items("reservationSet", reservations);
        Ok(std::iter::once(list).chain(page.next.map(|next| Xml::text("nextToken", next))).collect())
    }

    /// All instances that were made together.
    pub(super) fn describe_reservation(&self, reservation: &str, now: Timestamp) -> Vec<Xml> {
        let mut together: Vec<&Instance> =
            self.instances.values().filter(|instance| instance.launch.reservation == reservation).collect();
        together.sort_by_key(|instance| instance.index);
        self.reservation(reservation, together.into_iter(), now)
    }

    fn reservation<'a>(
        &self,
        reservation: &str,
        together: impl Iterator<Item = &'a Instance>,
        now: Timestamp,
    ) -> Vec<Xml> {
        let instance = |instance: &Instance| {
            let groups = instance.groups.iter().filter_map(|id| self.groups.get(id));
            let mut elements = instance.describe(now);
            elements.push(Xml::items("groupSet", groups.map(super::SecurityGroup::identifier)));
            elements.push(tag_set(self.tags.get(&instance.id)));
            elements
        };
        vec![
            Xml::text("reservationId", reservation),
            Xml::text("ownerId", &self.account),
            Xml::of("groupSet", Vec::new()),
            Xml::items("instancesSet", together.map(instance)),
        ]
    }

    pub(super) fn describe_instance_status(&self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let now = writer.now;
        let all = flag(form, "IncludeAllInstances")?;
        let mut found = self.found(form, now, (STATUS_FIELDS, false))?;
        found.retain(|(_, instance)| all || instance.is_running(now));
        let describe_status = |instance: &Instance| {
            let status = || {
                let mut elements = vec![Xml::text("status", instance.status(now))];
                let detail = match instance.status(now) {
                    "ok" => Some("passed"),
                    "initializing" => Some("initializing"),
                    _ => None,
                };
                let detail = detail.map(|detail| vec![Xml::text("name", "reachability"), Xml::text("status", detail)]);
                elements.extend(detail.map(|detail| Xml::items("details", [detail])));
                elements
            };
            vec![
                Xml::text("instanceId", &instance.id),
                Xml::text("availabilityZone", &instance.zone),
                instance.state(now).xml("instanceState"),
                Xml::of("systemStatus", status()),
                Xml::of("instanceStatus", status()),
            ]
        };
        Ok(describe(page(form, "InstanceId", found)?, "instanceStatusSet", describe_status))
    }
}
