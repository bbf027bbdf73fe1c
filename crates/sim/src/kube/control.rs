//! The server's state for tests, the lab and the demo, without HTTP: nothing done here is in the log of requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::cluster::{Cluster, ObjectKey};
use super::failure::Failure;
use super::kinds::Kind;
use super::log::Request;
use super::request::{Call, Path, Target};
use super::write::Write;
use super::{Kube, delete, merge, metadata};

/// Where `kubectl apply` remembers what was applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How far back changes are known in a world that forgets, as `--etcd-compaction-interval` of kube-apiserver has it.
const KEPT: Duration = Duration::from_mins(5);

impl Kube {
    /// Creates or updates an object the way `kubectl apply` does: what was applied before and is now missing is
    /// removed, what others wrote stays, unknown fields are refused. Returns the object as it now is.
    pub fn apply(&self, object: &Value) -> Result<Value, Failure> {
        let mut cluster = self.cluster();
        let kind = kind_of(&cluster, object)?;
        let mut wanted = object.clone();
        if kind.namespaced && metadata::text(&wanted, "namespace").is_empty() {
            metadata::of(&mut wanted).insert("namespace".into(), json!("default"));
        }
        if let Some(annotations) = wanted["metadata"]["annotations"].as_object_mut() {
            annotations.remove(LAST_APPLIED);
        }
        let applied = format!("{wanted}\n");
        metadata::of(&mut wanted).entry("annotations").or_insert_with(|| json!({}))[LAST_APPLIED] = json!(applied);

        let place = super::cluster::place_of(&wanted);
        let current = cluster.get(&kind.stored_as, &place).map(|current| Cluster::shown_as(&kind, current));
        let written = match current {
            None => {
                let body = wanted.to_string();
                direct(&mut cluster, &kind, &(place.0, String::new()), "")?.create(body.as_bytes())?
            }
            Some(current) => {
                let last = current["metadata"]["annotations"][LAST_APPLIED].as_str();
                let last = last.and_then(|last| serde_json::from_str(last).ok()).unwrap_or(Value::Null);
                let patch = merge::three_way(&last, &wanted, &current);
                let body = patch.to_string();
                direct(&mut cluster, &kind, &place, "")?.patch("application/merge-patch+json", body.as_bytes())?
            }
        };
        Ok(Value::clone(&written.object))
    }

