//! What is on record for a route, and what follows from it: where it may write, and what weights.

use std::collections::BTreeMap;

use weir_api::traffic_shift::{Run, RunRoute};
use weir_api::weighted_route::{Before, EnvironmentWeight, Intent, RouteDeletionPolicy};

use crate::Arn;
use crate::backend;
use crate::claim;
use crate::fact::{Action, ActionKind, Forward};
use crate::limits::Limits;
use crate::object::{Cluster, Key, RouteObject, ShiftObject};

use super::Violation;

/// What is stored of a route and of the shift that has it, as they were read last before the write.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// Names this installation of Weir in ownership tags.
    pub owner: &'a str,
    /// The route.
    pub route: &'a RouteObject,
    /// The shift that has it.
    pub shift: Option<&'a ShiftObject>,
}

/// What a healthy share is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// How many targets were healthy on the live side when the change began.
    pub baseline: i32,
    /// How many of them a share needs, in percent of that part of them.
    pub percent: i32,
}

/// Where the traffic may go by the change that is on record.
pub(super) enum Direction<'a> {
    /// To the candidate, from all others.
    Forward { candidate: Arn, measure: Measure },
    /// From the candidate, which was to have the traffic.
    Back { candidate: Option<Arn> },
    /// To whoever has the healthy targets for it.
    Anywhere(Measure),
    /// To what was live before: of the weights `from`, where they are given, none gets more. A side may take as much as its
    /// part of all healthy targets is.
    Return { from: Option<&'a [EnvironmentWeight]>, measure: Measure },
}

impl<'a> Recorded<'a> {
    /// What is on record for a route.
    pub fn of_route(owner: &'a str, cluster: &'a Cluster, key: &Key) -> Option<Self> {
        Some(Self { owner, route: cluster.routes.get(key)?, shift: claim::holder(cluster, key) })
    }

    /// The groups that carry traffic by the weights that are on record.
    pub(super) fn carrying(&self) -> Option<BTreeMap<Arn, u16>> {
        let intent = self.route.status.intent.as_ref()?;
        let carrying = intent.weights.iter().filter(|entry| entry.weight > 0);
        carrying.map(|entry| Some((group(intent, &entry.environment)?, u16::try_from(entry.weight).ok()?))).collect()
    }

    /// The target groups behind a balancer that an environment lends; `None` of a target group.
    pub(super) fn groups_behind(&self, member: &Arn) -> Option<Vec<Arn>> {
        let mut members = backend::on_record(&self.route.status);
        let lent = members.find(|lent| lent.balancer.as_deref() == Some(member.as_str()))?;
        Some(lent.target_groups.iter().map(Arn::new).collect())
    }

    /// What the kind of the route takes.
    pub(super) fn limits(&self) -> Limits {
        Limits::of(&self.route.spec.entry)
    }

    /// The weight of a group in weights of environments.
    pub(super) fn weight(&self, group: &Arn, weights: &[EnvironmentWeight]) -> u64 {
        let members = self.route.status.intent.iter().flat_map(|intent| &intent.members);
        let own = members.filter(|member| member.lent() == Some(group.as_str()));
        let environments = own.map(|member| member.environment.as_str());
        let weight = |environment: &str| weights.iter().find(|entry| entry.environment == environment);
        environments.filter_map(weight).map(|entry| u64::try_from(entry.weight).unwrap_or(0)).sum()
    }

    /// Whether the route is being deleted, and is to put back what was there before Weir.
    pub(super) fn restores(&self) -> bool {
        self.is_leaving() && self.route.spec.deletion_policy == RouteDeletionPolicy::Restore
    }

