//! Whether a listener can forward to a target group, by what AWS tells of both before anything is written.
//!
//! What is said here AWS would refuse for good: to try it would be to try it for ever. What AWS does not tell is no
//! reason. Sources: `TargetGroup` of `elbv2/2015-12-01`, and "Target groups for your Application Load Balancers" in the
//! user guide.

use crate::Arn;
use crate::fact::{Action, Balancer, By, Query, Rule, RulePriority, TargetGroup};
use crate::object::Cluster;
use crate::reader::{ANY_AGE, Asked, Facts, Reader, all};
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;
use crate::write::ListenerWrite;

use super::ListenerRoute;

/// Why a listener of an application balancer cannot forward to a group, in words that begin with the group's name; `None`
/// where nothing is known that stands in the way. `protocol` is the listener's, as AWS writes it.
pub fn unusable(balancer: &Balancer, protocol: &str, group: &TargetGroup) -> Option<String> {
    let name = &group.name;
    let here = (balancer.arn.account(), balancer.arn.region());
    let there = (group.arn.account(), group.arn.region());
    if let (((Some(account), Some(region)), (Some(other_account), Some(other_region))), true) =
        ((here, there), here != there)
    {
        return Some(format!(
            "{name} is in account {other_account}, region {other_region}, and the balancer {} in account {account}, region \
             {region}; a listener forwards only to groups of its own account and region",
            balancer.name
        ));
    }
    if let Some(other) = group.balancers.iter().find(|_| !group.balancers.contains(&balancer.arn)) {
        return Some(format!(
            "{name} is used by another balancer, {other}; AWS lets a group be used by one only. Take it out of the rules of \
             that one, or make a group of its own for {}",
            balancer.name
        ));
    }
    let kind = group.target_type.as_deref();
    if kind == Some("alb") {
        return Some(format!(
            "the targets of {name} are balancers (target type alb), to which only a network load balancer forwards; name a \
             group of instances, addresses or a function"
        ));
    }
    if kind == Some("lambda") {
        return None;
    }
    match (&balancer.vpc_id, &group.vpc_id) {
        (Some(here), Some(there)) if here != there => {
            return Some(format!(
                "{name} is in the network {there}, and the balancer {} in {here}; make a group in the network of the balancer",
                balancer.name
            ));
        }
        _ => {}
    }
    if let Some(other) = group.protocol.as_deref().filter(|other| !matches!(*other, "HTTP" | "HTTPS")) {
        return Some(format!(
            "{name} has the protocol {other}, and a listener of {protocol} forwards only to groups of HTTP or HTTPS, or of a \
             function; the protocol of a group cannot be changed: make another"
        ));
    }
    let version = group.protocol_version.as_deref();
    let needs_tls = matches!(version, Some("GRPC" | "HTTP2")) && protocol != "HTTPS";
    needs_tls.then(|| {
        format!(
            "{name} has the protocol version {}, to which only a listener of HTTPS forwards, and this one is of {protocol}",
            version.unwrap_or_default()
        )
    })
}

/// Why a write would be refused: it attaches a group that the listener cannot forward to. What cannot be read stands in
/// nobody's way; AWS will say it.
pub(in crate::route) fn refusal(
    cluster: &Cluster,
    route: ListenerRoute<'_>,
    write: &ListenerWrite,
    reader: &mut Reader<'_>,
) -> Asked<Result<(), Explanation>> {
    let attached = attached(write, reader.facts());
    let Some(entry_point) = cluster.entry_points.get(&route.entry_point()).filter(|_| !attached.is_empty()) else {
        return Some(Ok(()));
    };
    let status = &entry_point.status;
    let listener = status.listeners.iter().find(|listener| listener.arn == write.listener().as_str());
    let (Some(listener), Some(balancer)) = (listener, &status.arn) else { return Some(Ok(())) };
    let (unrefuted, fresh) = (reader.unrefuted(), reader.fresh());
    let balancer = reader.balancer(&By::Arn(Arn::new(balancer)), ANY_AGE);
    let mut judge = |not_before| -> Asked<Vec<String>> {
        let groups = all(attached.iter().map(|group| reader.group(&By::Arn(group.clone()), not_before)))?;
        let Ok(balancer) = balancer.as_ref()?.found else { return Some(Vec::new()) };
        let groups = groups.into_iter().filter_map(|group| group.found.ok());
        Some(groups.filter_map(|group| unusable(balancer, &listener.protocol, group)).collect())
    };
    // What is known of a group seldom changes, and AWS judges too; but what was in the way may be mended.
    if judge(unrefuted)?.is_empty() {
        return Some(Ok(()));
    }
    let why = judge(fresh)?;
    if why.is_empty() {
        return Some(Ok(()));
    }
    Some(Err(because(Reason::GroupNotUsable, format!("nothing is written: {}", why.join(". And ")))))
}

/// The groups that a write puts where they are not yet.
fn attached(write: &ListenerWrite, facts: &Facts) -> Vec<Arn> {
    let rules = facts.last::<Vec<Rule>>(Query::Rules(write.listener().clone())).and_then(|reading| reading.found.ok());
    let is_it = |live: &&Rule| match write {
        ListenerWrite::SetRuleActions { rule, .. } => live.arn == *rule,
        ListenerWrite::SetDefaultActions { .. } => live.priority == RulePriority::Default,
        ListenerWrite::CreateRule { .. } | ListenerWrite::DeleteRule { .. } => false,
    };
    let live =
        rules.and_then(|rules| rules.iter().find(is_it)).and_then(|live| live.actions.iter().find_map(Action::forward));
    let is_there = |group: &&Arn| live.is_some_and(|live| live.groups.contains_key(*group));
    let written = write.forward().into_iter().flat_map(|forward| forward.groups.keys());
    written.filter(|group| !is_there(group)).cloned().collect()
}

#[cfg(test)]
mod tests;
