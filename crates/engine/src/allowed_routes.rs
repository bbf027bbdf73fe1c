//! Which namespaces may bring their routes to an entry point of another one.

use std::collections::BTreeMap;

use weir_api::sharing::NamespaceSource;

use crate::object::{Cluster, EntryPointObject};

/// Why the routes of a namespace may not use an entry point of another, in words.
pub(crate) fn wrong_namespace(cluster: &Cluster, namespace: &str, entry_point: &EntryPointObject) -> Option<String> {
    let allowed = &entry_point.spec.allowed_routes.namespaces;
    match (allowed.from, &allowed.selector) {
        (NamespaceSource::All, _) => None,
        (NamespaceSource::Same, _) => Some(format!(
            "it takes routes of its own namespace {} only. Set its spec.allowedRoutes.namespaces to {{from: All}}, or \
             to {{from: Selector, selector: …}} with a selector of the labels of the namespace {namespace}",
            entry_point.key.namespace
        )),
        (NamespaceSource::Selector, selector) => {
            let Some(namespaces) = &cluster.namespaces else {
                return Some(
                    "it selects namespaces by their labels, which this controller does not read, because it watches \
                     one namespace only. Run it for all namespaces, or set spec.allowedRoutes.namespaces to {from: All}"
                        .to_owned(),
                );
            };
            let Some(labels) = namespaces.get(namespace) else {
                return Some(format!(
                    "it selects namespaces by their labels, and those of the namespace {namespace} could not be read. \
                     Let the controller list and watch namespaces"
                ));
            };
            let selects = selector.as_ref().is_some_and(|selector| selector.selects(labels));
            (!selects).then(|| {
                format!(
                    "its spec.allowedRoutes.namespaces.selector does not select the namespace {namespace}, which has the \
                     labels {}. Label the namespace, or change the selector",
                    words(labels)
                )
            })
        }
    }
}

fn words(labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.join(", ")
}
