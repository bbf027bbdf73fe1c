//! The guard: judges each write by the state it would meet, independently of the decision that wants it.
//!
//! A [`Permit`] can be made here only, and the writes of AWS accept nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};

use crate::Arn;
use crate::access::Access;
use crate::fact::{Action, ActionKind, AwsError, Finding, Forward, Health, Query, Rule, RulePriority, Tags};
use crate::sight::Facts;
use crate::step::{BEFORE_TAG, Movement, Needs, OWNER_TAG, Proposal, ROUTE_TAG, Step, TAG_PREFIX, Warrant};

/// The most groups that ELBv2 takes in one forward action.
pub const MAX_GROUPS: usize = 5;
/// The highest weight that ELBv2 takes.
pub const MAX_WEIGHT: u16 = 999;
/// The longest group stickiness that ELBv2 takes, in seconds: seven days.
pub const MAX_STICKY_SECONDS: i32 = 604_800;
/// How old, at the start of the tick, a reading may be on which a write is founded.
const EVIDENCE_AGE: SignedDuration = SignedDuration::from_secs(10);

/// The right to carry out one step.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permit {
    step: Step,
    access: Access,
}

impl Permit {
    /// The step that it is for.
    pub fn step(&self) -> &Step {
        &self.step
    }

    /// The access by which it is written.
    pub fn access(&self) -> &Access {
        &self.access
    }
}

/// Why a step was not let through: an invariant would have been broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Violation {
    /// Invariant 1.
    #[error("all weights of the action would be zero, so that no request would be answered")]
    AllZero,
    /// Invariant 5.
    #[error("the action would have {0}")]
    OutOfRange(String),
    /// Invariant 8.
    #[error("{resource} does not carry the mark of this route: {found}")]
    NotOurs {
        /// The rule or listener.
        resource: Arn,
        /// What its tags say.
        found: String,
    },
    /// Invariant 2.
    #[error("the share of {group} would rise, but {found} where {needed} healthy targets are needed")]
    Capacity {
        /// The group.
        group: Arn,
        /// What is known of its health.
        found: String,
        /// How many are needed.
        needed: u64,
    },
    /// Invariant 5.
    #[error("the share of {group} would rise, against the direction of the run")]
    Direction {
        /// The group.
        group: Arn,
    },
    /// Settings of others must survive.
    #[error("the write would change actions that are not the forward: {0}")]
    OtherActions(String),
    /// Only a route that is being deleted gives something up, and only what is its own.
    #[error("{resource} would be given up: {why}")]
    GivenUp {
        /// The rule or listener.
        resource: Arn,
        /// Why that must not be.
        why: String,
    },
    /// What was there before Weir is remembered once.
    #[error("{resource} remembers already what was there before Weir, and would forget it")]
    Forgotten {
        /// The rule or listener.
        resource: Arn,
    },
    /// Another account's resources are not this access's.
    #[error("{resource} would be written by {access}, which is for another account or region, or with {beside}")]
    Elsewhere {
        /// What would be written, or sent traffic.
        resource: Arn,
        /// The access.
        access: Access,
        /// What is written.
        beside: Arn,
    },
    /// A write needs evidence.
    #[error("{0} was not read within ten seconds before the tick")]
    Stale(String),
}

