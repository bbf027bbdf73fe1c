//! Requests seen: which share of a route's requests each environment really answers, beside the weights that are
//! configured.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The requests that the balancer has sent to each environment of a route, as CloudWatch counts them.
///
/// Weights are what is configured, shares are what is seen; they differ while clients stick to a group. The metric is
/// `RequestCount` of an Application Load Balancer by target group, minute by minute; a minute arrives one to two
/// minutes after its end.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestsSeen {
    /// Since when the live weights are as they are. Only whole minutes after it are counted.
    pub since: Timestamp,
    /// The end of the newest minute that was counted. Absent until one has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// How many minutes were counted, at most five.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<i32>,
    /// Requests per minute over these minutes, all environments together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<i64>,
    /// The shares in words, for example `blue 95 %, green 5 %`; `unknown` where they cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The share of each environment in the requests of these minutes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub shares: Vec<EnvironmentShare>,
    /// Why the shares are not those of the weights, or cannot be told, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The share of one environment in the requests of a route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentShare {
    /// The name of the `Environment`.
    pub environment: String,
    /// Its share in percent, rounded.
    pub percent: i32,
}

/// What must be seen of a step before the next one is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Evidence {
    /// The weights were read back from AWS.
    #[default]
    Weights,
    /// Moreover, CloudWatch shows that the requests of clients follow them.
    Share,
}
