//! Which account and region something on AWS is in, and by which role it is reached.
//!
//! Only the functions here make an [`Access`] from what a manifest says, so that none can be used that was not
//! allowed. Invariant: where a role, a region or the balancer of a route is not allowed there is no access, and without one
//! there is no question and no write.

use std::fmt;

use weir_api::AwsAccess;

use crate::Arn;
use crate::grant::{Grants, Subject};
use crate::object::{EntryPointObject, EnvironmentObject, RouteObject};
use crate::ready_state::Explanation;

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

#[cfg(test)]
mod tests;
