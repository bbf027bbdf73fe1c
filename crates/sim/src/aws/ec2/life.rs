//! Instances are started, stopped and terminated: `StartInstances`, `StopInstances`, `TerminateInstances`, and by hand.
//!
//! The targets that an instance stands behind follow: they are stopped as soon as it is told to stop, come back when it runs
//! again, and leave their groups when it is told to end.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::effect::Writer;
use super::super::elbv2::Elb;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Ec2;
use super::fields::required_texts;
use super::instance::{Instance, State};

/// Terminated instances that are still told of. AWS tells of all for an hour; the bound is ours, so that there cannot be ever
/// more of them.
const MOST_TERMINATED: usize = 1_000;

impl Ec2 {
    /// The instance of this identifier, as long as AWS tells of it.
    pub(in crate::aws) fn instance(&self, id: &str, now: Timestamp) -> Result<&Instance, Refusal> {
        if let Some(instance) = self.instances.get(id).filter(|instance| instance.is_told(now)) {
            return Ok(instance);
        }
        if !id.strip_prefix("i-").is_some_and(is_hexadecimal) {
            return Err(Refusal::new("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\"")));
        }
        Err(Refusal::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist")))
    }

    /// Forgets instances of which nothing is told any more, with their tags.
    pub(super) fn forget_instances(&mut self, now: Timestamp) {
        let ended = |instance: &Instance| Some((instance.terminated(now)?, instance.id.clone()));
        let ended: BTreeSet<(Timestamp, String)> = self.instances.values().filter_map(ended).collect();
        let beyond = ended.len().saturating_sub(MOST_TERMINATED);
        for (position, (_, id)) in ended.into_iter().enumerate() {
            if position < beyond || self.instances.get(&id).is_some_and(|instance| !instance.is_told(now)) {
                self.instances.remove(&id);
                self.tags.remove(&id);
            }
        }
    }

    /// An instance runs from now on, new or stopped.
    pub(in crate::aws) fn run_by_hand(&mut self, writer: &Writer, id: &str, elb: &mut Elb) {
        match self.instances.get_mut(id) {
            Some(instance) if !matches!(instance.state(writer.now), State::ShuttingDown | State::Terminated) => {
                if !instance.is_running(writer.now) {
                    instance.states.set(writer.now, State::Running);
                }
            }
            _ => self.make_by_hand(writer.now, id),
        }
        elb.instance_runs(writer.now, id);
    }

    /// An instance is stopped from now on.
    pub(in crate::aws) fn stop_by_hand(&mut self, writer: &Writer, id: &str, elb: &mut Elb) {
        self.set_by_hand(writer.now, id, State::Stopped);
        elb.instance_stops(writer.now, id);
    }

    /// An instance is terminated from now on.
    pub(in crate::aws) fn end_by_hand(&mut self, writer: &Writer, id: &str, elb: &mut Elb) {
        self.set_by_hand(writer.now, id, State::Terminated);
        elb.instance_ends(writer.now, id);
        self.forget_instances(writer.now);
    }

    fn set_by_hand(&mut self, now: Timestamp, id: &str, state: State) {
        if let Some(instance) = self.instances.get_mut(id).filter(|instance| !instance.is_terminated(now)) {
            instance.states.set(now, state);
        }
    }

    /// The instances that a request is about, of which none may be in one of these states.
    fn read_instances(&self, form: &Form, now: Timestamp, wrong: (&[State], &str)) -> Result<Vec<String>, Refusal> {
        let ids = required_texts(form, "InstanceId")?;
        for id in &ids {
            if wrong.0.contains(&self.instance(id, now)?.state(now)) {
                let message = format!("The instance '{id}' is not in a state from which it can be {}.", wrong.1);
                return Err(Refusal::new("IncorrectInstanceState", message));
            }
        }
        Ok(ids.into_iter().map(str::to_owned).collect())
    }

    /// Changes instances that are in one of these states, and answers how all stood before and stand now.
    fn change(
        &mut self,
        ids: Vec<String>,
        now: Timestamp,
        from: &[State],
        mut change: impl FnMut(&mut Instance),
    ) -> Vec<Xml> {
        let mut changes = Vec::new();
        for id in ids {
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            let before = instance.state(now);
            if from.contains(&before) {
                change(instance);
            }
            let after = instance.state(now);
            changes.push(vec![Xml::text("instanceId", id), after.xml("currentState"), before.xml("previousState")]);
        }
        vec![Xml::items("instancesSet", changes)]
    }

    pub(super) fn start_instances(&mut self, form: &Form, writer: &Writer, elb: &mut Elb) -> Result<Vec<Xml>, Refusal> {
        let wrong = [State::Stopping, State::ShuttingDown, State::Terminated];
        let ids = self.read_instances(form, writer.now, (&wrong, "started"))?;
        Ok(self.change(ids, writer.now, &[State::Stopped], |instance| {
            let at = instance.start(writer.now);
            elb.instance_runs(at, &instance.id);
        }))
    }

    pub(super) fn stop_instances(&mut self, form: &Form, writer: &Writer, elb: &mut Elb) -> Result<Vec<Xml>, Refusal> {
        let wrong = [State::Pending, State::ShuttingDown, State::Terminated];
        let ids = self.read_instances(form, writer.now, (&wrong, "stopped"))?;
        Ok(self.change(ids, writer.now, &[State::Running], |instance| {
            instance.stop(writer.now);
            elb.instance_stops(writer.now, &instance.id);
        }))
    }

    pub(super) fn terminate_instances(
        &mut self,
        form: &Form,
        writer: &Writer,
        elb: &mut Elb,
    ) -> Result<Vec<Xml>, Refusal> {
        let ids = self.read_instances(form, writer.now, (&[], "terminated"))?;
        let from = [State::Pending, State::Running, State::Stopping, State::Stopped];
        Ok(self.change(ids, writer.now, &from, |instance| {
            instance.end(writer.now);
            elb.instance_ends(writer.now, &instance.id);
        }))
    }
}

/// Whether a text is what identifiers of AWS have behind their first hyphen: eight or seventeen hexadecimal digits.
pub(super) fn is_hexadecimal(text: &str) -> bool {
    matches!(text.len(), 8 | 17) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
