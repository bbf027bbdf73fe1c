//! What an environment lends to a route: a target group, or a balancer to which a name in DNS leads.

use std::collections::BTreeMap;

use weir_api::WeightedRouteStatus;
use weir_api::condition::{STALLED, holds};
use weir_api::weighted_route::{Backend, EnvironmentMembers, EnvironmentWeight};

use crate::Arn;
use crate::object::{Cluster, EnvironmentObject, RouteObject};
use crate::weights;

/// What the backends of a route lend to it, by environment; or, in words, why that is not known.
pub type Members = BTreeMap<String, Result<Member, String>>;

/// What the objects say of the backends of a route, in their order.
type Said<'a> = Vec<(&'a str, Result<Member, String>)>;

/// What an environment lends to a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The target group, or the balancer.
    pub arn: Arn,
    /// The target groups whose healthy targets are its capacity: itself, where it is one.
    pub groups: Vec<Arn>,
}

impl Member {
    /// A target group.
    pub fn of_group(arn: Arn) -> Self {
        Self { groups: vec![arn.clone()], arn }
    }

    /// What is on record of an environment; `None` where nothing is.
    pub fn recorded(recorded: &EnvironmentMembers) -> Option<Self> {
        let arn = Arn::new(recorded.lent()?);
        Some(Self { arn, groups: recorded.target_groups.iter().map(Arn::new).collect() })
    }

    /// Whether it is a balancer, and not a target group.
    pub fn is_balancer(&self) -> bool {
        self.groups.iter().any(|group| *group != self.arn)
    }

    /// It as it is recorded.
    pub fn record(&self, environment: &str) -> EnvironmentMembers {
        let target_groups: Vec<String> = self.groups.iter().map(Arn::to_string).collect();
        let balancer = self.is_balancer().then(|| self.arn.to_string());
        EnvironmentMembers { environment: environment.to_owned(), target_groups, balancer }
    }
}

/// Resolves the backends of a route.
///
/// What a run moves is what it recorded: while it does, and while an environment carries traffic, the recorded member is the
/// one that the environment lends, whatever its object says meanwhile. All others are told by the statuses of their
/// environments; where one has gone, or is not ready, the member that was recorded still serves, so that a rollback needs
/// nothing that may have been deleted and what carries traffic keeps its name. Two environments never lend the same.
pub fn members(cluster: &Cluster, route: &RouteObject) -> Members {
    let says = |backend| said(cluster, route, backend);
    let said: Said<'_> =
        route.spec.backends.iter().map(|backend| (backend.environment.as_str(), says(backend))).collect();
    let mut members: Members = BTreeMap::new();
    for recorded in binding(cluster, route, &said) {
        let Some(member) = Member::recorded(recorded) else { continue };
        let member = made_again(&said, &recorded.environment, &member).unwrap_or(member);
        members.entry(recorded.environment.clone()).or_insert(Ok(member));
    }
    for (environment, said) in said {
        if members.contains_key(environment) {
            continue;
        }
        let said = said.and_then(|member| match environment_of(&members, &member.arn) {
            Some(other) => Err(same_member(other, environment, &member.arn)),
            None => Ok(member),
        });
        members.insert(environment.to_owned(), said);
    }
    let intent = route.status.intent.iter().flat_map(|intent| &intent.members);
    for recorded in intent.chain(&route.status.members) {
        let Some(member) = Member::recorded(recorded) else { continue };
        let serves = members.get(&recorded.environment).is_none_or(Result::is_err);
        if serves && environment_of(&members, &member.arn).is_none() {
            members.insert(recorded.environment.clone(), Ok(member));
        }
    }
    members
}

/// What has taken the place of a recorded member: its environment names one of the same name in the same account and
/// region. AWS lets only one have it, so the recorded one is gone.
fn made_again(said: &Said<'_>, lender: &str, recorded: &Member) -> Option<Member> {
    let (_, said) = said.iter().find(|(environment, _)| *environment == lender)?;
    let said = said.as_ref().ok()?;
    let known = |arn: &Arn| (arn.account().map(str::to_owned), arn.region().map(str::to_owned), arn.name().to_owned());
    // The groups behind a balancer may be others by now, whatever stands for it.
    let is_same = said.arn == recorded.arn && said.groups != recorded.groups;
    let is_made_again = said.arn != recorded.arn && known(&said.arn) == known(&recorded.arn);
    (is_same || is_made_again).then(|| said.clone())
}

/// Whether the objects agree that a recorded member is another environment's now: the one that lent it names another.
fn is_handed_over(said: &Said<'_>, recorded: &EnvironmentMembers) -> bool {
    let any = |is_own: bool, names_it: bool| {
        said.iter().any(|(environment, said)| {
            let is_it = said.as_ref().is_ok_and(|said| (Some(said.arn.as_str()) == recorded.lent()) == names_it);
            is_it && (*environment == recorded.environment) == is_own
        })
    };
    any(true, false) && any(false, true)
}

/// The recorded members that hold whatever objects say: those of a run that moves, those that carry traffic, and those that
/// were set to carry it last: where somebody else has taken it from them, it is these that it is given back to.
fn binding<'a>(cluster: &Cluster, route: &'a RouteObject, said: &Said<'_>) -> Vec<&'a EnvironmentMembers> {
    let status = &route.status;
    let moving = status.intent.iter().filter(|intent| {
        let shift = cluster.shifts.get(&route.key.sibling(&intent.shift)).filter(|shift| shift.uid == intent.uid);
        let run = shift.and_then(|shift| shift.status.run.as_ref());
        run.is_some_and(|run| run.id == intent.run && run.ended_at.is_none())
    });
    let carries = |weights: &[EnvironmentWeight], member: &EnvironmentMembers| {
        weights::of(weights, &member.environment) > 0 && !is_handed_over(said, member)
    };
    let live = status.members.iter().filter(|member| carries(&status.weights, member));
    let set =
        status.intent.iter().flat_map(|intent| intent.members.iter().filter(|member| carries(&intent.weights, member)));
    moving.flat_map(|intent| &intent.members).chain(live).chain(set).collect()
}