/// Judges a proposal by the facts, in a tick that began at one instant, at another. What was read later than that was read
/// by a clock that has been set back since, and nobody knows how old it is.
pub fn guard((began, now): (Timestamp, Timestamp), proposal: &Proposal, facts: &Facts) -> Result<Permit, Violation> {
    let Proposal { step, warrant } = proposal;
    in_one_place(step, &warrant.access)?;
    let scene = Scene { fresh: began - EVIDENCE_AGE..=now, facts, warrant };
    match step {
        Step::CreateRule { listener, priority, forward, tags, .. } => {
            if !marks(warrant).iter().all(|(key, value)| tags.get(*key) == Some(value)) {
                return Err(not_ours(listener, "the new rule would be without it"));
            }
            let rules = scene.rules(listener)?;
            if rules.iter().any(|rule| rule.priority == RulePriority::At(*priority)) {
                return Err(not_ours(listener, "another rule has the priority already"));
            }
            in_range(forward)?;
            scene.movement(&Forward::default(), forward)?;
        }
        Step::SetRuleActions { listener, rule, actions } => {
            let live = scene.rules(listener)?.iter().find(|live| live.arn == *rule);
            let live = live.ok_or_else(|| not_ours(rule, "the rule is gone"))?;
            scene.ours(rule)?;
            scene.actions(&live.actions, actions)?;
        }
        Step::SetDefaultActions { listener, actions } => {
            let live = scene.rules(listener)?.iter().find(|live| live.priority == RulePriority::Default);
            let live = live.ok_or_else(|| not_ours(listener, "the listener is gone"))?;
            scene.ours(listener)?;
            scene.actions(&live.actions, actions)?;
        }
        Step::AddTags { resource, tags } => {
            let found = scene.tags(resource)?;
            let may_mark = is_marked(found, warrant) || (warrant.adopt && may_adopt(found, warrant));
            if !may_mark {
                return Err(not_ours(resource, &describe(found)));
            }
            if marks(warrant).iter().any(|(key, value)| tags.get(*key).is_some_and(|tag| tag != value)) {
                return Err(not_ours(resource, "the mark written would be another's"));
            }
            let forgets = |memory: &String| tags.get(BEFORE_TAG).is_some_and(|written| written != memory);
            if found.get(OWNER_TAG) == Some(&warrant.owner) && found.get(BEFORE_TAG).is_some_and(forgets) {
                return Err(Violation::Forgotten { resource: resource.clone() });
            }
        }
        Step::RemoveTags { resource, keys } => scene.gives_up_marks(resource, keys)?,
        Step::DeleteRule { listener, rule } => scene.gives_up_rule(listener, rule)?,
    }
    Ok(Permit { step: step.clone(), access: warrant.access.clone() })
}

/// The tags that mark a resource as a route's.
pub fn marks(warrant: &Warrant) -> BTreeMap<&'static str, String> {
    BTreeMap::from([(OWNER_TAG, warrant.owner.clone()), (ROUTE_TAG, warrant.route.to_string())])
}

fn is_marked(tags: &Tags, warrant: &Warrant) -> bool {
    marks(warrant).iter().all(|(key, value)| tags.get(*key) == Some(value))
}

/// What another installation has marked is never taken over.
fn may_adopt(tags: &Tags, warrant: &Warrant) -> bool {
    tags.get(OWNER_TAG).is_none_or(|owner| *owner == warrant.owner)
}

fn describe(tags: &Tags) -> String {
    match (tags.get(OWNER_TAG), tags.get(ROUTE_TAG)) {
        (None, None) => "it carries no mark of Weir".to_owned(),
        (owner, route) => format!(
            "it is marked for the owner {:?} and the route {:?}",
            owner.map_or("", String::as_str),
            route.map_or("", String::as_str)
        ),
    }
}

fn given_up(resource: &Arn, why: String) -> Violation {
    Violation::GivenUp { resource: resource.clone(), why }
}

fn not_ours(resource: &Arn, found: &str) -> Violation {
    Violation::NotOurs { resource: resource.clone(), found: found.to_owned() }
}

