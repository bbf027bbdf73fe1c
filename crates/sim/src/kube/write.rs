//! Creating, replacing and patching objects.
//!
//! Every write ends in at most one [`Cluster::commit`]; one that would change nothing commits nothing, so that it
//! takes no version and no watch hears of it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cluster::{Cluster, ObjectKey};
use super::failure::Failure;
use super::field::{FieldError, Wrong};
use super::incoming::{self, Unknown};
use super::kinds::{GroupResource, Kind, Origin};
use super::request::{Call, Target};
use super::validate::Part;
use super::{definition, events, merge, metadata, sweep, validate};

/// Patch languages that are spoken here.
const PATCHES: [&str; 2] = [JSON_PATCH, "application/merge-patch+json"];
const JSON_PATCH: &str = "application/json-patch+json";

/// One write under way.
pub(super) struct Write<'a> {
    cluster: &'a mut Cluster,
    kind: Arc<Kind>,
    place: ObjectKey,
    /// Whether it goes to the `/status` subresource.
    status: bool,
    unknown: Unknown,
    dry_run: bool,
    warnings: Vec<String>,
}

/// What came of a write.
pub(super) struct Written {
    /// The object as it now is, or as it was last.
    pub(super) object: Arc<Value>,
    /// Whether it is a new object.
    pub(super) created: bool,
    /// What the writer should know.
    pub(super) warnings: Vec<String>,
}

impl<'a> Write<'a> {
    pub(super) fn new(
        cluster: &'a mut Cluster,
        kind: Arc<Kind>,
        target: &Target,
        call: &Call,
    ) -> Result<Self, Failure> {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        Ok(Self {
            cluster,
            kind,
            place: (part(&target.namespace), part(&target.name)),
            status: target.subresource.as_deref() == Some("status"),
            unknown: field_validation(target, call)?,
            dry_run: call.parameter("dryRun") == Some("All"),
            warnings: Vec::new(),
        })
    }

    fn namespace(&self) -> Option<&str> {
        Some(self.place.0.as_str()).filter(|namespace| !namespace.is_empty())
    }

    /// Makes a new object.
    pub(super) fn create(mut self, body: &[u8]) -> Result<Written, Failure> {
        let outcome = self.try_create(body);
        self.finish(outcome)
    }

    /// Replaces an object as a whole.
    pub(super) fn replace(mut self, body: &[u8]) -> Result<Written, Failure> {
        let outcome = self.try_replace(body);
        self.finish(outcome)
    }

    /// Changes an object by a patch.
    pub(super) fn patch(mut self, media_type: &str, body: &[u8]) -> Result<Written, Failure> {
        let outcome = self.try_patch(media_type, body);
        self.finish(outcome)
    }

    /// Warnings go with the answer, whatever it is.
    fn finish(self, outcome: Result<(Arc<Value>, bool), Failure>) -> Result<Written, Failure> {
        let warnings = self.warnings;
        match outcome {
            Ok((object, created)) => Ok(Written { object, created, warnings }),
            Err(failure) => Err(Failure { warnings, ..failure }),
        }
    }

    fn try_create(&mut self, body: &[u8]) -> Result<(Arc<Value>, bool), Failure> {
        let mut object = self.read(body)?;
        metadata::wipe_system_fields(&mut object);
        metadata::settle_namespace(&mut object, self.namespace())?;
        let generate = metadata::text(&object, "generateName").to_owned();
        if metadata::text(&object, "name").is_empty() && !generate.is_empty() {
            let name = self.cluster.generate_name(&generate);
            metadata::of(&mut object).insert("name".into(), json!(name));
        }
        metadata::text(&object, "name").clone_into(&mut self.place.1);
        self.check_namespace()?;
        self.insert(object).map(|object| (object, true))
    }

    /// Stores a new object that is decoded and has its name.
    fn insert(&mut self, mut object: Value) -> Result<Arc<Value>, Failure> {
        if !metadata::text(&object, "resourceVersion").is_empty() {
            let words = "resourceVersion should not be set on objects to be created";
            return Err(Failure::unexplained(words));
        }
        let now = self.cluster.now();
        let uid = self.cluster.uid();
        let fields = metadata::of(&mut object);
        fields.insert("uid".into(), json!(uid));
        fields.insert("creationTimestamp".into(), json!(now));
        fields.remove("resourceVersion");
        fields.remove("generation");
        if self.kind.has_generation {
            fields.insert("generation".into(), json!(1));
        }
        if self.kind.has_status {
            set_or_remove(&mut object, "status", None);
        }
        self.kind.schema.default(&mut object);
        sweep::prepare(&self.kind, &mut object);
        metadata::normalize(&mut object);
        let errors = metadata::validate(&object, &self.kind);
        let errors = validate::object(&self.kind, &object, None, Part::All, errors);
        self.refuse_if(&object, &errors)?;
        if let Some(old) = self.cluster.get(&self.kind.stored_as, &self.place) {
            let failure = Failure::already_exists(&self.kind.key, &self.place.1);
            return Err(if metadata::is_deleting(old) { failure.while_being_deleted() } else { failure });
        }
        Ok(self.store(object))
    }

