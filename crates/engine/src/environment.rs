//! Decides about an `Environment`: finds its target groups and balancers, and says what it is to each route.

mod balancers;
mod roles;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use weir_api::EnvironmentStatus;
use weir_api::environment::{LoadBalancerStatus, Role, TargetGroupStatus};

use crate::Arn;
use crate::fact::{By, ErrorKind};
use crate::grant::Subject;
use crate::object::{Cluster, EnvironmentObject};
use crate::reader::{ANY_AGE, Asked, Reader, all};
use crate::ready_state::{ReadyState, StatusConditions, because};
use crate::reason::Reason;
use crate::tick::{Context, Verdict};

/// How soon a group that could not be read is looked at again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Decides about an environment.
pub fn decide(
    context: &Context,
    cluster: &Cluster,
    object: &EnvironmentObject,
    reader: &mut Reader<'_>,
) -> Asked<Verdict<EnvironmentStatus>> {
    let (found, ready_state) = match context.grants.of_environment(object) {
        Ok(access) => reader.by(&access, |reader| look(context, object, reader))?,
        Err(reason) => (Lent::known(object), ReadyState::Stalled(reason)),
    };
    let conditions = StatusConditions::after(&object.status.conditions, context.now, object.generation)
        .ready_state(&ready_state)
        .finish();
    let routes = roles::of(context.now, cluster, object, (&found.target_groups, &found.load_balancers));
    let drained = routes.iter().filter(|role| role.role == Role::Draining).filter_map(|role| role.clients_until).min();
    let status = EnvironmentStatus {
        observed_generation: Some(object.generation),
        routes,
        target_groups: found.target_groups,
        load_balancers: found.load_balancers,
        conditions,
    };
    let verdict = drained.into_iter().fold(Verdict::record(status), Verdict::waking);
    Some(if matches!(ready_state, ReadyState::Ready(_)) { verdict } else { verdict.waking(reader.began + LOOK_AGAIN) })
}

/// What an environment can lend to routes.
struct Lent {
    target_groups: Vec<TargetGroupStatus>,
    load_balancers: Vec<LoadBalancerStatus>,
}

impl Lent {
    /// What was found before for the present spec.
    fn known(object: &EnvironmentObject) -> Self {
        let is_current = object.status.observed_generation == Some(object.generation);
        let status = if is_current { object.status.clone() } else { EnvironmentStatus::default() };
        Self { target_groups: status.target_groups, load_balancers: status.load_balancers }
    }
}

fn look(context: &Context, object: &EnvironmentObject, reader: &mut Reader<'_>) -> Asked<(Lent, ReadyState)> {
    let mut wrong: Vec<ReadyState> = Vec::new();
    // Both are asked for in one round.
    let (groups, load_balancers) = (groups(context, object, reader), balancers::asked(context, object, reader));
    let target_groups = groups?.take(&mut wrong);
    let load_balancers = balancers::found(object, load_balancers?, &target_groups, reader)?.take(&mut wrong);
    let found_all = || ReadyState::Ready(because(Reason::Found, balancers::found_words(object)));
    let ready_state = ReadyState::together(&wrong).unwrap_or_else(found_all);
    Some((Lent { target_groups, load_balancers }, ready_state))
}

/// Some of what an environment names, and what is wrong with the rest.
struct Seen<T> {
    found: Vec<T>,
    wrong: Vec<ReadyState>,
}

impl<T> Seen<T> {
    fn take(self, wrong: &mut Vec<ReadyState>) -> Vec<T> {
        wrong.extend(self.wrong);
        self.found
    }
}

fn groups(context: &Context, object: &EnvironmentObject, reader: &mut Reader<'_>) -> Asked<Seen<TargetGroupStatus>> {
    let mut found: Vec<TargetGroupStatus> = Vec::new();
    let mut wrong: Vec<ReadyState> = Vec::new();
    let mut names: BTreeMap<Arn, &str> = BTreeMap::new();
    let refusal = |by: &By| context.grants.refusal_by(&object.key.namespace, Subject::TargetGroup, by);
    let mut named = Vec::new();
    for group in &object.spec.target_groups {
        let existing = &group.existing;
        let name = || existing.name.clone().unwrap_or_default();
        let by = existing.arn.as_ref().map_or_else(|| By::Name(name()), |arn| By::Arn(Arn::new(arn)));
        match refusal(&by) {
            Some(reason) => wrong.push(ReadyState::Stalled(reason)),
            None => named.push((group, by)),
        }
    }
    let readings = all(named.iter().map(|(_, by)| reader.group(by, ANY_AGE)))?;
    for ((wanted, by), reading) in named.into_iter().zip(readings) {
        match reading.found {
            Ok(group) if let Some(reason) = refusal(&By::Arn(group.arn.clone())) => {
                wrong.push(ReadyState::Stalled(reason));
            }
            Ok(group) => {
                if let Some(other) = names.insert(group.arn.clone(), &wanted.name) {
                    let message = format!(
                        "{other} and {} are the same target group, {}; name each group once",
                        wanted.name, group.arn
                    );
                    wrong.push(ReadyState::Stalled(because(Reason::SameTargetGroup, message)));
                    continue;
                }
                found.push(TargetGroupStatus {
                    name: wanted.name.clone(),
                    arn: group.arn.to_string(),
                    protocol: group.protocol.clone(),
                    port: group.port,
                });
            }
            Err(error) => {
                wrong.push(ReadyState::unreadable(error, &format!("the target group {by}")));
                // What was found before serves on while AWS cannot be asked.
                let known = object.status.target_groups.iter().find(|known| known.name == wanted.name);
                let is_current = object.status.observed_generation == Some(object.generation);
                found.extend(known.filter(|_| is_current && error.kind != ErrorKind::NotFound).cloned());
            }
        }
    }
    Some(Seen { found, wrong })
}
