//! The kinds of Weir: specs, statuses, conditions, and the schema and CEL rules that guard them.
//!
//! Types only. Nothing here knows a client, a clock or a decision. Every type orders and hashes and holds no
//! floating-point number, so that a model can visit each state once.

pub mod aws;
pub mod command;
pub mod condition;
pub mod duration;
pub mod entry_point;
pub mod environment;
pub mod matching;
pub mod requests;
pub mod sharing;
pub mod stored;
mod text;
pub mod traffic;
pub mod traffic_shift;
pub mod weighted_route;

pub use aws::AwsAccess;
pub use condition::Condition;
pub use duration::Duration;
pub use entry_point::{EntryPoint, EntryPointSpec, EntryPointStatus};
pub use environment::{Environment, EnvironmentSpec, EnvironmentStatus};
pub use matching::Match;
pub use sharing::AllowedRoutes;
pub use traffic_shift::{TrafficShift, TrafficShiftSpec, TrafficShiftStatus};
pub use weighted_route::{WeightedRoute, WeightedRouteSpec, WeightedRouteStatus};

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSONSchemaProps};
use kube::CustomResourceExt;

/// The API group of every kind.
pub const GROUP: &str = "weir.dev";

/// The finalizer that an object carries while deleting it must first be undone on AWS. It is one for all kinds, so that
/// there is one thing to look for, and to remove by hand where the controller is gone for good.
pub const FINALIZER: &str = "weir.dev/undo";

/// The label by which an object says which controller looks at it. Those without it are for the one that has no name.
pub const CONTROLLER_LABEL: &str = "weir.dev/controller";

/// The definitions of all kinds, in the order in which they are printed and installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![EntryPoint::crd(), Environment::crd(), WeightedRoute::crd(), TrafficShift::crd()];
    crds.iter_mut().for_each(limit_name);
    crds.iter_mut().for_each(leave_choices_to_rules);
    crds.iter_mut().for_each(stored::keep_fields);
    crds
}

/// Whether a value is what is read where it is absent, so that it is not written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Of several fields exactly one is given: a rule says so in words, and the API server would check no rule of an object in which
/// `oneOf` does not hold.
fn leave_choices_to_rules(crd: &mut CustomResourceDefinition) {
    let schemas =
        crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for schema in schemas {
        if let Some(spec) = schema.properties.as_mut().and_then(|properties| properties.get_mut("spec")) {
            spec.one_of = None;
        }
    }
}

/// Names are as long as values of labels at most. A rule could say so, but the API server would not name the field then.
fn limit_name(crd: &mut CustomResourceDefinition) {
    let text = |kind: &str| JSONSchemaProps { type_: Some(kind.to_owned()), ..JSONSchemaProps::default() };
    let name = JSONSchemaProps { max_length: Some(63), ..text("string") };
    let properties = Some(BTreeMap::from([("name".to_owned(), name)]));
    let metadata = JSONSchemaProps { properties, ..text("object") };
    let schemas =
        crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for schema in schemas {
        schema.properties.get_or_insert_default().insert("metadata".to_owned(), metadata.clone());
    }
}
