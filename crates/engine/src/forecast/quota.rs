//! The quotas that the writes of a forecast count against: how many rules a balancer will have, and how many target groups.
//!
//! AWS counts over all listeners of a balancer, so those of others are asked for too, where a write brings anything.

use std::collections::{BTreeMap, BTreeSet};

use weir_api::traffic_shift::Outcome;

use crate::Arn;
use crate::access::Access;
use crate::fact::{Action, Listener, Query, Rule, RulePriority, TargetGroup};
use crate::object::{Cluster, Key};
use crate::reader::{ANY_AGE, Ask};
use crate::write::{ListenerWrite, Write};

use super::projection::Projection;
use super::{End, Entry, Forecast, Question, What};

/// A quota of each Application Load Balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// Rules, the default ones left out.
    Rules,
    /// Target groups that its rules forward to, each counted once.
    Groups,
}

impl Quota {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Rules, Self::Groups];

    /// As AWS calls it (`DescribeAccountLimits`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules-per-application-load-balancer",
            Self::Groups => "target-groups-per-application-load-balancer",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Groups => "target groups",
        }
    }
}

/// How many AWS grants of each.
pub type Limits = BTreeMap<Quota, u32>;

/// A write that brings a balancer more of what has a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// Which of the entries writes it.
    pub entry: usize,
    /// The balancer.
    pub balancer: Arn,
    /// By which access it is reached.
    pub access: Access,
    /// The quota.
    pub quota: Quota,
    /// How many the balancer has then.
    pub count: u32,
}

impl QuotaUse {
    /// The name of the balancer.
    pub fn balancer_name(&self) -> &str {
        // arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>
        self.balancer.as_str().split('/').nth(2).unwrap_or(self.balancer.as_str())
    }
}

impl Projection<'_> {
    /// What a write that is not made yet will bring its balancer.
    pub(super) fn brings(&self, write: &Write) -> Vec<Quota> {
        let Some(balancer) = write.target().balancer() else { return Vec::new() };
        let is_new = |group: &Arn| !self.is_used(group, &balancer);
        let makes_rule = matches!(write, Write::Listener(ListenerWrite::CreateRule { .. }));
        let brings_group = write.forward().is_some_and(|forward| forward.groups.keys().any(is_new));
        let brought = [(Quota::Rules, makes_rule), (Quota::Groups, brings_group)];
        brought.into_iter().filter_map(|(quota, is_brought)| is_brought.then_some(quota)).collect()
    }

    /// How many there are on a balancer now. The error says what must be known for it.
    pub(super) fn count(&self, quota: Quota, balancer: &Arn, access: &Access) -> Result<u32, Vec<Ask>> {
        let ask = |query| Ask { query, not_before: ANY_AGE, access: access.clone() };
        let query = Query::Listeners(balancer.clone());
        let Some(listeners) = self.last::<Vec<Listener>>(query.clone()) else { return Err(vec![ask(query)]) };
        // Where they cannot be read, those are counted that are known.
        let listeners = listeners.found.into_iter().flatten().map(|listener| &listener.arn);
        let listeners: BTreeSet<&Arn> = listeners.chain(self.written_on(balancer)).collect();
        let (mut rules, mut missing) = (Vec::new(), Vec::new());
        for listener in listeners {
            match self.rules_now(listener) {
                Some(known) => rules.extend(known),
                None => missing.push(ask(Query::Rules(listener.clone()))),
            }
        }
        if !missing.is_empty() {
            return Err(missing);
        }
        let count = match quota {
            Quota::Rules => rules.iter().filter(|rule| rule.priority != RulePriority::Default).count(),
            Quota::Groups => groups(&rules).len(),
        };
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn is_used(&self, group: &Arn, balancer: &Arn) -> bool {
        let is_there = |known: &TargetGroup| known.arn == *group && known.balancers.contains(balancer);
        self.has_attached(group) || self.known_groups().any(is_there)
    }
}

fn groups<'a>(rules: &[&'a Rule]) -> BTreeSet<&'a Arn> {
    let actions = rules.iter().flat_map(|rule| &rule.actions);
    actions.filter_map(Action::forward).flat_map(|forward| forward.groups.keys()).collect()
}

impl Forecast {
    /// The same, as it ends where AWS grants no more than these limits, by the access to which they apply.
    #[must_use]
    pub fn within(mut self, question: &Question, cluster: &Cluster, limits: &BTreeMap<Access, Limits>) -> Self {
        for used in &self.quota_uses {
            let limit = limits.get(&used.access).and_then(|limits| limits.get(&used.quota));
            let Some(limit) = limit.filter(|limit| used.count > **limit) else { continue };
            let Some(entry) = self.entries.get(used.entry) else { continue };
            let why = refusal(entry, used, *limit);
            for (key, end) in question.shifts.iter().zip(&mut self.ends) {
                let goes_on = matches!(end, End::Ends { outcome: Outcome::Succeeded, .. } | End::Beyond(_));
                if goes_on && moves(cluster, key, &entry.object.key) {
                    *end = End::Blocked(why.clone());
                }
            }
        }
        self
    }
}

/// Why AWS will refuse the write of an entry.
fn refusal(entry: &Entry, used: &QuotaUse, limit: u32) -> String {
    let operation = match &entry.what {
        What::Write { write, .. } => write.operation(),
        What::Waits { .. } | What::Resumed => "a write",
    };
    let (object, seconds, balancer, count) = (&entry.object, entry.after.as_secs(), used.balancer_name(), used.count);
    let (noun, quota) = (used.quota.noun(), used.quota.name());
    format!(
        "AWS will refuse {operation} of {object} after {seconds} s: the balancer {balancer} would have {count} {noun}, and the quota \
         {quota} is {limit}; remove some that nobody needs, or ask AWS for a higher quota"
    )
}

/// Whether a shift moves the traffic of a route.
fn moves(cluster: &Cluster, shift: &Key, route: &Key) -> bool {
    let shift = cluster.shifts.get(shift);
    shift.is_some_and(|found| found.spec.routes.iter().any(|name| found.key.sibling(name.as_str()) == *route))
}
