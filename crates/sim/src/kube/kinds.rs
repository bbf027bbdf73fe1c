//! Which resources are served: the built-in ones and those that posted definitions brought.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::schema::Schema;
use super::table::Columns;

/// A resource without its version: the key under which objects are stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupResource {
    /// API group; empty for the core group.
    pub group: String,
    /// Plural name of the resource.
    pub resource: String,
}

impl GroupResource {
    pub(super) fn new(group: &str, resource: &str) -> Self {
        Self { group: group.to_owned(), resource: resource.to_owned() }
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() { f.write_str(&self.resource) } else { write!(f, "{}.{}", self.resource, self.group) }
    }
}

/// How objects of a kind may be written when the general rules leave a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Part of the server; `create_on_update` lets a PUT create, `unconditional_update` lets it omit a version.
    BuiltIn { create_on_update: bool, unconditional_update: bool },
    /// Brought by a definition.
    Custom,
}

/// One kind in one version, as served.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) key: GroupResource,
    /// Where the objects lie; differs from `key` only for events, which two groups serve.
    pub(super) stored_as: GroupResource,
    pub(super) version: String,
    /// What objects of it say in `kind`.
    pub(super) name: String,
    /// What lists of them say in `kind`.
    pub(super) list_name: String,
    pub(super) singular: String,
    pub(super) short_names: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) namespaced: bool,
    pub(super) has_status: bool,
    /// Whether the server counts changes of the spec in `metadata.generation`.
    pub(super) has_generation: bool,
    pub(super) origin: Origin,
    pub(super) schema: Arc<Schema>,
    /// How its objects are printed.
    pub(super) columns: Columns,
}

impl Kind {
    /// `weir.dev/v1alpha1`, or `v1` for the core group.
    pub(super) fn api_version(&self) -> String {
        if self.key.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.key.group, self.version) }
    }

    pub(super) fn is_custom(&self) -> bool {
        self.origin == Origin::Custom
    }
}

/// The resources served at present.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    served: BTreeMap<(GroupResource, String), Arc<Kind>>,
}

impl Kinds {
    pub(super) fn add(&mut self, kind: Kind) {
        self.served.insert((kind.key.clone(), kind.version.clone()), Arc::new(kind));
    }

    /// Stops serving every version of a resource.
    pub(super) fn remove(&mut self, key: &GroupResource) {
        self.served.retain(|(served, _), _| served != key);
    }

    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.served.get(&(GroupResource::new(group, plural), version.to_owned())).cloned()
    }

    /// The kind named `kind`, as `apiVersion` and `kind` of an object name it.
    pub(super) fn of_object(&self, api_version: &str, kind: &str) -> Option<Arc<Kind>> {
        self.all().find(|served| served.name == kind && served.api_version() == api_version).cloned()
    }

    /// The kind that a user means by a plural, singular or short name, with or without its group, or by its kind.
    pub(super) fn by_name(&self, name: &str) -> Option<Arc<Kind>> {
        let (short, group) = match name.split_once('.') {
            Some((short, group)) => (short, Some(group)),
            None => (name, None),
        };
        self.all()
            .filter(|kind| group.is_none_or(|group| kind.key.group == group))
            .find(|kind| {
                kind.key.resource == short
                    || kind.singular == short
                    || kind.name == short
                    || kind.short_names.iter().any(|known| known == short)
            })
            .cloned()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.served.values()
    }

    /// Groups other than the core one, each with its versions.
    pub(super) fn groups(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for kind in self.all().filter(|kind| !kind.key.group.is_empty()) {
            groups.entry(kind.key.group.clone()).or_default().insert(kind.version.clone());
        }
        groups
    }
}