fn in_range(forward: &Forward) -> Result<(), Violation> {
    if forward.groups.values().all(|weight| *weight == 0) {
        return Err(Violation::AllZero);
    }
    if forward.groups.len() > MAX_GROUPS {
        return Err(Violation::OutOfRange(format!("{} target groups; ELBv2 takes {MAX_GROUPS}", forward.groups.len())));
    }
    if let Some(weight) = forward.groups.values().find(|weight| **weight > MAX_WEIGHT) {
        return Err(Violation::OutOfRange(format!("the weight {weight}; ELBv2 takes at most {MAX_WEIGHT}")));
    }
    if let Some(seconds) = forward.sticky_seconds.filter(|seconds| !(1..=MAX_STICKY_SECONDS).contains(seconds)) {
        return Err(Violation::OutOfRange(format!(
            "a stickiness of {seconds} s; ELBv2 takes 1 to {MAX_STICKY_SECONDS}"
        )));
    }
    Ok(())
}

/// A listener and all that it sends traffic to are in the one account and region that the access is for.
fn in_one_place(step: &Step, access: &Access) -> Result<(), Violation> {
    let place = step.resource();
    let groups = step.forward().into_iter().flat_map(|forward| forward.groups.keys());
    let apart = |other: &Arn| match (place.account().zip(place.region()), other.account().zip(other.region())) {
        (Some(here), Some(there)) => here != there,
        _ => false,
    };
    let strays = |resource: &&Arn| !access.reaches(resource) || apart(resource);
    match std::iter::once(place).chain(groups).find(strays) {
        None => Ok(()),
        Some(resource) => {
            Err(Violation::Elsewhere { resource: resource.clone(), access: access.clone(), beside: place.clone() })
        }
    }
}

/// What a write would meet.
struct Scene<'a> {
    fresh: RangeInclusive<Timestamp>,
    facts: &'a Facts,
    warrant: &'a Warrant,
}

impl<'a> Scene<'a> {
    /// The answer to a question, where it was read just now.
    fn read<T: Finding>(&self, query: Query) -> Option<Result<&'a T, &'a AwsError>> {
        let reading = self.facts.last(query).filter(|reading| self.fresh.contains(&reading.at));
        reading.map(|reading| reading.found)
    }

    fn health(&self, group: &Arn) -> Option<Result<&'a Health, &'a AwsError>> {
        self.read(Query::Health(group.clone()))
    }