    fn before(&self) -> Option<&'a Before> {
        self.route.status.listener_rule.before.as_ref().filter(|_| self.restores())
    }

    /// The groups of the forward that is to be put back.
    pub(super) fn restored(&self) -> Option<BTreeMap<Arn, u16>> {
        let groups = &self.before()?.forward.as_ref()?.groups;
        groups.iter().map(|group| Some((Arn::new(&group.arn), u16::try_from(group.weight).ok()?))).collect()
    }

    /// Whether an action is the fixed response that is to be put back.
    pub(super) fn restores_response(&self, action: &Action) -> bool {
        let response = self.before().and_then(|before| before.fixed_response.as_ref());
        matches!((&action.kind, response), (ActionKind::Kept { kind, settings }, Some(response))
            if kind == "fixed-response" && settings == response)
    }

    /// Whether the route is being deleted.
    pub(super) fn is_leaving(&self) -> bool {
        self.route.deleted.is_some()
    }

    /// Whether the intent on record is that of a run on its way back.
    pub(super) fn goes_back(&self) -> bool {
        self.run().is_some_and(|(_, run, _)| run.rollback.is_some())
    }

    /// The change that the intent on record belongs to. `gains` tells whether a group would gain by the write.
    pub(super) fn direction(&self, gains: impl Fn(&Arn) -> bool) -> Result<Direction<'a>, Violation> {
        let nobody = |written: &str| unrecorded(written.to_owned(), "nobody who wants that".to_owned());
        let intent = self.route.status.intent.as_ref().ok_or_else(|| nobody("weights"))?;
        let run = self.run();
        let candidate = run.and_then(|(_, run, _)| group(intent, &run.to));
        if self.goes_back() && !candidate.as_ref().is_some_and(&gains) {
            return Ok(Direction::Back { candidate });
        }
        let own = self.route.spec.capacity.min_healthy_percent;
        let measure = Measure { baseline: intent.baseline.unwrap_or(0), percent: own };
        if let Some(correction) = &intent.correction {
            let was_live = correction.was_live_at.is_some();
            return Ok(if was_live { Direction::Return { from: None, measure } } else { Direction::Anywhere(measure) });
        }
        if let Some(follow) = &intent.follow {
            let chosen = self.route.spec.weights.as_ref().ok_or_else(|| nobody("weights of a spec that has none"))?;
            let is_goal = follow.goal.len() == chosen.len()
                && follow.goal.iter().all(|entry| chosen.get(&entry.environment) == Some(&entry.weight));
            if !is_goal {
                return Err(nobody("a step to other weights than those of the spec"));
            }
            return Ok(Direction::Return { from: Some(&follow.from), measure });
        }
        let (shift, run, part) = run.ok_or_else(|| nobody("the weights of a run that is not under way"))?;
        let measure = Measure { baseline: part.baseline, percent: shift.spec.capacity.min_healthy_percent };
        if run.reasserted_seq == Some(run.seq) && run.rollback.is_none() {
            return Ok(Direction::Anywhere(measure));
        }
        match candidate {
            Some(candidate) if run.rollback.is_some() => Err(Violation::Direction { group: candidate }),
            Some(candidate) => Ok(Direction::Forward { candidate, measure }),
            None => Err(nobody("weights without a candidate")),
        }
    }

    /// The run whose change the intent on record is, while it is under way.
    fn run(&self) -> Option<(&'a ShiftObject, &'a Run, &'a RunRoute)> {
        let intent = self.route.status.intent.as_ref()?;
        let shift = self.shift.filter(|shift| shift.uid == intent.uid)?;
        let run = shift.status.run.as_ref().filter(|run| run.ended_at.is_none())?;
        let is_it = (run.id, run.seq) == (intent.run, intent.seq) && self.route.spec.weights.is_none();
        let part = run.routes.iter().find(|part| part.name == self.route.key.name)?;
        is_it.then_some((shift, run, part))
    }
}

/// The group of an environment that is on record for an intent.
fn group(intent: &Intent, environment: &str) -> Option<Arn> {
    let member = intent.members.iter().find(|member| member.environment == environment)?;
    Some(Arn::new(member.lent()?))
}

/// The weights of groups in words.
pub(super) fn words(groups: &BTreeMap<Arn, u16>) -> String {
    let words: Vec<String> = groups.iter().map(|(group, weight)| format!("{} {weight}", group.group_name())).collect();
    if words.is_empty() { "no weights".to_owned() } else { words.join(", ") }
}

/// The groups of a forward that carry traffic.
pub(super) fn carrying(forward: &Forward) -> BTreeMap<Arn, u16> {
    let carrying = forward.groups.iter().filter(|(_, weight)| **weight > 0);
    carrying.map(|(group, weight)| (group.clone(), *weight)).collect()
}

/// Whether what is written to is what is on record.
pub(super) fn is_at(what: &str, written: &Arn, recorded: Option<&String>) -> Result<(), Violation> {
    if recorded.is_some_and(|recorded| recorded == written.as_str()) {
        return Ok(());
    }
    let recorded = recorded.map_or("none", String::as_str);
    Err(unrecorded(format!("something on {written}"), format!("the {what} {recorded}")))
}

pub(super) fn unrecorded(written: String, recorded: String) -> Violation {
    Violation::Unrecorded { written, recorded }
}
