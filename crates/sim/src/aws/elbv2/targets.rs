//! Targets: `RegisterTargets`, `DeregisterTargets`, `DescribeTargetHealth`; and the instances behind them.

use std::net::IpAddr;

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Elb;
use super::group::{Group, TargetType};
use super::target::{TargetKey, TargetState};

impl Elb {
    /// An instance runs from now on.
    pub(crate) fn run_instance(&mut self, writer: &Writer, id: &str) {
        if self.instances.insert(id.to_owned(), true) == Some(false) {
            self.tell_groups(writer, id, true);
        }
    }

    /// An instance stops.
    pub(crate) fn stop_instance(&mut self, writer: &Writer, id: &str) {
        self.instances.insert(id.to_owned(), false);
        self.tell_groups(writer, id, false);
    }

    /// An instance is terminated: it leaves its groups by itself.
    pub(crate) fn terminate_instance(&mut self, writer: &Writer, id: &str) {
        self.instances.remove(id);
        for group in self.groups.values_mut() {
            let keys: Vec<TargetKey> = group.targets.keys().filter(|key| key.id == id).cloned().collect();
            for key in keys {
                group.deregister(writer.now, &key);
            }
        }
    }

    fn tell_groups(&mut self, writer: &Writer, id: &str, running: bool) {
        for group in self.groups.values_mut() {
            let in_use = self.uses.contains_key(&group.arn);
            group.set_running(writer.now, id, running, in_use);
        }
    }

    /// Registers targets, whose instances must run.
    pub(crate) fn register(&mut self, writer: &Writer, group: &str, keys: Vec<TargetKey>) -> Result<(), Refusal> {
        let in_use = self.is_in_use(group);
        let found = self.group(group)?;
        self.check_targets(found, &keys)?;
        let found = self.group_mut(group)?;
        for key in keys {
            found.register(writer.now, key, in_use);
        }
        Ok(())
    }

    fn check_targets(&self, group: &Group, keys: &[TargetKey]) -> Result<(), Refusal> {
        let is_wrong = |key: &&TargetKey| match group.target_type {
            TargetType::Instance => self.instances.get(&key.id) != Some(&true),
            TargetType::Ip => key.id.parse::<IpAddr>().is_err(),
            TargetType::Lambda => !key.id.starts_with("arn:aws:lambda:"),
        };
        let wrong: Vec<String> = keys.iter().filter(is_wrong).map(|key| format!("'{}'", key.id)).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let message = match group.target_type {
            TargetType::Instance => format!(
                "The following targets are not in a running state and cannot be registered: {}",
                wrong.join(", ")
            ),
            TargetType::Ip => format!("The following targets are not valid IP addresses: {}", wrong.join(", ")),
            TargetType::Lambda => format!("The following targets are not valid Lambda functions: {}", wrong.join(", ")),
        };
        Err(Refusal::new("InvalidTarget", message))
    }

    pub(super) fn register_targets(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("TargetGroupArn")?;
        let group = self.group(arn)?;
        let keys = read_targets(form)?;
        if keys.is_empty() {
            return Err(Refusal::missing("Targets"));
        }
        let keys = keys.into_iter().map(|(id, port)| TargetKey { id, port: port.unwrap_or(group.port) }).collect();
        self.register(writer, arn, keys)?;
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
