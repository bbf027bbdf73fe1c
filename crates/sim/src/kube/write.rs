//! Creating, replacing and patching objects.
//!
//! Every write ends in at most one [`World::commit`]; one that would change nothing commits nothing, so that it
//! takes no version and no watch hears of it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::field::FieldError;
use super::kinds::{GroupResource, Kind, Origin};
use super::request::{Call, Target};
use super::world::{Place, World};
use super::{definition, events, merge, metadata, sweep, validate};

/// What to do about fields that the schema does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    Drop,
    Warn,
    Refuse,
}

/// One write under way.
pub(super) struct Write<'a> {
    pub(super) world: &'a mut World,
    pub(super) kind: Arc<Kind>,
    pub(super) place: Place,
    /// Whether it goes to the `/status` subresource.
    pub(super) status: bool,
    pub(super) unknown: Unknown,
    pub(super) dry_run: bool,
    pub(super) warnings: Vec<String>,
}

/// Patch languages that are spoken here.
const PATCHES: [&str; 1] = ["application/merge-patch+json"];

impl<'a> Write<'a> {
    pub(super) fn new(
        world: &'a mut World,
        kind: Arc<Kind>,
        target: &Target,
        call: &Call,
    ) -> Result<Self, Failure> {
        let unknown = match call.parameter("fieldValidation") {
            None | Some("Warn") => Unknown::Warn,
            Some("Ignore") => Unknown::Drop,
            Some("Strict") => Unknown::Refuse,
            Some(other) => {
                let message = format!(
                    "fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\""
                );
                return Err(Failure::bad_request(message));
            }
        };
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        Ok(Self {
            world,
            kind,
            place: (part(&target.namespace), part(&target.name)),
            status: target.subresource.as_deref() == Some("status"),
            unknown,
            dry_run: call.parameter("dryRun") == Some("All"),
            warnings: Vec::new(),
        })
    }

    /// Makes a new object.
    pub(super) fn create(mut self, body: &[u8]) -> Result<(Arc<Value>, Vec<String>), Failure> {
        let mut object = self.decode(body)?;
        self.shape(&mut object)?;
        metadata::wipe_system_fields(&mut object);
        let namespace = Some(self.place.0.clone()).filter(|namespace| !namespace.is_empty());
        metadata::settle_namespace(&mut object, namespace.as_deref())?;
        let generate = metadata::text(&object, "generateName").to_owned();
        if metadata::text(&object, "name").is_empty() && !generate.is_empty() {
            let name = self.world.generate_name(&generate);
            metadata::of(&mut object).insert("name".into(), json!(name));
        }
        metadata::text(&object, "name").clone_into(&mut self.place.1);
        self.check_namespace()?;
        self.insert(object).map(|object| (object, self.warnings))
    }

