//! Roles, which are an account's whatever the region. A role has whoever knows its external ID for a friend.

use std::collections::BTreeMap;

use super::super::Aws;

/// What IAM has of an account.
#[derive(Debug, Default)]
pub(in crate::aws) struct Iam {
    roles: BTreeMap<String, Role>,
}

/// A role.
#[derive(Clone, Debug, Default)]
struct Role {
    external_id: Option<String>,
    is_revoked: bool,
}

impl Iam {
    /// Whether somebody who gives this external ID may assume a role.
    pub(in crate::aws) fn trusts(&self, role: &str, external_id: Option<&str>) -> bool {
        let trusts = |role: &Role| role.external_id.as_deref().is_none_or(|wanted| external_id == Some(wanted));
        self.roles.get(role).is_some_and(|role| !role.is_revoked && trusts(role))
    }

    fn set_revoked(&mut self, role: &str, is_revoked: bool) {
        if let Some(role) = self.roles.get_mut(role) {
            role.is_revoked = is_revoked;
        }
    }
}

impl Aws {
    /// Makes a role in this account that whoever knows the external ID may assume, unless there is one of that name.
    /// Returns its ARN.
    pub fn add_role(&self, name: &str, external_id: Option<&str>) -> String {
        let arn = format!("arn:aws:iam::{}:role/{name}", self.here.account);
        let role = Role { external_id: external_id.map(str::to_owned), is_revoked: false };
        self.partition().global(&self.here.account).iam.roles.entry(arn.clone()).or_insert(role);
        arn
    }

    /// Nobody may assume this role any more, and nobody in it may do anything.
    pub fn revoke_role(&self, role: &str) {
        let mut partition = self.partition();
        partition.global(account_of(role)).iam.set_revoked(role, true);
        partition.sts.revoke(role);
    }

    /// The role may be assumed again. Credentials from before stay worthless.
    pub fn restore_role(&self, role: &str) {
        self.partition().global(account_of(role)).iam.set_revoked(role, false);
    }
}

/// The account of a role.
fn account_of(role: &str) -> &str {
    role.split(':').nth(4).unwrap_or_default()
}
