//! Weights: within what ELBv2 takes, as they are on record, in the direction of their change, with the capacity for it.

use weir_api::weighted_route::EnvironmentWeight;

use crate::Arn;
use crate::fact::Forward;
use crate::limits::Limits;
use crate::write::MAX_STICKY_SECONDS;

use super::recorded::{Direction, Measure, carrying, unrecorded, words};
use super::{Scene, Violation};

impl Scene<'_> {
    /// Judges the weights that are written against those that are live.
    pub(super) fn split(&self, before: &Forward, after: &Forward) -> Result<(), Violation> {
        in_range(after, self.recorded.limits())?;
        let rising: Vec<&Arn> = after.groups.keys().filter(|group| rises(group, before, after)).collect();
        // Groups without weight come or go, or stickiness changes.
        if rising.is_empty() {
            return Ok(());
        }
        let (written, recorded) = (carrying(after), self.recorded.carrying().unwrap_or_default());
        let is_restored = self.recorded.restored().is_some_and(|restored| restored == after.groups);
        if is_restored && !(self.recorded.goes_back() && written == recorded) {
            return self.restored(&rising, before, after);
        }
        if written != recorded {
            return Err(unrecorded(words(&written), words(&recorded)));
        }
        let direction = self.recorded.direction(|group| rises(group, before, after))?;
        // Where nothing carries traffic there is nothing to lose.
        if total(before) == 0 {
            return Ok(());
        }
        self.follows(&direction, &rising, before, after)
    }

    /// Judges what was there before Weir, which takes the traffic again.
    fn restored(&self, rising: &[&Arn], before: &Forward, after: &Forward) -> Result<(), Violation> {
        let percent = self.recorded.route.spec.capacity.min_healthy_percent;
        for group in rising.iter().filter(|_| total(before) > 0) {
            let baseline = self.carried(group, before)?;
            self.capacity(group, after, Measure { baseline, percent })?;
        }
        Ok(())
    }

    /// Judges the groups that gain by the change that is on record.
    fn follows(
        &self,
        direction: &Direction<'_>,
        rising: &[&Arn],
        before: &Forward,
        after: &Forward,
    ) -> Result<(), Violation> {
        let against = |group: &Arn| Err(Violation::Direction { group: group.clone() });
        match direction {
            Direction::Forward { candidate, measure } => {
                for group in rising {
                    if *group == candidate {
                        self.capacity(group, after, *measure)?;
                    } else if by_more_than_rounding(group, before, after) {
                        return against(group);
                    }
                }
            }
            Direction::Back { candidate } => {
                if let Some(group) = rising.iter().find(|group| Some(**group) == candidate.as_ref()) {
                    return against(group);
                }
            }
            Direction::Return { from, measure } if from.is_none_or(|from| self.had(from, rising, after)) => {
                return self.returning(before, after, *measure);
            }
            Direction::Return { measure, .. } | Direction::Anywhere(measure) => {
                for group in rising {
                    self.capacity(group, after, *measure)?;
                }
            }
        }
        Ok(())
    }

    /// Whether no group that gains gets more than it had by earlier weights.
    fn had(&self, from: &[EnvironmentWeight], rising: &[&Arn], after: &Forward) -> bool {
        let earlier: u64 = from.iter().map(|entry| u64::try_from(entry.weight).unwrap_or(0)).sum();
        let weight = |group: &Arn| u64::from(after.groups.get(group).copied().unwrap_or(0));
        let had = |group: &&Arn| weight(group) * earlier <= self.recorded.weight(group, from) * total(after);
        earlier > 0 && rising.iter().all(had)
    }
}

fn in_range(forward: &Forward, limits: Limits) -> Result<(), Violation> {
    if forward.groups.values().all(|weight| *weight == 0) {
        return Err(Violation::AllZero);
    }
    let Limits { members, max_weight, .. } = limits;
    if forward.groups.len() > members {
        return Err(Violation::OutOfRange(format!("{} members; AWS takes {members}", forward.groups.len())));
    }
    if let Some(weight) = forward.groups.values().find(|weight| **weight > max_weight) {
        return Err(Violation::OutOfRange(format!("the weight {weight}; AWS takes at most {max_weight}")));
    }
    if let Some(seconds) = forward.sticky_seconds.filter(|seconds| !(1..=MAX_STICKY_SECONDS).contains(seconds)) {
        return Err(Violation::OutOfRange(format!(
            "a stickiness of {seconds} s; ELBv2 takes 1 to {MAX_STICKY_SECONDS}"
        )));
    }
    Ok(())
}

pub(super) fn total(forward: &Forward) -> u64 {
    forward.groups.values().map(|weight| u64::from(*weight)).sum()
}

/// Whether the share of a group is higher after than before.
pub(super) fn rises(group: &Arn, before: &Forward, after: &Forward) -> bool {
    let weight = |forward: &Forward| u64::from(forward.groups.get(group).copied().unwrap_or(0));
    let (old, old_total, new, new_total) = (weight(before), total(before), weight(after), total(after));
    new > 0 && (old_total == 0 || new * old_total > old * new_total)
}

/// Whether a share rises by more than one unit of the new weights, which rounding may give to a group that loses.
fn by_more_than_rounding(group: &Arn, before: &Forward, after: &Forward) -> bool {
    let weight = |forward: &Forward| u64::from(forward.groups.get(group).copied().unwrap_or(0));
    weight(after) * total(before) >= weight(before) * total(after) + total(before)
}
