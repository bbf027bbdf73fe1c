//! Whether the groups that gain have the healthy targets for it. The arithmetic is the guard's own, on purpose: what the
//! decision has counted is judged here once more.

use std::collections::BTreeSet;

use crate::Arn;
use crate::fact::{Balancer, By, ErrorKind, Forward, Health, Query};

use super::recorded::Measure;
use super::split::{rises, total};
use super::{Scene, Violation};

impl Scene<'_> {
    /// Whether a group has the healthy targets for its share.
    pub(super) fn capacity(&self, group: &Arn, after: &Forward, measure: Measure) -> Result<(), Violation> {
        let count = |number: i32| u64::try_from(number).unwrap_or(0);
        let weight = u64::from(after.groups.get(group).copied().unwrap_or(0));
        let (healthy, headroom) =
            (count(measure.baseline) * count(measure.percent), count(self.recorded.limits().headroom));
        let needed = if headroom == 0 {
            (weight * healthy).div_ceil(total(after) * 100).max(1)
        } else {
            let part = ((weight * 100).div_ceil(total(after)) + headroom).min(100);
            (part * healthy).div_ceil(100 * 100).max(1)
        };
        let refuse = |found: String| Violation::Capacity { group: group.clone(), found, needed };
        match self.health(group) {
            Some(Ok(health)) if u64::from(health.able()) >= needed => Ok(()),
            Some(Ok(health)) => Err(refuse(format!("{} are healthy", health.able()))),
            Some(Err(error)) => Err(refuse(format!("its health could not be read ({error})"))),
            None => Err(refuse("its health was not read within ten seconds".to_owned())),
        }
    }

    /// The healthy targets of the strongest group that carries the traffic now. Where traffic is split in the middle of
    /// a run, both sides together have about twice what the traffic needs.
    pub(super) fn carried(&self, group: &Arn, before: &Forward) -> Result<i32, Violation> {
        let mut baseline = 0;
        for carrying in before.groups.iter().filter(|(_, weight)| **weight > 0).map(|(carrying, _)| carrying) {
            let healthy = match self.health(carrying) {
                Some(Ok(health)) => Some(health.able()),
                // Behind a balancer that is gone there are no targets.
                Some(Err(error)) if error.kind == ErrorKind::NotFound && self.is_gone(carrying) => Some(0),
                Some(Err(_)) | None => None,
            };
            let healthy = healthy.ok_or_else(|| Violation::Capacity {
                group: group.clone(),
                found: format!("the health of {carrying}, which carries traffic now, is not known"),
                needed: 1,
            })?;
            baseline = baseline.max(healthy);
        }
        Ok(i32::try_from(baseline).unwrap_or(i32::MAX))
    }

    /// Whether a balancer is no more.
    fn is_gone(&self, balancer: &Arn) -> bool {
        let found = self.read::<Balancer>(Query::Balancer(By::Arn(balancer.clone())));
        found.is_some_and(|found| found.is_err_and(|error| error.kind == ErrorKind::NotFound))
    }

    /// A return needs no more than a rollback does: where the groups that gain lack capacity, they get no more than
    /// their part of all targets that are known to be healthy.
    pub(super) fn returning(&self, before: &Forward, after: &Forward, measure: Measure) -> Result<(), Violation> {
        let (gaining, losing): (Vec<&Arn>, Vec<&Arn>) =
            before.groups.keys().chain(after.groups.keys()).partition(|group| rises(group, before, after));
        let gaining: BTreeSet<&Arn> = gaining.into_iter().collect();
        let short = gaining.iter().find_map(|group| self.capacity(group, after, measure).err());
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
}
