//! What IAM allows the controllers of a world.

use std::collections::BTreeSet;

use serde_json::Value;
use weir_aws::{Policy, Scope};
use weir_sim::aws::Right;

use super::World;
use crate::wire::ACCESS_KEY;

impl World {
    /// The policy that the installation needs, as `weir iam-policy` prints it.
    ///
    /// # Panics
    ///
    /// Never: a policy is plain data.
    pub fn policy(&self) -> Value {
        self.narrowed(&[], true)
    }

    /// The same, for balancers by name, and with or without the right to adopt.
    ///
    /// # Panics
    ///
    /// Never: a policy is plain data.
    pub fn narrowed(&self, balancers: &[&str], adopt: bool) -> Value {
        let scope = Scope {
            owner: self.settings.owner.clone(),
            partition: "aws".to_owned(),
            account: "*".to_owned(),
            region: "*".to_owned(),
            balancers: balancers.iter().map(|name| (*name).to_owned()).collect(),
            adopt,
            roles: vec!["arn:aws:iam::*:role/*".to_owned()],
        };
        serde_json::to_value(Policy::new(&scope)).expect("a policy is plain data")
    }

    /// Lets the controllers do on AWS only what a policy allows.
    ///
    /// # Panics
    ///
    /// When the policy says something that the simulated AWS cannot judge.
    pub fn restrict(&self, policy: &Value) {
        self.aws.restrict(ACCESS_KEY, policy).expect("the simulated AWS can judge the policy");
    }

    /// The rights that IAM gives the controllers and of which they have made no use yet.
    pub fn unused_rights(&self) -> BTreeSet<Right> {
        self.aws.unused_rights(ACCESS_KEY)
    }
}