/// What an environment's object names now, where that is another than what it lends.
pub fn renamed(cluster: &Cluster, route: &RouteObject, members: &Members, environment: &str) -> Option<Arn> {
    let backend = route.spec.backends.iter().find(|backend| backend.environment == environment)?;
    let said = said(cluster, route, backend).ok()?.arn;
    matches!(members.get(environment), Some(Ok(in_use)) if in_use.arn != said).then_some(said)
}

fn same_member(one: &str, other: &str, arn: &Arn) -> String {
    let what = if arn.as_str().contains(":targetgroup/") { "target group" } else { "balancer" };
    format!(
        "the Environments {one} and {other} have the same {what}, {arn}, which cannot be told apart on one route; name each \
         {what} once"
    )
}

/// All that a route has on record of what environments lend to it: for what is set, for what is live, and before Weir.
pub fn on_record(status: &WeightedRouteStatus) -> impl Iterator<Item = &EnvironmentMembers> {
    let intent = status.intent.iter().flat_map(|intent| &intent.members);
    intent.chain(&status.members).chain(&status.dns.before_members)
}

/// What carries weights, to be recorded.
pub fn members_of(members: &Members, weights: &[EnvironmentWeight]) -> Vec<EnvironmentMembers> {
    let entry =
        |entry: &EnvironmentWeight| Some(members.get(&entry.environment)?.as_ref().ok()?.record(&entry.environment));
    weights.iter().filter_map(entry).collect()
}

/// What an environment's object names for a backend; or, in words, why that is not known.
pub fn said(cluster: &Cluster, route: &RouteObject, backend: &Backend) -> Result<Member, String> {
    let name = &backend.environment;
    let environment = cluster.environments.get(&route.key.sibling(name)).ok_or_else(|| {
        let remedy = cluster.remedy();
        format!("the Environment {name} does not exist; {remedy}, or take it out of spec.backends")
    })?;
    if !is_known(environment) {
        return Err(format!("the Environment {name} is not ready; `kubectl describe wenv {name}` tells why"));
    }
    let part = backend.part.as_deref();
    if route.spec.entry.takes_balancers() {
        if environment.spec.aws.is_some() {
            return Err(format!(
                "the Environment {name} has spec.aws; names in DNS lead to balancers of the controller's own account and \
                 region only"
            ));
        }
        let found = environment.status.load_balancers.iter().map(|found| (found.name.as_str(), found));
        let found = choose(name, "balancer", part, found)?;
        let groups = found.target_groups.iter().map(Arn::new).collect();
        return Ok(Member { arn: Arn::new(&found.arn), groups });
    }
    let found = environment.status.target_groups.iter().map(|found| (found.name.as_str(), found));
    Ok(Member::of_group(Arn::new(&choose(name, "target group", part, found)?.arn)))
}

/// What of an environment a backend names; the error says what there is.
fn choose<'a, T>(
    environment: &str,
    what: &str,
    part: Option<&str>,
    found: impl Iterator<Item = (&'a str, &'a T)> + Clone,
) -> Result<&'a T, String> {
    let mut named = found.clone().filter(|(name, _)| part.is_none_or(|part| part == *name)).map(|(_, found)| found);
    let names = || found.map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    match (named.next(), named.next(), part) {
        (Some(only), None, _) => Ok(only),
        (None, _, Some(part)) => {
            Err(format!("the Environment {environment} has no {what} named {part}; it has {}", names()))
        }
        (None, _, None) => Err(format!("the Environment {environment} has no {what}; name one in its spec")),
        (Some(_), Some(_), _) => {
            Err(format!("the Environment {environment} has the {what}s {}; say which with part", names()))
        }
    }
}

/// Whether what an environment says of its groups can be relied on.
pub fn is_known(environment: &EnvironmentObject) -> bool {
    let status = &environment.status;
    let is_current = status.observed_generation == Some(environment.generation);
    is_current && !status.target_groups.is_empty() && !holds(&status.conditions, STALLED)
}

/// The environment that lends something.
pub fn environment_of<'a>(members: &'a Members, arn: &Arn) -> Option<&'a str> {
    let lends = |member: &Result<Member, String>| member.as_ref().is_ok_and(|member| member.arn == *arn);
    members.iter().find(|(_, member)| lends(member)).map(|(environment, _)| environment.as_str())
}

/// The weights by member; the first environment of which it is not known is the error, in words.
pub fn by_member(members: &Members, weights: &[EnvironmentWeight]) -> Result<BTreeMap<Arn, u16>, String> {
    weights
        .iter()
        .map(|entry| {
            let environment = &entry.environment;
            let member = members.get(environment).cloned().unwrap_or_else(|| {
                Err(format!("the environment {environment} is not among spec.backends of the route"))
            })?;
            let weight = u16::try_from(entry.weight)
                .map_err(|_| format!("found the weight {} of {environment}; expected 0 to 999", entry.weight))?;
            Ok((member.arn, weight))
        })
        .collect()
}
