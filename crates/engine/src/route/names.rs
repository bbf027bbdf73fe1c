//! Which objects a route names.

use weir_api::{WeightedRouteSpec, WeightedRouteStatus};

use crate::object::objects::Names;
use crate::object::{Key, KindName, Object, ObjectRef};

use super::dns;
use super::listener::{entry_point_named, entry_point_of, was_marked};

impl Names for WeightedRouteSpec {
    type Status = WeightedRouteStatus;

    fn place(route: &Object<Self, WeightedRouteStatus>) -> Option<(Key, bool)> {
        match dns::contended(&route.spec) {
            Some(name) => Some((name, dns::was_marked(route))),
            None => Some((entry_point_of(route)?, was_marked(route))),
        }
    }

    fn named(&self, key: &Key) -> Vec<ObjectRef> {
        let entry_point = entry_point_named(self, &key.namespace);
        let entry_point = entry_point.map(|key| ObjectRef::new(KindName::EntryPoint, key));
        let environments = self.backends.iter().map(|backend| key.sibling(&backend.environment));
        environments.map(|key| ObjectRef::new(KindName::Environment, key)).chain(entry_point).collect()
    }
}