    /// An object; `resource` is a plural, singular or short name, with its group where that is needed, or a kind.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let cluster = self.cluster();
        let kind = cluster.kinds.by_name(resource)?;
        let place = place(&kind, namespace, name);
        cluster.get(&kind.stored_as, &place).map(|object| Cluster::shown_as(&kind, object))
    }

    /// The objects of a resource in the order of namespace and name; of every namespace if `namespace` is empty.
    pub fn list(&self, resource: &str, namespace: &str) -> Vec<Arc<Value>> {
        let cluster = self.cluster();
        let Some(kind) = cluster.kinds.by_name(resource) else {
            return Vec::new();
        };
        cluster
            .all(&kind.stored_as)
            .filter(|((there, _), _)| namespace.is_empty() || there == namespace)
            .map(|(_, object)| Cluster::shown_as(&kind, object))
            .collect()
    }

    /// Deletes an object like `kubectl delete`: it may stay until its finalizers are gone.
    pub fn delete(&self, resource: &str, namespace: &str, name: &str) -> Result<(), Failure> {
        let mut cluster = self.cluster();
        let kind = named(&cluster, resource)?;
        let place = place(&kind, namespace, name);
        delete::delete(&mut cluster, &kind, &place, &delete::KubeOptions::default()).map(drop)
    }

    /// Changes an object by a merge patch, as `kubectl patch --type merge` or `kubectl annotate` would.
    pub fn merge(&self, resource: &str, namespace: &str, name: &str, patch: &Value) -> Result<Value, Failure> {
        self.merge_into(resource, namespace, name, "", patch)
    }

    /// Changes the status of an object by a merge patch to its `status` subresource.
    pub fn merge_status(&self, resource: &str, namespace: &str, name: &str, patch: &Value) -> Result<Value, Failure> {
        self.merge_into(resource, namespace, name, "status", patch)
    }

    fn merge_into(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Value,
    ) -> Result<Value, Failure> {
        let mut cluster = self.cluster();
        let kind = named(&cluster, resource)?;
        let place = place(&kind, namespace, name);
        let body = patch.to_string();
        let write = direct(&mut cluster, &kind, &place, subresource)?;
        let written = write.patch("application/merge-patch+json", body.as_bytes())?;
        Ok(Value::clone(&written.object))
    }

    /// Takes the status away from an object, as a restore from a backup without statuses would.
    pub fn wipe_status(&self, resource: &str, namespace: &str, name: &str) -> Result<(), Failure> {
        let mut cluster = self.cluster();
        let kind = named(&cluster, resource)?;
        let place = place(&kind, namespace, name);
        let object = cluster.get(&kind.stored_as, &place).cloned();
        let mut object = Value::clone(&*object.ok_or_else(|| Failure::not_found(&kind.key, name))?);
        if object.as_object_mut().and_then(|fields| fields.remove("status")).is_some() {
            cluster.commit(&kind.stored_as, &place, Some(object));
        }
        Ok(())
    }

    /// Forgets the history of changes: watches and lists that go on from before it are told `410 Expired`.
    pub fn compact(&self) {
        self.cluster().compact();
    }

    /// Forgets what only those want to know who look back: the requests so far, and changes of some minutes ago, as etcd does
    /// in a real cluster. A world that lasts does so now and then.
    pub fn forget_history(&self) {
        let mut cluster = self.cluster();
        cluster.log.clear();
        if let Some(instant) = Instant::now().checked_sub(KEPT) {
            cluster.compact_before(instant);
        }
    }

    /// Keeps news of changes from all watches for a while; reads see them at once.
    pub fn hold_watches(&self, span: Duration) {
        self.cluster().hold_watches(Instant::now() + span);
    }

    /// Cuts every watch that is open now, as a load balancer in front of an API server does.
    pub fn cut_watches(&self) {
        self.cluster().cut_watches();
    }

    /// For a while watches tell every event twice.
    pub fn repeat_watches(&self, span: Duration) {
        self.cluster().echo_watches(Instant::now() + span);
    }

    /// The version of the newest change.
    pub fn version(&self) -> u64 {
        self.cluster().version()
    }

    /// The requests that came over the wire, oldest first; of very many, the newest.
    pub fn requests(&self) -> Vec<Request> {
        self.cluster().log.requests()
    }

    /// How many requests came over the wire, by verb and resource (`trafficshifts.weir.dev/status`).
    pub fn request_counts(&self) -> BTreeMap<(String, String), u64> {
        self.cluster().log.counters()
    }

    /// Forgets the requests so far, so that a test can count from here.
    pub fn forget_requests(&self) {
        self.cluster().log.clear();
    }
}

fn named(cluster: &Cluster, resource: &str) -> Result<Arc<Kind>, Failure> {
    cluster
        .kinds
        .by_name(resource)
        .ok_or_else(|| Failure::bad_request(format!("the server doesn't have a resource type {resource:?}")))
}

fn kind_of(cluster: &Cluster, object: &Value) -> Result<Arc<Kind>, Failure> {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    cluster.kinds.of_object(api_version, kind).ok_or_else(|| {
        let message =
            format!("no matches for kind {kind:?} in version {api_version:?}: ensure CRDs are installed first");
        Failure::bad_request(message)
    })
}

fn place(kind: &Kind, namespace: &str, name: &str) -> ObjectKey {
    (if kind.namespaced { namespace.to_owned() } else { String::new() }, name.to_owned())
}

/// A write as a request would start it, with strict validation like kubectl's.
fn direct<'a>(
    cluster: &'a mut Cluster,
    kind: &Arc<Kind>,
    place: &ObjectKey,
    subresource: &str,
) -> Result<Write<'a>, Failure> {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let target = Target {
        group: kind.key.group.clone(),
        version: kind.version.clone(),
        resource: kind.key.resource.clone(),
        namespace: some(&place.0),
        name: some(&place.1),
        subresource: some(subresource),
    };
    let call = Call {
        method: http::Method::PATCH,
        path: Path::Objects(target.clone()),
        query: [("fieldValidation".to_owned(), "Strict".to_owned())].into(),
        content_type: String::new(),
        accept: String::new(),
        body: bytes::Bytes::new(),
    };
    Write::new(cluster, kind.clone(), &target, &call)
}
