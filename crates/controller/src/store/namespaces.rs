//! The labels of namespaces, on which it hangs whether routes may use an entry point elsewhere.
//!
//! They come from one watch and from nowhere else, so what comes later is newer.

use std::collections::{BTreeMap, BTreeSet};

use weir_engine::ObjectRef;
use weir_engine::depend::of_namespace;

use super::Store;
use crate::document::Document;

/// How far the list of namespaces has come.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// What a list that is coming in has shown so far.
    shown: Option<BTreeSet<String>>,
    /// Whether one was complete, or is not to be had.
    settled: bool,
}

impl Listing {
    pub fn is_listed(&self) -> bool {
        self.settled
    }
}

/// Each says which objects must be looked at again.
impl Store {
    /// Namespaces are watched: before the list of them is complete, nothing is.
    pub fn await_namespaces(&mut self) {
        self.cluster.namespaces = Some(BTreeMap::new());
    }

    /// The API server does not let us read them: what is known stays, and nothing waits for more.
    pub fn forgo_namespaces(&mut self) {
        self.namespaces.settled = true;
    }

    /// A list of the namespaces begins.
    pub fn begin_namespaces(&mut self) {
        self.namespaces.shown = Some(BTreeSet::new());
    }

    /// The list is complete: what it has not shown is no more.
    pub fn end_namespaces(&mut self) -> BTreeSet<ObjectRef> {
        self.namespaces.settled = true;
        let Some(shown) = self.namespaces.shown.take() else { return BTreeSet::new() };
        let known = self.cluster.namespaces.iter().flat_map(BTreeMap::keys);
        let missing: Vec<String> = known.filter(|name| !shown.contains(*name)).cloned().collect();
        missing.iter().flat_map(|name| self.set_labels(name, None)).collect()
    }

    /// A namespace is new or has changed.
    pub fn put_namespace(&mut self, document: Document) -> BTreeSet<ObjectRef> {
        let Some(name) = document.metadata.name else { return BTreeSet::new() };
        if let Some(shown) = &mut self.namespaces.shown {
            shown.insert(name.clone());
        }
        self.set_labels(&name, Some(document.metadata.labels.unwrap_or_default()))
    }

    /// A namespace is no more.
    pub fn delete_namespace(&mut self, document: &Document) -> BTreeSet<ObjectRef> {
        document.metadata.name.as_deref().map(|name| self.set_labels(name, None)).unwrap_or_default()
    }

    fn set_labels(&mut self, name: &str, labels: Option<BTreeMap<String, String>>) -> BTreeSet<ObjectRef> {
        let Some(namespaces) = &mut self.cluster.namespaces else { return BTreeSet::new() };
        if namespaces.get(name) == labels.as_ref() {
            return BTreeSet::new();
        }
        match labels {
            Some(labels) => drop(namespaces.insert(name.to_owned(), labels)),
            None => drop(namespaces.remove(name)),
        }
        of_namespace(&self.cluster, name)
    }
}
