//! Which objects are this controller's, told by their label, so that several controllers can share a cluster.
//!
//! The API server is asked for these alone. What it answers to a request for one object by its name may be another's all
//! the same, since labels change.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use weir_api::CONTROLLER_LABEL;

/// The objects with the name of this controller in their label, or those without the label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection(pub Option<String>);

impl Selection {
    /// Whether an object with this metadata is among them.
    pub fn covers(&self, metadata: &ObjectMeta) -> bool {
        let label = metadata.labels.as_ref().and_then(|labels| labels.get(CONTROLLER_LABEL));
        label == self.0.as_ref()
    }
}

/// The label selector that the API server is given.
impl fmt::Display for Selection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(name) => write!(formatter, "{CONTROLLER_LABEL}={name}"),
            None => write!(formatter, "!{CONTROLLER_LABEL}"),
        }
    }
}
