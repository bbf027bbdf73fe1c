//! What routes and shifts both speak of: the weight and the members of an environment, the capacity that a weight
//! needs, and how a run ended.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configured weight of one environment.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentWeight {
    /// The name of the `Environment`.
    pub environment: String,
    /// Its weight, from 0 to 999, relative to the other weights of the route.
    pub weight: i32,
}

/// What an environment lends to a route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentMembers {
    /// The name of the `Environment`.
    pub environment: String,
    /// The ARNs of its target groups; for a route of a listener there is exactly one. Of a balancer, those whose healthy
    /// targets are the capacity behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_groups: Vec<String>,
    /// The ARN of its balancer, where the route is of a name in DNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer: Option<String>,
}

impl EnvironmentMembers {
    /// An environment that lends one target group.
    pub fn of_group(environment: impl Into<String>, arn: impl Into<String>) -> Self {
        Self { environment: environment.into(), target_groups: vec![arn.into()], balancer: None }
    }

    /// The ARN of what the environment lends: the balancer, or else the target group, where there is exactly one.
    pub fn lent(&self) -> Option<&str> {
        self.balancer.as_deref().or_else(|| self.group())
    }

    /// The ARN of the target group, where there is exactly one.
    pub fn group(&self) -> Option<&str> {
        match self.target_groups.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// How much healthy capacity a weight needs.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// How many healthy targets an environment needs for its part of the traffic, in percent of that part of the
    /// targets that were healthy on the live side when the run began. Give less than 100 where the new targets are
    /// larger than the old ones.
    #[serde(default = "all_of_it")]
    #[schemars(range(min = 1, max = 200))]
    pub min_healthy_percent: i32,
}

fn all_of_it() -> i32 {
    100
}

impl Default for Capacity {
    fn default() -> Self {
        Self { min_healthy_percent: all_of_it() }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// The candidate carries everything.
    Succeeded,
    /// The traffic is back on what carried it before.
    RolledBack,
    /// Neither was reached.
    Failed,
    /// Another run took over.
    Superseded,
}
