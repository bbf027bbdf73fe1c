//! Targets: `RegisterTargets`, `DeregisterTargets`, `DescribeTargetHealth`; and the instances behind them.

use std::net::IpAddr;

use jiff::Timestamp;

use super::super::ec2::Ec2;
use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Elb;
use super::group::{Group, TargetType};
use super::target::{TargetKey, TargetState};

impl Elb {
    /// An instance runs again from an instant on that may lie ahead.
    pub(in crate::aws) fn instance_runs(&mut self, at: Timestamp, id: &str) {
        self.tell_groups(at, id, true);
    }

    /// An instance stops.
    pub(in crate::aws) fn instance_stops(&mut self, now: Timestamp, id: &str) {
        self.tell_groups(now, id, false);
    }

    /// An instance ends: it leaves its groups by itself.
    pub(in crate::aws) fn instance_ends(&mut self, now: Timestamp, id: &str) {
        for group in self.groups.values_mut() {
            let keys: Vec<TargetKey> = group.targets.keys().filter(|key| key.id == id).cloned().collect();
            for key in keys {
                group.deregister(now, &key);
            }
        }
    }

    fn tell_groups(&mut self, at: Timestamp, id: &str, running: bool) {
        for group in self.groups.values_mut() {
            let in_use = self.uses.contains_key(&group.arn);
            group.set_running(at, id, running, in_use);
        }
    }

    /// Registers targets, whose instances must run in the network of the group.
    pub(crate) fn register(
        &mut self,
        writer: &Writer,
        group: &str,
        keys: Vec<TargetKey>,
        ec2: &Ec2,
    ) -> Result<(), Refusal> {
        let in_use = self.is_in_use(group);
        check_targets(self.group(group)?, &keys, ec2, writer.now)?;
        let found = self.group_mut(group)?;
        for key in keys {
            found.register(writer.now, key, in_use);
        }
        Ok(())
    }

    pub(super) fn register_targets(&mut self, form: &Form, writer: &Writer, ec2: &Ec2) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("TargetGroupArn")?;
        let group = self.group(arn)?;
        let keys = read_targets(form)?;
        if keys.is_empty() {
            return Err(Refusal::missing("Targets"));
        }
        let keys = keys.into_iter().map(|(id, port)| TargetKey { id, port: port.unwrap_or(group.port) }).collect();
        self.register(writer, arn, keys, ec2)?;
        Ok(Vec::new())
    }

    pub(super) fn deregister_targets(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("TargetGroupArn")?;
        let default = self.group(arn)?.port;
        let asked = read_targets(form)?;
        if asked.is_empty() {
            return Err(Refusal::missing("Targets"));
        }
        let group = self.group_mut(arn)?;
        for (id, port) in asked {
            // Without a port, the registration on the port of the group is meant; where there is none, nothing happens.
            group.deregister(writer.now, &TargetKey { id, port: port.unwrap_or(default) });
        }
        Ok(Vec::new())
    }

    pub(super) fn describe_target_health(&self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let group = self.group(form.required("TargetGroupArn")?)?;
        let asked = read_targets(form)?;
        let states: Vec<(TargetKey, TargetState)> = if asked.is_empty() {
            group.states(writer.now).map(|(key, state)| (key.clone(), state)).collect()
        } else {
            let state = |(id, port): (String, Option<u16>)| {
                let key = TargetKey { id, port: port.unwrap_or(group.port) };
                let state = group.targets.get(&key).map_or(TargetState::Gone, |target| target.state(writer.now));
                (key, state)
            };
            asked.into_iter().map(state).collect()
        };
        let is_shifted =
            |key: &TargetKey| group.targets.get(key).is_some_and(|target| target.is_shifted_away(writer.now));
        let describe = |(key, state): (TargetKey, TargetState)| {
            describe_health(&key, group.check_request.port_of(key.port), state, is_shifted(&key))
        };
        Ok(vec![Xml::list("TargetHealthDescriptions", states.into_iter().map(describe))])
    }
}

/// Refuses targets that a group cannot have.
fn check_targets(group: &Group, keys: &[TargetKey], ec2: &Ec2, now: Timestamp) -> Result<(), Refusal> {
    let refuse = |is_wrong: &dyn Fn(&TargetKey) -> bool, why: &str| {
        let wrong: Vec<String> = keys.iter().filter(|key| is_wrong(key)).map(|key| format!("'{}'", key.id)).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let message = format!("The following targets are not {why}: {}", wrong.join(", "));
        Err(Refusal::new("InvalidTarget", message))
    };
    match group.target_type {
        TargetType::Instance => {
            let is_running = |key: &TargetKey| ec2.instance(&key.id, now).is_ok_and(|found| found.is_running(now));
            refuse(&|key| !is_running(key), "in a running state and cannot be registered")?;
            let is_elsewhere = |key: &TargetKey| ec2.instance(&key.id, now).is_ok_and(|found| found.vpc != group.vpc);
            refuse(&is_elsewhere, &format!("in the target group VPC '{}'", group.vpc))
        }
        TargetType::Ip => refuse(&|key| key.id.parse::<IpAddr>().is_err(), "valid IP addresses"),
        TargetType::Lambda => refuse(&|key| !key.id.starts_with("arn:aws:lambda:"), "valid Lambda functions"),
    }
}

fn read_targets(form: &Form) -> Result<Vec<(String, Option<u16>)>, Refusal> {
    let read = |target: &Form| {
        let port = target.number_within("Port", 1, u32::from(u16::MAX))?.and_then(|port| u16::try_from(port).ok());
        Ok((target.required("Id")?.to_owned(), port))
    };
    form.list("Targets").into_iter().map(read).collect()
}

fn describe_health(key: &TargetKey, check_port: u16, state: TargetState, is_shifted: bool) -> Vec<Xml> {
    let mut health = vec![Xml::text("State", state.word())];
    health.extend(state.reason().map(|reason| Xml::text("Reason", reason)));
    health.extend(state.description().map(|description| Xml::text("Description", description)));
    let mut target = vec![Xml::text("Id", &key.id)];
    let mut elements = Vec::new();
    // A function listens on no port.
    if key.port != 0 {
        target.push(Xml::text("Port", key.port));
        elements.push(Xml::text("HealthCheckPort", check_port));
    }
    elements.insert(0, Xml::of("Target", target));
    elements.push(Xml::of("TargetHealth", health));
    if is_shifted {
        let shift = vec![
            Xml::text("State", "zonal_shift_active"),
            Xml::text("Reason", "AdministrativeOverride.ZonalShiftActive"),
            Xml::text("Description", "Zonal shift is currently active"),
        ];
        elements.push(Xml::of("AdministrativeOverride", shift));
    }
    elements
}
