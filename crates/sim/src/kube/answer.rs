//! From a request to its answer: which part of the server it concerns, and how what that part says is written.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::failure::Failure;
use super::kinds::{GroupResource, Kind};
use super::log::Request;
use super::read::Scope;
use super::request::{Call, Path, Target};
use super::world::World;
use super::write::Write;
use super::{definition, delete, discovery, read, watch};

/// What is answered.
pub(super) enum Answer {
    Json { code: u16, body: Arc<Value>, warnings: Vec<String> },
    Text { code: u16, body: &'static str },
    Watch(Box<watch::Plan>),
}

impl Answer {
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
pub(super) fn answer(world: &mut World, call: &Call, path: &str) -> Answer {
    let answer = dispatch(world, call).unwrap_or_else(|failure| Answer::Json {
        code: failure.code,
        body: Arc::new(failure.to_status()),
        warnings: failure.warnings,
    });
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let request = match &call.path {
        Path::Objects(target) => Request {
            at: world.clock.now(),
            verb: call.verb(target).to_owned(),
            resource: GroupResource::new(&target.group, &target.resource).to_string(),
            subresource: part(&target.subresource),
            namespace: part(&target.namespace),
            name: part(&target.name),
            code: answer.code(),
        },
        _ => Request {
            at: world.clock.now(),
            verb: call.method.as_str().to_lowercase(),
            resource: path.to_owned(),
            subresource: String::new(),
            namespace: String::new(),
            name: String::new(),
            code: answer.code(),
        },
    };
    world.log.add(request);
    answer
}

fn dispatch(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let target = match &call.path {
        Path::Objects(target) => target,
        _ if call.method != Method::GET => return Err(Failure::method_not_allowed()),
        Path::Version => return Ok(Answer::ok(discovery::version())),
        Path::Health => {
            return Ok(Answer::Text { code: 200, body: "ok" });
        }
        Path::CoreVersions => return Ok(Answer::ok(discovery::core_versions())),
        Path::Groups => return Ok(Answer::ok(discovery::groups(&world.kinds))),
        Path::Group(group) => {
            return discovery::group(&world.kinds, group).map(Answer::ok).ok_or_else(missing);
        }
        Path::Resources(group, version) => {
            return discovery::resources(&world.kinds, group, version).map(Answer::ok).ok_or_else(missing);
        }
        Path::Description(group, version) => {
            let kind = definition::key();
            let definitions = world.all(&kind).map(|(_, definition)| &**definition);
            return discovery::description(definitions, group, version).map(Answer::ok).ok_or_else(missing);
        }
        Path::Unknown => return Err(missing()),
    };
    let kind = world.kinds.find(&target.group, &target.version, &target.resource).ok_or_else(missing)?;
    // Cluster-wide requests for namespaced objects can only read.
    let in_namespace = target.namespace.is_some();
    let across = kind.namespaced && !in_namespace && target.name.is_none() && call.method == Method::GET;
    if in_namespace != kind.namespaced && !across {
        return Err(missing());
    }
    match target.subresource.as_deref() {
        None => objects(world, &kind, target, call),
        Some("status") if kind.has_status && target.name.is_some() => status(world, &kind, target, call),
        Some(_) => Err(missing()),
    }
}

fn missing() -> Failure {
    Failure::no_such_path()
}

fn objects(world: &mut World, kind: &Arc<Kind>, target: &Target, call: &Call) -> Result<Answer, Failure> {
    let metadata_only = call.accept.contains("as=PartialObjectMetadata");
    let place = (target.namespace.clone().unwrap_or_default(), target.name.clone().unwrap_or_default());
    let dry_run = call.parameter("dryRun") == Some("All");
    match call.verb(target) {
        "get" => {
            let object = read::get(world, kind, &place)?;
            Ok(Answer::ok(if metadata_only { Arc::new(metadata_of(&object)) } else { object }))
        }
        "list" => {
            let mut list = read::list(world, &Scope::of(kind, target, call)?, call)?;
            if metadata_only {
                list = metadata_list(&list);
            }
            Ok(Answer::ok(list))
        }
        "watch" => {
            let plan = watch::plan(world, Scope::of(kind, target, call)?, call, metadata_only)?;
            Ok(Answer::Watch(Box::new(plan)))
        }
        "create" if target.name.is_none() => write(world, kind, target, call),
        "update" | "patch" if target.name.is_some() => write(world, kind, target, call),
        "update" | "patch" if kind.is_custom() => Err(Failure::bad_request("name must be provided")),
        "delete" => {
            let options = delete::KubeOptions::read(&call.body, dry_run)?;
            Ok(Answer::ok(delete::delete(world, kind, &place, &options)?))
        }
        "deletecollection" => {
            let options = delete::KubeOptions::read(&call.body, dry_run)?;
            Ok(Answer::ok(delete::collection(world, &Scope::of(kind, target, call)?, &options)?))
        }
        _ => Err(Failure::method_not_allowed()),
    }
}

fn status(world: &mut World, kind: &Arc<Kind>, target: &Target, call: &Call) -> Result<Answer, Failure> {
    match call.verb(target) {
        "get" => {
            let place = (target.namespace.clone().unwrap_or_default(), target.name.clone().unwrap_or_default());
            Ok(Answer::ok(read::get(world, kind, &place)?))
        }
        "update" | "patch" => write(world, kind, target, call),
        _ => Err(Failure::method_not_allowed()),
    }
}

fn write(world: &mut World, kind: &Arc<Kind>, target: &Target, call: &Call) -> Result<Answer, Failure> {
    let write = Write::new(world, kind.clone(), target, call)?;
    let written = match call.verb(target) {
        "create" => write.create(&call.body)?,
        "update" => write.replace(&call.body)?,
        _ => write.patch(call.media_type(), &call.body)?,
    };
    let code = if written.created { 201 } else { 200 };
    Ok(Answer::Json { code, body: written.object, warnings: written.warnings })
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
