//! The run that last ended at a name: it is remembered there by a digest, since everybody can read it.

use std::collections::BTreeMap;

use weir_api::weighted_route::RunMemory;

use crate::dns::{LastRun, NameMemory, Replace};
use crate::write::{RecordsWrite, Write};

use super::super::observed::Looked;
use super::place::Place;

impl Place<'_> {
    /// The run that last ended; without names where it is none of a shift that names the route, to an environment that is known.
    pub(super) fn last_run(&self, looked: &Looked<'_>) -> Option<RunMemory> {
        let (memory, _) = self.survey.memory.as_ref()?;
        let last = memory.last.as_ref()?;
        let route = looked.route;
        let shifts = looked.cluster.shifts.values().filter(|shift| shift.key.namespace == route.key.namespace);
        let shifts = shifts.filter(|shift| shift.spec.routes.iter().any(|name| *name == route.key.name));
        let environments = route.spec.backends.iter().map(|backend| &backend.environment);
        let mut runs = shifts.flat_map(|shift| {
            let (run, past) = (shift.status.run.iter().map(|run| &run.to), shift.status.history.iter());
            let known = run.chain(past.map(|past| &past.to)).chain([&shift.spec.to]);
            known.chain(environments.clone()).map(|to| (shift.key.to_string(), to))
        });
        let known = runs.find(|(shift, to)| last.is_of(shift, to));
        let (shift, to) = known.map_or_else(Default::default, |(shift, to)| (shift, to.clone()));
        Some(RunMemory { shift, to, outcome: last.outcome })
    }

    /// The write by which the name remembers the run that last ended; without one, that there is none.
    pub fn remember(&self, owner: &str, run: Option<&RunMemory>) -> Option<Write> {
        if self.survey.memory.is_none() && !(self.is_forgotten() && self.knows_before()) {
            return None;
        }
        let last = run.map(|run| LastRun::new(&run.shift, &run.to, run.outcome));
        let batch = Replace::remembering(&self.survey, &NameMemory { last, ..self.memory(owner) })?;
        Some(Write::Records(RecordsWrite { zone: self.zone.clone(), epoch: None, split: BTreeMap::new(), batch }))
    }
}
