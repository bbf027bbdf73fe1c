//! Checks that the watched namespace exists: in one that does not, nothing would ever happen, and nobody would
//! say why.

use std::future;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use tracing::{info, warn};

use crate::health::{Health, Prerequisite};

/// How soon is looked again for a namespace that is not there.
const MISSING: Duration = Duration::from_secs(10);
/// How soon is looked again for one that is there, or may not be looked for.
const PRESENT: Duration = Duration::from_mins(1);

/// Looks for the namespace again and again, and says to probes when it is not there. Where all are looked at there is
/// none to look for.
pub async fn watch(client: kube::Client, namespace: Option<String>, health: Health) {
    let Some(name) = namespace else { return future::pending().await };
    let api: Api<Namespace> = Api::all(client);
    let mut is_missing = false;
    loop {
        let found = match api.get_metadata(&name).await {
            Ok(_) => Some(true),
            Err(kube::Error::Api(status)) if status.code == 404 => Some(false),
            // Who may not look for it, or is not answered, does not know.
            Err(_) => None,
        };
        if let Some(found) = found {
            let was_missing = std::mem::replace(&mut is_missing, !found);
            let message = format!(
                "found no namespace {name}; expected one that exists, since nothing else is looked at; make it, or name \
                 another with --namespace"
            );
            match (was_missing, is_missing) {
                (false, true) => warn!("{message}"),
                (true, false) => info!(namespace = name, "the namespace is there"),
                (false, false) | (true, true) => {}
            }
            health.set_unmet(Prerequisite::Namespace, is_missing.then_some(message));
        }
        tokio::time::sleep(if is_missing { MISSING } else { PRESENT }).await;
    }
}
