//! From a request to its answer: which part of the server it concerns, and how what that part says is written.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::failure::Failure;
use super::kinds::{GroupResource, Kind};
use super::log::Request;
use super::read::Scope;
use super::request::{Call, Path, Target};
use super::table::{self, Include};
use super::watch::Shape;
use super::write::Write;
use super::{delete, discovery, protobuf, read, watch};

/// What is answered.
pub(super) enum Reply {
    Json { code: u16, body: Arc<Value>, warnings: Vec<String> },
    Text { code: u16, body: &'static str },
    Watch(Box<watch::Plan>),
}

impl Reply {
    fn ok(body: impl Into<Arc<Value>>) -> Self {
        Self::Json { code: 200, body: body.into(), warnings: Vec::new() }
    }

    pub(super) fn code(&self) -> u16 {
        match self {
            Self::Json { code, .. } | Self::Text { code, .. } => *code,
            Self::Watch(_) => StatusCode::OK.as_u16(),
        }
    }
}

/// Does what a request asks for, at once, and notes it in the log.
pub(super) fn answer(cluster: &mut Cluster, call: &Call, path: &str) -> Reply {
    let answer = dispatch(cluster, call).unwrap_or_else(|failure| Reply::Json {
        code: failure.code,
        body: Arc::new(failure.to_status()),
        warnings: failure.warnings,
    });
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let request = match &call.path {
        Path::Objects(target) => Request {
            at: cluster.clock.now(),
            verb: call.verb(target).to_owned(),
            resource: GroupResource::new(&target.group, &target.resource).to_string(),
            subresource: part(&target.subresource),
            namespace: part(&target.namespace),
            name: part(&target.name),
            code: answer.code(),
        },
        _ => Request {
            at: cluster.clock.now(),
            verb: call.method.as_str().to_lowercase(),
            resource: path.to_owned(),
            subresource: String::new(),
            namespace: String::new(),
            name: String::new(),
            code: answer.code(),
        },
    };
    cluster.log.add(request);
    answer
}

fn dispatch(cluster: &mut Cluster, call: &Call) -> Result<Reply, Failure> {
    let target = match &call.path {
        Path::Objects(target) => target,
        _ if call.method != Method::GET => return Err(Failure::method_not_allowed()),
        Path::Version => return Ok(Reply::ok(discovery::version())),
        Path::Health => {
            return Ok(Reply::Text { code: 200, body: "ok" });
        }
        Path::CoreVersions => return Ok(Reply::ok(discovery::core_versions())),
        Path::Groups => return Ok(Reply::ok(discovery::groups(&cluster.kinds))),
        Path::Group(group) => {
            return discovery::group(&cluster.kinds, group).map(Reply::ok).ok_or_else(missing);
        }
        Path::Resources(group, version) => {
            return discovery::resources(&cluster.kinds, group, version).map(Reply::ok).ok_or_else(missing);
        }
        Path::Descriptions => return Ok(Reply::ok(discovery::descriptions(&cluster.kinds))),
        Path::Description(group, version) => {
            return discovery::description(cluster, group, version).map(Reply::ok).ok_or_else(missing);
        }
        Path::Unknown => return Err(missing()),
    };
    let kind = cluster.kinds.find(&target.group, &target.version, &target.resource).ok_or_else(missing)?;
    // Cluster-wide requests for namespaced objects can only read.
    let in_namespace = target.namespace.is_some();
    let across = kind.namespaced && !in_namespace && target.name.is_none() && call.method == Method::GET;
    if in_namespace != kind.namespaced && !across {
        return Err(missing());
    }
    match target.subresource.as_deref() {
        None => objects(cluster, &kind, target, call),
        Some("status") if kind.has_status && target.name.is_some() => status(cluster, &kind, target, call),
        Some(_) => Err(missing()),
    }
}

fn missing() -> Failure {
    Failure::no_such_path()
}

fn objects(cluster: &mut Cluster, kind: &Arc<Kind>, target: &Target, call: &Call) -> Result<Reply, Failure> {
    let metadata_only = call.accept.contains("as=PartialObjectMetadata");
    let table = table::is_asked_for(call).then(|| Include::read(call));
    let place = (target.namespace.clone().unwrap_or_default(), target.name.clone().unwrap_or_default());
    let dry_run = call.parameter("dryRun") == Some("All");
    match call.verb(target) {
        "get" => {
            let object = read::get(cluster, kind, &place)?;
            if let Some(include) = table {
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                let now = cluster.clock.now();
                return Ok(Reply::ok(kind.columns.table([&*object].into_iter(), include, &metadata, now)));
            }
            Ok(Reply::ok(if metadata_only { Arc::new(metadata_of(&object)) } else { object }))
        }
        "list" => {
            let mut list = read::list(cluster, &Scope::of(kind, target, call)?, call)?;
            if let Some(include) = table {
                let items = list["items"].as_array().into_iter().flatten();
                list = kind.columns.table(items, include, &list["metadata"], cluster.clock.now());
            } else if metadata_only {
                list = metadata_list(&list);
            }
            Ok(Reply::ok(list))
        }
        "watch" => {
            let shape = match table {
                Some(include) => Shape::Table(include),
                None if metadata_only => Shape::Metadata,
                None => Shape::Whole,
            };
            let plan = watch::plan(cluster, Scope::of(kind, target, call)?, call, shape)?;
            Ok(Reply::Watch(Box::new(plan)))
        }
        "create" if target.name.is_none() => write(cluster, kind, target, call),
        "update" | "patch" if target.name.is_some() => write(cluster, kind, target, call),
        "update" | "patch" if kind.is_custom() => Err(Failure::bad_request("name must be provided")),
        "delete" => {
            let options = delete::KubeOptions::read(&call.body, dry_run)?;
            Ok(Reply::ok(delete::delete(cluster, kind, &place, &options)?))
        }
        "deletecollection" => {
            let options = delete::KubeOptions::read(&call.body, dry_run)?;
            Ok(Reply::ok(delete::collection(cluster, &Scope::of(kind, target, call)?, &options)?))
        }
        _ => Err(Failure::method_not_allowed()),
    }
}

fn status(cluster: &mut Cluster, kind: &Arc<Kind>, target: &Target, call: &Call) -> Result<Reply, Failure> {
    match call.verb(target) {
        "get" => {
            let place = (target.namespace.clone().unwrap_or_default(), target.name.clone().unwrap_or_default());
            Ok(Reply::ok(read::get(cluster, kind, &place)?))
        }
        "update" | "patch" => write(cluster, kind, target, call),
        _ => Err(Failure::method_not_allowed()),
    }
}

fn write(cluster: &mut Cluster, kind: &Arc<Kind>, target: &Target, call: &Call) -> Result<Reply, Failure> {
    let write = Write::new(cluster, kind.clone(), target, call)?;
    let written = match call.verb(target) {
        "patch" => write.patch(call.media_type(), &call.body)?,
        verb => {
            let is_protobuf = call.media_type() == protobuf::MEDIA_TYPE;
            let body = if is_protobuf { protobuf::to_json(&call.body, kind)?.into() } else { call.body.clone() };
            if verb == "create" { write.create(&body)? } else { write.replace(&body)? }
        }
    };
    let code = if written.created { 201 } else { 200 };
    Ok(Reply::Json { code, body: written.object, warnings: written.warnings })
}

/// An object reduced to its metadata.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"]})
}

fn metadata_list(list: &Value) -> Value {
    let items: Vec<Value> = list["items"].as_array().into_iter().flatten().map(metadata_of).collect();
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadataList",
        "metadata": list["metadata"],
        "items": items,
    })
}