    fn rules(&self, listener: &Arn) -> Result<&'a [Rule], Violation> {
        let rules: Option<&Vec<Rule>> = self.read(Query::Rules(listener.clone())).and_then(Result::ok);
        rules.map(Vec::as_slice).ok_or_else(|| Violation::Stale(format!("the rules of {listener}")))
    }

    fn tags(&self, resource: &Arn) -> Result<&'a Tags, Violation> {
        let tags = self.read(Query::Tags(resource.clone())).and_then(Result::ok);
        tags.ok_or_else(|| Violation::Stale(format!("the tags of {resource}")))
    }

    fn ours(&self, resource: &Arn) -> Result<(), Violation> {
        let tags = self.tags(resource)?;
        if is_marked(tags, self.warrant) { Ok(()) } else { Err(not_ours(resource, &describe(tags))) }
    }

    fn gives_up_marks(&self, resource: &Arn, keys: &BTreeSet<String>) -> Result<(), Violation> {
        self.leaves(resource)?;
        if let Some(key) = keys.iter().find(|key| !key.starts_with(TAG_PREFIX)) {
            return Err(given_up(resource, format!("the tag {key} is none of Weir's")));
        }
        self.ours(resource)
    }

    fn gives_up_rule(&self, listener: &Arn, rule: &Arn) -> Result<(), Violation> {
        self.leaves(rule)?;
        let live = self.rules(listener)?.iter().find(|live| live.arn == *rule);
        let live = live.ok_or_else(|| not_ours(rule, "the rule is gone"))?;
        if live.priority == RulePriority::Default {
            return Err(given_up(rule, "a listener keeps its default action".to_owned()));
        }
        self.ours(rule)
    }

    fn leaves(&self, resource: &Arn) -> Result<(), Violation> {
        if self.warrant.movement == Movement::Leave {
            return Ok(());
        }
        Err(given_up(resource, "its route is not being deleted".to_owned()))
    }

    fn actions(&self, live: &[Action], written: &[Action]) -> Result<(), Violation> {
        let others = |actions: &[Action]| -> Vec<Action> {
            actions.iter().filter(|action| !is_replaceable(action, &self.warrant.movement)).cloned().collect()
        };
        if others(live) != others(written) {
            return Err(Violation::OtherActions(format!(
                "found {:?}, would write {:?}",
                others(live),
                others(written)
            )));
        }
        if let Some(action) = written.iter().find(|action| matches!(action.kind, ActionKind::Unsupported { .. })) {
            return Err(Violation::OtherActions(format!("{action:?} is not understood")));
        }
        let none = Forward::default();
        let before = live.iter().find_map(Action::forward).unwrap_or(&none);
        let Some(after) = written.iter().find_map(Action::forward) else {
            // A fixed response that was there before Weir answers every request by itself.
            let restores = matches!(self.warrant.movement, Movement::Restore { .. });
            let answers = restores && written.iter().any(is_fixed_response);
            return if answers { Ok(()) } else { Err(Violation::AllZero) };
        };
        in_range(after)?;
        self.movement(before, after)
    }

    fn movement(&self, before: &Forward, after: &Forward) -> Result<(), Violation> {
        if let Movement::Return { needs } = &self.warrant.movement {
            return self.returning(before, after, *needs);
        }
        for group in after.groups.keys().filter(|group| rises(group, before, after)) {
            match &self.warrant.movement {
                Movement::None | Movement::Attach | Movement::Leave => {
                    return Err(Violation::Direction { group: group.clone() });
                }
                // Where nothing carries traffic there is nothing to lose.
                Movement::Restore { .. } if total(before) == 0 => {}
                Movement::Restore { min_healthy_percent } => {
                    let baseline = self.carried(group, before)?;
                    self.capacity(group, after, Needs { baseline, min_healthy_percent: *min_healthy_percent })?;
                }
                Movement::Forward { candidate, needs } => {
                    if group != candidate && by_more_than_rounding(group, before, after) {
                        return Err(Violation::Direction { group: group.clone() });
                    }
                    if group == candidate {
                        self.capacity(group, after, *needs)?;
                    }
                }
                Movement::Reassert { needs } | Movement::Chosen { needs } | Movement::Return { needs } => {
                    self.capacity(group, after, *needs)?;
                }
                Movement::Back { candidate } => {
                    if group == candidate {
                        return Err(Violation::Direction { group: group.clone() });
                    }
                }
                Movement::First => {
                    if before.groups.values().any(|weight| *weight > 0) {
                        return Err(Violation::Direction { group: group.clone() });
                    }
                }
            }
        }
        Ok(())
    }

    /// The healthy targets of the strongest group that carries the traffic now. Where traffic is split in the middle of
    /// a run, both sides together have about twice what the traffic needs.
    fn carried(&self, group: &Arn, before: &Forward) -> Result<u32, Violation> {
        let mut baseline = 0;
        for carrying in before.groups.iter().filter(|(_, weight)| **weight > 0).map(|(carrying, _)| carrying) {
            let health = self.health(carrying).and_then(Result::ok);
            let healthy = health.map(Health::able).ok_or_else(|| Violation::Capacity {
                group: group.clone(),
                found: format!("the health of {carrying}, which carries traffic now, is not known"),
                needed: 1,
            })?;
            baseline = baseline.max(healthy);
        }
        Ok(baseline)
    }

    /// A return needs no more than a rollback does: where the groups that gain lack capacity, they get no more than
    /// their part of all targets that are known to be healthy.
    fn returning(&self, before: &Forward, after: &Forward, needs: Needs) -> Result<(), Violation> {
        let (gaining, losing): (Vec<&Arn>, Vec<&Arn>) =
            before.groups.keys().chain(after.groups.keys()).partition(|group| rises(group, before, after));
        let gaining: BTreeSet<&Arn> = gaining.into_iter().collect();
        let short = gaining.iter().find_map(|group| self.capacity(group, after, needs).err());
        let Some(short) = short else { return Ok(()) };
        let known = |groups: &BTreeSet<&Arn>, of: fn(&Health) -> u32| {
            groups.iter().map(|group| self.known(group, of)).sum::<Option<u64>>()
        };
        let losing: BTreeSet<&Arn> = losing.into_iter().filter(|group| before.groups.get(group) > Some(&0)).collect();
        let (Some(able), Some(other)) = (known(&gaining, Health::able), known(&losing, Health::able)) else {
            return Err(short);
        };
        let part: u64 = gaining.iter().map(|group| u64::from(after.groups.get(*group).copied().unwrap_or(0))).sum();
        // With nothing healthy on either side, only what has no hope is left at once.
        let is_fair = if able == 0 {
            known(&losing, Health::hopeful) == Some(0)
        } else {
            part * (able + other) <= able * total(after)
        };
        if is_fair { Ok(()) } else { Err(short) }
    }

    /// How many targets of a group are known to be so; `None` where nobody has asked. What could not be read is not
    /// known.
    fn known(&self, group: &Arn, of: fn(&Health) -> u32) -> Option<u64> {
        Some(self.health(group)?.map_or(0, |health| u64::from(of(health))))
    }

    fn capacity(&self, group: &Arn, after: &Forward, needs: Needs) -> Result<(), Violation> {
        let weight = u64::from(after.groups.get(group).copied().unwrap_or(0));
        let part = weight * u64::from(needs.baseline) * u64::from(needs.min_healthy_percent);
        let needed = part.div_ceil(total(after) * 100).max(1);
        let refuse = |found: String| Violation::Capacity { group: group.clone(), found, needed };
        match self.health(group) {
            Some(Ok(health)) if u64::from(health.able()) >= needed => Ok(()),
            Some(Ok(health)) => Err(refuse(format!("{} are healthy", health.able()))),
            Some(Err(error)) => Err(refuse(format!("its health could not be read ({error})"))),
            None => Err(refuse("its health was not read within ten seconds".to_owned())),
        }
    }
}