    fn try_replace(&mut self, body: &[u8]) -> Result<(Arc<Value>, bool), Failure> {
        let mut object = self.read(body)?;
        metadata::settle_namespace(&mut object, self.namespace())?;
        self.check_name(&object)?;
        if let Some(old) = self.cluster.get(&self.kind.stored_as, &self.place) {
            let old = Cluster::shown_as(&self.kind, old);
            self.check_uid(&object, &old)?;
            return self.update(object, &old).map(|object| (object, false));
        }
        let Origin::BuiltIn { create_on_update: true, .. } = self.kind.origin else {
            return Err(Failure::not_found(&self.kind.key, &self.place.1));
        };
        self.check_namespace()?;
        metadata::wipe_system_fields(&mut object);
        self.insert(object).map(|object| (object, true))
    }

    fn try_patch(&mut self, media_type: &str, body: &[u8]) -> Result<(Arc<Value>, bool), Failure> {
        if media_type.starts_with("application/apply-patch") {
            return Err(Failure::no_server_side_apply(&PATCHES));
        }
        if !PATCHES.contains(&media_type) {
            return Err(Failure::unsupported_media_type(&PATCHES));
        }
        let old = self.cluster.get(&self.kind.stored_as, &self.place);
        let old = old.ok_or_else(|| Failure::not_found(&self.kind.key, &self.place.1))?;
        let old = Cluster::shown_as(&self.kind, old);
        let mut object = Value::clone(&old);
        if media_type == JSON_PATCH {
            incoming::apply_json_patch(&mut object, body)?;
        } else {
            merge::apply(&mut object, &incoming::merge_patch(body)?);
        }
        let unknown = incoming::shape(&mut object, &self.kind)?;
        if self.unknown == Unknown::Refuse && !unknown.is_empty() {
            let detail = format!("strict decoding error: {}", unknown.join(", "));
            let error = FieldError::invalid("patch", json!(object.to_string()), detail);
            return Err(Failure::invalid("", "", "", &[error]));
        }
        self.warn(unknown);
        metadata::settle_namespace(&mut object, self.namespace())?;
        self.check_name(&object)?;
        self.update(object, &old).map(|object| (object, false))
    }

    /// Puts `new` in the place of `old`, following the rules for updates.
    fn update(&mut self, mut new: Value, old: &Arc<Value>) -> Result<Arc<Value>, Failure> {
        self.check_version(&mut new, old)?;
        if self.status {
            let status = new.as_object_mut().and_then(|fields| fields.remove("status"));
            new = Value::clone(old);
            set_or_remove(&mut new, "status", status);
        } else {
            metadata::keep_system_fields(&mut new, old);
            if self.kind.has_status {
                set_or_remove(&mut new, "status", old.get("status").cloned());
            }
            if self.kind.has_generation && !metadata::are_same_beside(&new, old) {
                let generation = metadata::generation(old) + 1;
                metadata::of(&mut new).insert("generation".into(), json!(generation));
            }
        }
        self.kind.schema.default(&mut new);
        metadata::normalize(&mut new);
        let mut errors = metadata::validate(&new, &self.kind);
        // The server looks at how the metadata changed for every kind, and once more for custom ones.
        for _ in 0..if self.kind.is_custom() { 2 } else { 1 } {
            errors.extend(metadata::validate_update(&new, old));
        }
        let part = if self.status { Part::Status } else { Part::All };
        let errors = validate::object(&self.kind, &new, Some(old), part, errors);
        self.refuse_if(&new, &errors)?;
        if new == **old {
            return Ok(old.clone());
        }
        let released = metadata::finalizers(&new).is_empty() && !sweep::holds(&self.kind, &new);
        if metadata::is_deleting(old) && released {
            return Ok(self.remove(new));
        }
        Ok(self.store(new))
    }

    /// Refuses a replacement of another object than the present one.
    fn check_uid(&self, new: &Value, old: &Value) -> Result<(), Failure> {
        let (uid, present) = (metadata::text(new, "uid"), metadata::text(old, "uid"));
        if uid.is_empty() || uid == present {
            return Ok(());
        }
        let because = format!(
            "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
             failed: UID in precondition: {uid}, UID in object meta: {present}",
            storage_key(&self.kind.key, &self.place),
        );
        Err(Failure::conflict(&self.kind.key, &self.place.1, &because))
    }

    /// Refuses an update by a writer who does not know the present object.
    fn check_version(&self, new: &mut Value, old: &Value) -> Result<(), Failure> {
        let (key, name) = (&self.kind.key, self.place.1.as_str());
        let version = metadata::text(new, "resourceVersion");
        let current = metadata::text(old, "resourceVersion").to_owned();
        match (version, self.kind.origin) {
            ("" | "0", Origin::BuiltIn { unconditional_update: true, .. }) => {
                metadata::of(new).insert("resourceVersion".into(), json!(current));
                Ok(())
            }
            ("" | "0", _) => {
                let detail = "must be specified for an update";
                let error = FieldError::invalid("metadata.resourceVersion", json!(0), detail);
                // The server names the resource here where it names the kind elsewhere.
                Err(Failure::invalid(&key.group, &key.resource, name, &[error]))
            }
            (version, _) if version.parse::<u64>().is_err() => {
                let words = format!("strconv.ParseUint: parsing {version:?}: invalid syntax");
                Err(Failure::unexplained(words))
            }
            (version, _) if version != current => Err(Failure::stale(key, name)),
            _ => Ok(()),
        }
    }

