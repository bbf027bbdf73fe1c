//! What IAM allows the controllers of a world.

use std::collections::BTreeSet;

use serde_json::Value;
use weir_aws::{Policy, Scope, ZoneName};
use weir_engine::dns::ZoneId;
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

    /// The same, with the names of a zone that a pattern is for.
    ///
    /// # Panics
    ///
    /// Never: a policy is plain data.
    pub fn policy_for_names(&self, zone: &str, pattern: &str) -> Value {
        self.policy_for(vec![ZoneName { zone: ZoneId::new(zone), pattern: pattern.to_owned() }])
    }

    /// The same, with names of any zones.
    ///
    /// # Panics
    ///
    /// Never: a policy is plain data.
    pub fn policy_for(&self, names: Vec<ZoneName>) -> Value {
        serde_json::to_value(Policy::new(&Scope { names, ..self.scope(&[], true) })).expect("a policy is plain data")
    }

    /// The same, for balancers by name, and with or without the right to adopt.
    ///
    /// # Panics
    ///
    /// Never: a policy is plain data.
    pub fn narrowed(&self, balancers: &[&str], adopt: bool) -> Value {
        serde_json::to_value(Policy::new(&self.scope(balancers, adopt))).expect("a policy is plain data")
    }

    fn scope(&self, balancers: &[&str], adopt: bool) -> Scope {
        Scope {
            owner: self.settings.owner.clone(),
            partition: "aws".to_owned(),
            account: "*".to_owned(),
            region: "*".to_owned(),
            balancers: balancers.iter().map(|name| (*name).to_owned()).collect(),
            adopt,
            roles: vec!["arn:aws:iam::*:role/*".to_owned()],
            names: Vec::new(),
        }
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