/// Whether a write may replace an action: the forward itself; where nothing carries traffic also the fixed response or
/// redirect that stands in its place, and a restoration puts a fixed response back.
fn is_replaceable(action: &Action, movement: &Movement) -> bool {
    match (&action.kind, movement) {
        (ActionKind::Forward(_), _) => true,
        (ActionKind::Kept { kind, .. }, Movement::First) => is_fixed_response(action) || kind == "redirect",
        (ActionKind::Kept { .. }, Movement::Restore { .. }) => is_fixed_response(action),
        (ActionKind::Kept { .. } | ActionKind::Unsupported { .. }, _) => false,
    }
}

fn is_fixed_response(action: &Action) -> bool {
    matches!(&action.kind, ActionKind::Kept { kind, .. } if kind == "fixed-response")
}

fn total(forward: &Forward) -> u64 {
    forward.groups.values().map(|weight| u64::from(*weight)).sum()
}

/// Whether the share of a group is higher after than before.
fn rises(group: &Arn, before: &Forward, after: &Forward) -> bool {
    let weight = |forward: &Forward| u64::from(forward.groups.get(group).copied().unwrap_or(0));
    let (old, old_total, new, new_total) = (weight(before), total(before), weight(after), total(after));
    new > 0 && (old_total == 0 || new * old_total > old * new_total)
}

/// Whether a share rises by more than one unit of the new weights, which rounding may give to a group that loses.
fn by_more_than_rounding(group: &Arn, before: &Forward, after: &Forward) -> bool {
    let weight = |forward: &Forward| u64::from(forward.groups.get(group).copied().unwrap_or(0));
    weight(after) * total(before) >= weight(before) * total(after) + total(before)
}

#[cfg(test)]
mod tests;