    fn store(&mut self, object: Value) -> Arc<Value> {
        if self.dry_run {
            return Arc::new(object);
        }
        let converted = self.kind.stored_as != self.kind.key;
        let stored = if converted { events::to_core(&object) } else { object };
        let stored = self.cluster.commit(&self.kind.stored_as, &self.place, Some(stored));
        definition::follow(self.cluster, &self.kind, &self.place);
        Cluster::shown_as(&self.kind, &stored)
    }

    /// The object's last finalizer went, and so does the object.
    fn remove(&mut self, mut last: Value) -> Arc<Value> {
        if !self.dry_run {
            let gone = self.cluster.commit(&self.kind.stored_as, &self.place, None);
            sweep::sweep(self.cluster);
            last["metadata"]["resourceVersion"] = gone["metadata"]["resourceVersion"].clone();
        }
        Arc::new(last)
    }

    /// Reads a whole object from a body.
    fn read(&mut self, body: &[u8]) -> Result<Value, Failure> {
        let mut object = incoming::object(body, &self.kind)?;
        if self.unknown == Unknown::Refuse {
            incoming::refuse_unknown_version(&object, &self.kind)?;
        }
        let unknown = incoming::shape(&mut object, &self.kind)?;
        if self.unknown == Unknown::Refuse && !unknown.is_empty() {
            return Err(incoming::not_strict(&self.kind, &self.kind.version, &unknown));
        }
        self.warn(unknown);
        Ok(object)
    }

    fn warn(&mut self, unknown: Vec<String>) {
        if self.unknown == Unknown::Warn {
            self.warnings.extend(unknown);
        }
    }

    fn check_name(&self, object: &Value) -> Result<(), Failure> {
        let name = &self.place.1;
        match metadata::text(object, "name") {
            "" => Err(Failure::bad_request(format!(
                "the name of the object ({name} based on URL) was undeterminable: name must be provided"
            ))),
            found if found != name => Err(Failure::bad_request(format!(
                "the name of the object ({found}) does not match the name on the URL ({name})"
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses new objects in a namespace that is not there or on its way out.
    fn check_namespace(&self) -> Result<(), Failure> {
        let (namespace, name) = &self.place;
        if namespace.is_empty() {
            return Ok(());
        }
        let namespaces = GroupResource::new("", "namespaces");
        let place = (String::new(), namespace.clone());
        let Some(found) = self.cluster.get(&namespaces, &place) else {
            return Err(Failure::not_found(&namespaces, namespace));
        };
        if !metadata::is_deleting(found) {
            return Ok(());
        }
        let because = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let message = format!("namespace {namespace} is being terminated");
        Err(Failure::forbidden(&self.kind.key, name, &because).with_cause(
            "NamespaceTerminating",
            &message,
            "metadata.namespace",
        ))
    }

    fn refuse_if(&self, object: &Value, errors: &[FieldError]) -> Result<(), Failure> {
        if errors.is_empty() {
            return Ok(());
        }
        let name = metadata::text(object, "name");
        Err(Failure::invalid(&self.kind.stored_as.group, &self.kind.name, name, errors))
    }
}

/// How a request wants unknown fields treated.
fn field_validation(target: &Target, call: &Call) -> Result<Unknown, Failure> {
    let options = match call.verb(target) {
        "create" => "CreateOptions",
        "update" => "UpdateOptions",
        _ => "PatchOptions",
    };
    match call.parameter("fieldValidation") {
        None | Some("Warn") => Ok(Unknown::Warn),
        Some("Ignore") => Ok(Unknown::Drop),
        Some("Strict") => Ok(Unknown::Refuse),
        Some(other) => {
            let detail = "supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"";
            let error = FieldError::new(Wrong::NotSupported, "fieldValidation", json!(other), detail);
            Err(Failure::invalid("meta.k8s.io", options, "", &[error]))
        }
    }
}

fn set_or_remove(object: &mut Value, field: &str, value: Option<Value>) {
    match (value, object.as_object_mut()) {
        (Some(value), Some(fields)) => fields.insert(field.to_owned(), value),
        (None, Some(fields)) => fields.remove(field),
        (_, None) => None,
    };
}

/// The key that error messages of a real server name.
fn storage_key(key: &GroupResource, place: &ObjectKey) -> String {
    let part = |text: &str| {
        if text.is_empty() { String::new() } else { format!("{text}/") }
    };
    format!("/registry/{}{}/{}{}", part(&key.group), key.resource, part(&place.0), place.1)
}
