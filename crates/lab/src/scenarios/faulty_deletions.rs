//! Every single fault at every request of a deletion: it ends, and everything is undone or what is not is told.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::director::SplitLocation;
use crate::fault::{Fault, Moment, Planned, Side};
use crate::judge::judge;
use crate::rollout::SplitPoint;
use crate::stage::{self, BALANCER, PORT, on_virtual_time, shift};
use crate::wire::Absence;
use crate::world::{Settings, World};

use super::{HOUR, MINUTE, live, told};

/// How long a deletion may take with a fault in it, which lasts for a minute at most.
const PATIENCE: Duration = Duration::from_mins(12);

fn faults() -> Vec<Fault> {
    vec![
        Fault::Crash(20),
        Fault::Pause(60),
        Fault::Conflict(2),
        Fault::Compacted,
        Fault::StaleWatch(30),
        Fault::LostWatch(30),
        Fault::Throttled(3),
        Fault::AwsAway(Absence::Failing, 30),
        Fault::KubeAway(Absence::Failing, 30),
        Fault::LostWrites(Side::Before, 1),
        Fault::LostWrites(Side::After, 1),
        Fault::StaleReads(5),
        Fault::Expired(30),
    ]
}

/// Plays a deletion with a fault, and returns how many requests it made; the error says what went wrong.
fn play(fault: Option<Planned>) -> Result<usize, String> {
    on_virtual_time(async {
        let mut world = stage::furnished(Settings::seeded(640)).await;
        world.patch("weightedroutes", "checkout", &json!({"spec": {"deletionPolicy": "Restore"}}))?;
        world.start_controller();
        world.apply(&shift("green", "{allAtOnce: {}}", ""))?;
        world.run_until(|world| world.is_complete("checkout"), HOUR).await?;
        world.run_for(MINUTE).await;
        let location = SplitLocation { namespace: world.namespace().to_owned(), place: SplitPoint::DefaultAction };
        world.direct(location, &fault.into_iter().collect::<Vec<_>>());
        world.delete("weightedroutes", "checkout")?;
        world.run_until(|world| world.route("checkout").is_none(), PATIENCE).await?;
        let requests = world.requests_made().len();
        world.run_for(2 * MINUTE).await;
        world.heal();
        world.run_for(2 * MINUTE).await;
        ended_well(&world).map(|()| requests)
    })
}

fn ended_well(world: &World) -> Result<(), String> {
    if let Some(breach) = judge(&world.evidence()).first() {
        return Err(breach.to_string());
    }
    let tags = world.account().listener_tags(BALANCER, PORT);
    let is_undone = live(world) == stage::weights(&[("blue", 100)]) && tags.is_empty();
    if is_undone { Ok(()) } else { Err(format!("left behind: {:?} {tags:?}\n{}", live(world), told(world))) }
}

#[test]
fn a_deletion_endures_every_fault_at_every_request() {
    let requests = play(None).unwrap();
    assert!(requests >= 10, "only {requests} requests");
    let mut failures = BTreeSet::new();
    for fault in faults() {
        // Each request in a release build; in a debug build each fifth one, another one for each fault.
        let (start, stride) = if cfg!(debug_assertions) { (fault.class().len() % 5, 5) } else { (0, 1) };
        for number in (start..requests).step_by(stride) {
            let at = Moment::Request(number as u64 + 1, Side::Before);
            if let Err(message) = play(Some(Planned { at, fault: fault.clone() })) {
                failures.insert(format!("{} at request {}: {message}", fault.class(), number + 1));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