    /// Stores a new object that is decoded and has its name.
    fn insert(&mut self, mut object: Value) -> Result<Arc<Value>, Failure> {
        if !metadata::text(&object, "resourceVersion").is_empty() {
            return Err(Failure::internal(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let now = self.world.now();
        let uid = self.world.uid();
        let fields = metadata::of(&mut object);
        fields.insert("uid".into(), json!(uid));
        fields.insert("creationTimestamp".into(), json!(now));
        fields.remove("resourceVersion");
        fields.remove("generation");
        if self.kind.has_generation {
            fields.insert("generation".into(), json!(1));
        }
        if self.kind.has_status
            && let Some(fields) = object.as_object_mut()
        {
            fields.remove("status");
        }
        self.kind.schema.default(&mut object);
        sweep::prepare(&self.kind, &mut object);
        metadata::normalize(&mut object);
        let mut errors = metadata::validate(&object, &self.kind);
        errors.extend(validate::object(&self.kind, &object, None));
        self.refuse_if(&object, &errors)?;
        if self.world.get(&self.kind.stored_as, &self.place).is_some() {
            return Err(Failure::already_exists(&self.kind.key, &self.place.1));
        }
        self.store(object)
    }

    /// Replaces an object as a whole.
    pub(super) fn replace(mut self, body: &[u8]) -> Result<(Arc<Value>, Vec<String>), Failure> {
        let mut object = self.decode(body)?;
        self.shape(&mut object)?;
        self.check_name(&object)?;
        if let Some(old) = self.world.get(&self.kind.stored_as, &self.place) {
            let old = World::shown_as(&self.kind, old);
            return self
                .update(object, &old)
                .map(|object| (object, self.warnings));
        }
        let Origin::BuiltIn {
            create_on_update: true,
            ..
        } = self.kind.origin
        else {
            return Err(Failure::not_found(&self.kind.key, &self.place.1));
        };
        self.check_namespace()?;
        metadata::wipe_system_fields(&mut object);
        metadata::of(&mut object).insert("namespace".into(), json!(self.place.0));
        self.insert(object).map(|object| (object, self.warnings))
    }

    /// Changes an object by a patch.
    pub(super) fn patch(
        mut self,
        media_type: &str,
        body: &[u8],
    ) -> Result<(Arc<Value>, Vec<String>), Failure> {
        if !PATCHES.contains(&media_type) {
            return Err(Failure::unsupported_media_type(&PATCHES));
        }
        let old = self.world.get(&self.kind.stored_as, &self.place);
        let old = old.ok_or_else(|| Failure::not_found(&self.kind.key, &self.place.1))?;
        let old = World::shown_as(&self.kind, old);
        let patch: Value = serde_json::from_slice(body)
            .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
        if !patch.is_object() {
            return Err(Failure::bad_request(
                "error decoding patch: a merge patch must be a JSON object",
            ));
        }
        let mut object = Value::clone(&old);
        merge::apply(&mut object, &patch);
        self.check_identity(&object)?;
        metadata::check_types(&object, &self.kind)?;
        self.shape_patched(&mut object, &patch)?;
        self.check_name(&object)?;
        self.update(object, &old)
            .map(|object| (object, self.warnings))
    }

    /// Puts `new` in the place of `old`, following the rules for updates.
    fn update(&mut self, mut new: Value, old: &Arc<Value>) -> Result<Arc<Value>, Failure> {
        self.check_precondition(&mut new, old)?;
        let namespace = Some(self.place.0.clone()).filter(|namespace| !namespace.is_empty());
        metadata::settle_namespace(&mut new, namespace.as_deref())?;
        if self.status {
            let status = new
                .as_object_mut()
                .and_then(|fields| fields.remove("status"));
            new = Value::clone(old);
            set_or_remove(&mut new, "status", status);
        } else {
            metadata::keep_system_fields(&mut new, old);
            if self.kind.has_status {
                set_or_remove(&mut new, "status", old.get("status").cloned());
            }
            if self.kind.has_generation && !same_but_metadata(&new, old) {
                metadata::of(&mut new)
                    .insert("generation".into(), json!(metadata::generation(old) + 1));
            }
        }
        self.kind.schema.default(&mut new);
        metadata::normalize(&mut new);
        let mut errors = metadata::validate(&new, &self.kind);
        errors.extend(metadata::validate_update(&new, old));
        errors.extend(validate::object(&self.kind, &new, Some(old)));
        self.refuse_if(&new, &errors)?;
        if new == **old {
            return Ok(old.clone());
        }
        if metadata::is_deleting(old)
            && metadata::finalizers(&new).is_empty()
            && !sweep::holds(&self.kind, &new)
        {
            return Ok(self.remove(new));
        }
        self.store(new)
    }

    /// Refuses an update by a writer who does not know the present object.
    fn check_precondition(&self, new: &mut Value, old: &Value) -> Result<(), Failure> {
        let (key, name) = (&self.kind.key, self.place.1.as_str());
        let (uid, old_uid) = (metadata::text(new, "uid"), metadata::text(old, "uid"));
        if !uid.is_empty() && uid != old_uid {
            let because = format!(
                "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
                 failed: UID in precondition: {uid}, UID in object meta: {old_uid}",
                storage_key(key, &self.place),
            );
            return Err(Failure::conflict(key, name, &because));
        }
        let version = metadata::text(new, "resourceVersion");
        let current = metadata::text(old, "resourceVersion").to_owned();
        match (version, self.kind.origin) {
            (
                "" | "0",
                Origin::BuiltIn {
                    unconditional_update: true,
                    ..
                },
            ) => {
                metadata::of(new).insert("resourceVersion".into(), json!(current));
                Ok(())
            }
            ("" | "0", _) => {
                let error = FieldError::invalid(
                    "metadata.resourceVersion",
                    json!(0),
                    "must be specified for an update",
                );
                // The server names the resource here where it names the kind elsewhere.
                Err(Failure::invalid(&key.group, &key.resource, name, &[error]))
            }
            (version, _) if version.parse::<u64>().is_err() => Err(Failure::bad_request(format!(
                "invalid resourceVersion {version:?}: expected a number"
            ))),
            (version, _) if version != current => Err(Failure::stale(key, name)),
            _ => Ok(()),
        }
    }

    fn store(&mut self, object: Value) -> Result<Arc<Value>, Failure> {
        if self.dry_run {
            return Ok(Arc::new(object));
        }
        let stored = if self.kind.stored_as == self.kind.key {
            object
        } else {
            events::to_core(&object)
        };
        let stored = self
            .world
            .commit(&self.kind.stored_as, &self.place, Some(stored));
        definition::follow(self.world, &self.kind, &self.place);
        Ok(World::shown_as(&self.kind, &stored))
    }

    /// The object's last finalizer went, and so does the object.
    fn remove(&mut self, last: Value) -> Arc<Value> {
        if self.dry_run {
            return Arc::new(last);
        }
        let gone = self.world.commit(&self.kind.stored_as, &self.place, None);
        sweep::sweep(self.world);
        let mut last = last;
        last["metadata"]["resourceVersion"] = gone["metadata"]["resourceVersion"].clone();
        Arc::new(last)
    }

    /// Reads a body as an object of this kind.
    fn decode(&self, body: &[u8]) -> Result<Value, Failure> {
        let object: Value = serde_json::from_slice(body).map_err(|error| {
            let message = format!("the object provided is unrecognized: couldn't get version/kind; json parse error: {error}");
            Failure::bad_request(message)
        })?;
        if !object.is_object() {
            return Err(Failure::bad_request(
                "the object provided is unrecognized: expected a JSON object",
            ));
        }
        self.check_identity(&object)?;
        metadata::check_types(&object, &self.kind)?;
        Ok(object)
    }

    /// Refuses an object of another kind or version than the path names.
    fn check_identity(&self, object: &Value) -> Result<(), Failure> {
        let text = |name: &str| object[name].as_str().unwrap_or_default();
        let expected = self.kind.api_version();
        if self.kind.is_custom() {
            for (field, word) in [("kind", "Kind"), ("apiVersion", "apiVersion")] {
                if text(field).is_empty() {
                    return Err(Failure::bad_request(format!(
                        "Object '{word}' is missing in '{object}'"
                    )));
                }
            }
        }
        if !text("apiVersion").is_empty() && text("apiVersion") != expected {
            let message = format!(
                "the API version in the data ({}) does not match the expected API version ({expected})",
                text("apiVersion")
            );
            return Err(Failure::bad_request(message));
        }
        if !text("kind").is_empty() && text("kind") != self.kind.kind {
            let error = FieldError::invalid(
                "kind",
                json!(text("kind")),
                format!("must be {}", self.kind.kind),
            );
            let name = metadata::text(object, "name");
            return Err(Failure::invalid(
                &self.kind.key.group,
                &self.kind.kind,
                name,
                &[error],
            ));
        }
        Ok(())
    }

    /// Drops unknown fields, saying so as the request wants, and fills in defaults.
    fn shape(&mut self, object: &mut Value) -> Result<(), Failure> {
        let unknown = self.prune(object);
        if self.unknown == Unknown::Refuse && !unknown.is_empty() {
            let name = &self.kind.kind;
            return Err(Failure::bad_request(format!(
                "{name} in version {:?} cannot be handled as a {name}: strict decoding error: {}",
                self.kind.version,
                unknown.join(", "),
            )));
        }
        Ok(())
    }

    fn shape_patched(&mut self, object: &mut Value, patch: &Value) -> Result<(), Failure> {
        let unknown = self.prune(object);
        if self.unknown == Unknown::Refuse && !unknown.is_empty() {
            let detail = format!("strict decoding error: {}", unknown.join(", "));
            let error = FieldError::invalid("patch", json!(patch.to_string()), detail);
            return Err(Failure::invalid("", "", "", &[error]));
        }
        Ok(())
    }

    fn prune(&mut self, object: &mut Value) -> Vec<String> {
        object["apiVersion"] = json!(self.kind.api_version());
        object["kind"] = json!(self.kind.kind);
        let unknown: Vec<String> = self
            .kind
            .schema
            .prune(object)
            .iter()
            .map(|path| format!("unknown field {path:?}"))
            .collect();
        if self.unknown == Unknown::Warn {
            self.warnings.extend(unknown.iter().cloned());
        }
        self.kind.schema.default(object);
        unknown
    }

    fn check_name(&self, object: &Value) -> Result<(), Failure> {
        let (namespace, name) = &self.place;
        let found = metadata::text(object, "name");
        if found != name {
            return Err(Failure::bad_request(if found.is_empty() {
                format!(
                    "the name of the object ({name} based on URL) was undeterminable: name must be provided"
                )
            } else {
                format!(
                    "the name of the object ({found}) does not match the name on the URL ({name})"
                )
            }));
        }
        let found = metadata::text(object, "namespace");
        if !namespace.is_empty() && !found.is_empty() && found != namespace {
            return Err(Failure::bad_request(format!(
                "the namespace of the object ({found}) does not match the namespace on the request ({namespace})"
            )));
        }
        Ok(())
    }

    /// Refuses new objects in a namespace that is not there or on its way out.
    fn check_namespace(&self) -> Result<(), Failure> {
        let (namespace, name) = &self.place;
        if namespace.is_empty() {
            return Ok(());
        }
        let namespaces = GroupResource::new("", "namespaces");
        let place = (String::new(), namespace.clone());
        let Some(found) = self.world.get(&namespaces, &place) else {
            return Err(Failure::not_found(&namespaces, namespace));
        };
        if metadata::is_deleting(found) {
            let because = format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            );
            let message = format!("namespace {namespace} is being terminated");
            return Err(
                Failure::forbidden(&self.kind.key, name, &because).with_cause(
                    "NamespaceTerminating",
                    &message,
                    "metadata.namespace",
                ),
            );
        }
        Ok(())
    }

    fn refuse_if(&self, object: &Value, errors: &[FieldError]) -> Result<(), Failure> {
        if errors.is_empty() {
            return Ok(());
        }
        Err(Failure::invalid(
            &self.kind.key.group,
            &self.kind.kind,
            metadata::text(object, "name"),
            errors,
        ))
    }
}

fn set_or_remove(object: &mut Value, field: &str, value: Option<Value>) {
    match value {
        Some(value) => object[field] = value,
        None => {
            if let Some(fields) = object.as_object_mut() {
                fields.remove(field);
            }
        }
    }
}

fn same_but_metadata(one: &Value, other: &Value) -> bool {
    let fields = |object: &Value| -> Vec<(String, Value)> {
        let fields = object
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "metadata");
        fields
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    fields(one) == fields(other)
}

/// The key that error messages of a real server name.
fn storage_key(key: &GroupResource, place: &Place) -> String {
    let group = if key.group.is_empty() {
        String::new()
    } else {
        format!("{}/", key.group)
    };
    let namespace = if place.0.is_empty() {
        String::new()
    } else {
        format!("{}/", place.0)
    };
    format!("/registry/{group}{}/{namespace}{}", key.resource, place.1)
}
