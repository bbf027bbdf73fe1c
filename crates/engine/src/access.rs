//! Which account and region something on AWS is in, and by which role it is reached.
//!
//! Only the functions here make an [`Access`] from what a manifest says, so that none can be used that was not
//! allowed. Invariant: where a role, a region or the balancer of a route is not allowed there is no access, and without one
//! there is no question and no write.

use std::fmt;

use weir_api::AwsAccess;

use crate::Arn;
use crate::backend::Groups;
use crate::grant::{Grants, Subject};
use crate::object::{Cluster, EntryPointObject, EnvironmentObject, RouteObject};
use crate::reason::Reason;
use crate::route::{entry_key, is_led_away, listener_of};
use crate::standing::{Explanation, because};

/// How an account and region is reached. The default one is the controller's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// The region; the controller's own if absent.
    pub region: Option<String>,
    /// The role to assume; without one the controller's own credentials serve.
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for.
    pub external_id: Option<String>,
}

impl Access {
    fn of(spec: &AwsAccess) -> Self {
        let AwsAccess { region, role_arn, external_id } = spec.clone();
        Self { region, role_arn, external_id }
    }

    /// The account that the role is in; unknown for the controller's own credentials.
    pub fn account(&self) -> Option<&str> {
        self.role_arn.as_deref()?.split(':').nth(4)
    }

    /// Whether a resource can be reached by it, as far as can be told by the ARN.
    pub fn reaches(&self, resource: &Arn) -> bool {
        let agree = |mine: Option<&str>, theirs: Option<&str>| mine.is_none() || theirs.is_none() || mine == theirs;
        agree(self.account(), resource.account()) && agree(self.region.as_deref(), resource.region())
    }
}

impl fmt::Display for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.role_arn {
            Some(role) => write!(formatter, "the role {role}")?,
            None => formatter.write_str("the controller's own credentials")?,
        }
        self.region.iter().try_for_each(|region| write!(formatter, " in {region}"))
    }
}

impl Grants {
    /// The access that an object of a namespace names; the reason says why it may not.
    pub fn access(&self, namespace: &str, spec: Option<&AwsAccess>) -> Result<Access, Explanation> {
        let access = spec.map(Access::of).unwrap_or_default();
        let named = [(Subject::Role, access.role_arn.as_deref()), (Subject::Region, access.region.as_deref())];
        let refusal = named.into_iter().find_map(|(subject, name)| self.refusal(namespace, subject, name?));
        refusal.map_or(Ok(access), Err)
    }

    /// The access of an entry point.
    pub fn of_entry_point(&self, object: &EntryPointObject) -> Result<Access, Explanation> {
        self.access(&object.key.namespace, object.spec.aws.as_ref())
    }

    /// The access of an environment.
    pub fn of_environment(&self, object: &EnvironmentObject) -> Result<Access, Explanation> {
        self.access(&object.key.namespace, object.spec.aws.as_ref())
    }

    /// The access of a route: that of its entry point, which is judged by its own namespace, as its balancer is; what the
    /// route recorded of it serves when the entry point is gone, or leads elsewhere.
    pub fn of_route(&self, cluster: &Cluster, route: &RouteObject) -> Result<Access, Explanation> {
        let key = entry_key(route);
        let entry_point = cluster.entry_points.get(&key).filter(|_| !is_led_away(cluster, route));
        let spec = match entry_point {
            Some(entry_point) => entry_point.spec.aws.as_ref(),
            None => route.status.aws.as_ref(),
        };
        let listener = match entry_point {
            Some(_) => listener_of(cluster, route),
            None => route.status.listener_rule.listener.as_deref(),
        };
        let refusal = listener.and_then(|listener| self.refusal_on(&key.namespace, &Arn::new(listener)));
        refusal.map_or_else(|| self.access(&key.namespace, spec), Err)
    }
}

/// The access that a route has on record. It was allowed when it was recorded.
pub(crate) fn recorded(route: &RouteObject) -> Access {
    route.status.aws.as_ref().map(Access::of).unwrap_or_default()
}

/// What a route records of its access.
pub(crate) fn record(access: &Access) -> Option<AwsAccess> {
    let Access { region, role_arn, external_id } = access.clone();
    (*access != Access::default()).then_some(AwsAccess { region, role_arn, external_id })
}

/// Why the target groups of a route cannot be used by its listener: AWS lets a listener forward only to groups of its
/// own account and region. Those of the environments that `is_concerned` are looked at.
pub(crate) fn mismatch(
    listener: &Arn,
    entry_point: &str,
    groups: &Groups,
    is_concerned: impl Fn(&str) -> bool,
) -> Option<Explanation> {
    let here = (listener.account()?, listener.region()?);
    let resolved = groups.iter().filter_map(|(environment, group)| Some((environment, group.as_ref().ok()?)));
    let (environment, there) = resolved
        .filter(|(environment, _)| is_concerned(environment))
        .filter_map(|(environment, group)| Some((environment, (group.account()?, group.region()?))))
        .find(|(_, there)| *there != here)?;
    let message = format!(
        "found the environment {environment} in account {} and region {}, and the entry point {entry_point} in account \
         {} and region {}; expected them together, since a listener forwards only to target groups of its own account \
         and region. Correct spec.aws of one of the two, or take {environment} out of spec.backends",
        there.0, there.1, here.0, here.1
    );
    Some(because(Reason::AccountMismatch, message))
}

#[cfg(test)]
mod tests;
