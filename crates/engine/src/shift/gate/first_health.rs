//! A first deployment ends once it is known how its targets are, healthy or not.

use weir_api::traffic_shift::{GateName, Phase};

use crate::reader::{Asked, Reader, all};
use crate::reason::Reason;
use crate::shift::{HEALTH_AGE, HEALTH_INTERVAL, health};

use super::{Check, Gate, Station, Wait};

pub(super) const CHECK: Check = Check { name: GateName::FirstHealth, release: None, judge };

fn judge(station: &Station<'_>, reader: &mut Reader<'_>) -> Asked<Gate> {
    let late = station.now >= station.deadline();
    let Some((words, true)) = seen(station, reader)?.filter(|_| !late) else { return Some(Gate::Open) };
    let message = format!("waiting to know the health of {}: {words}", station.run.to);
    let wait = Wait::new(Phase::Shifting, Reason::FirstHealth, message);
    Some(Gate::Wait(Wait { look_again: Some(reader.began + HEALTH_INTERVAL), ..wait }))
}

/// How the targets of a first deployment are, in words, and whether more of them may turn out healthy; `None` for any
/// other run.
pub(in crate::shift) fn seen(station: &Station<'_>, reader: &mut Reader<'_>) -> Asked<Option<(String, bool)>> {
    if station.run.routes.iter().any(|part| !part.from.is_empty()) {
        return Some(None);
    }
    let since = reader.began - HEALTH_AGE;
    let found = all(station.routes.iter().map(|route| health::of(route, &station.run.to, since, reader)))?;
    let starting = found.iter().flatten().any(|health| health.hopeful() > health.able());
    let words = found.into_iter().map(|health| match health {
        Ok(health) => {
            let unchecked = if health.unchecked > 0 { " or get requests unchecked" } else { "" };
            format!("{} of {} targets are healthy{unchecked}", health.able(), health.registered())
        }
        Err(message) => message,
    });
    Some(Some((words.collect::<Vec<_>>().join("; "), starting)))
}
