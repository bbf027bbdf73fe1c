//! Crashes, enumerated: a scenario is played once to count the writes of its controller, then once for each write and
//! each side of it, with a controller that dies there and another that takes over.
//!
//! Crashes inside windows of a millisecond are not found by chance; so none is left to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::evidence::Weights;
use crate::judge::judge;
use crate::stage::on_virtual_time;
use crate::wire::{CrashPoint, Side};
use crate::world::World;

/// How long nobody is there after a crash.
const RESTART_AFTER: Duration = Duration::from_secs(5);
/// How long a world is left alone at the end, so that everything comes to rest: also where the last write was the last of
/// its process, whose lease the next one waits for.
const REST: Duration = Duration::from_mins(2);
/// By how much a crash may delay the end.
const DELAY: Duration = Duration::from_mins(2);
/// How many plans are played at once.
const THREADS: usize = 2;

/// What came of all plans.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many writes the undisturbed controller made.
    pub writes: u64,
    /// How many plans with a crash were played.
    pub plans: usize,
    /// The plans that did not end as the undisturbed one, and how.
    pub failures: Vec<(CrashPoint, String)>,
}

/// How a world ended: all that must be the same whatever crashed on the way.
#[derive(Clone, Debug, PartialEq)]
struct Ending {
    /// The live weights of every place where weights were changed.
    weights: BTreeMap<String, Weights>,
    /// The tags of these places.
    tags: BTreeMap<String, BTreeMap<String, String>>,
    /// The objects of Weir's kinds, without instants, versions and identities.
    objects: Vec<Value>,
    /// How long it took.
    took: Duration,
    /// How many writes the first process made.
    writes: u64,
    /// How many of them are not cut.
    marked: u64,
}

/// Plays a scenario undisturbed and then with every crash. `set` makes a world in which no controller runs yet;
/// `course` is what happens once one does, until what was wanted is reached or not. It may mark a moment
/// ([`World::mark`]) before which nothing is cut, where another scenario does that.
pub fn enumerate(
    set: impl AsyncFn() -> World + Sync,
    course: impl AsyncFn(&mut World) -> Result<(), String> + Sync,
) -> Result<Report, String> {
    enumerate_within(DELAY, set, course)
}

/// The same, where a crash may delay the end by so much.
pub fn enumerate_within(
    delay: Duration,
    set: impl AsyncFn() -> World + Sync,
    course: impl AsyncFn(&mut World) -> Result<(), String> + Sync,
) -> Result<Report, String> {
    let undisturbed = play(&set, &course, None)?;
    let cuts: Vec<CrashPoint> = (undisturbed.marked + 1..=undisturbed.writes)
        .flat_map(|write| [Side::Before, Side::After].map(|side| CrashPoint { write, side }))
        .collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(crash_point) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(message) = endure(&set, &course, *crash_point, (&undisturbed, delay)) {
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push((*crash_point, message));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort();
    Ok(Report { writes: undisturbed.writes, plans: cuts.len(), failures })
}

/// Plays a scenario with one crash and compares its end.
fn endure(
    set: &impl AsyncFn() -> World,
    course: &impl AsyncFn(&mut World) -> Result<(), String>,
    crash_point: CrashPoint,
    (undisturbed, delay): (&Ending, Duration),
) -> Result<(), String> {
    let ending = play(set, course, Some(crash_point))?;
    if ending.took > undisturbed.took + delay {
        return Err(format!("it took {:?} instead of {:?}", ending.took, undisturbed.took));
    }
    let same = |what: &str, found: String, expected: String| {
        if found == expected { Ok(()) } else { Err(format!("{what}: found {found}; expected {expected}")) }
    };
    same("weights", format!("{:?}", ending.weights), format!("{:?}", undisturbed.weights))?;
    same("tags", format!("{:?}", ending.tags), format!("{:?}", undisturbed.tags))?;
    for (found, expected) in ending.objects.iter().zip(&undisturbed.objects) {
        same("objects", found.to_string(), expected.to_string())?;
    }
    same("the number of objects", ending.objects.len().to_string(), undisturbed.objects.len().to_string())
}

fn play(
    set: &impl AsyncFn() -> World,
    course: &impl AsyncFn(&mut World) -> Result<(), String>,
    crash_point: Option<CrashPoint>,
) -> Result<Ending, String> {
    on_virtual_time(async {
        let mut world = set().await;
        if let Some(crash_point) = crash_point {
            world.plan_crash(crash_point, RESTART_AFTER);
        }
        let began = world.now();
        world.start_controller();
        course(&mut world).await?;
        let took = Duration::try_from(world.now().duration_since(began)).unwrap_or_default();
        world.run_for(REST).await;
        let expected = if crash_point.is_some() { 2 } else { 1 };
        if world.processes() != expected {
            return Err(format!("found {} processes of the controller; expected {expected}", world.processes()));
        }
        if let Some(breach) = judge(&world.evidence()).first() {
            return Err(breach.to_string());
        }
        Ok(ending(&world, took))
    })
}

fn ending(world: &World, took: Duration) -> Ending {
    let places: Vec<String> = world.changes().into_iter().map(|change| change.place).collect();
    let resources = ["entrypoints", "environments", "weightedroutes", "trafficshifts"];
    let objects = resources.into_iter().flat_map(|resource| world.kube().list(resource, ""));
    Ending {
        weights: places.iter().map(|place| (place.clone(), world.aws().weights(place))).collect(),
        tags: places.iter().map(|place| (place.clone(), world.aws().tags(place))).collect(),
        objects: objects.map(|object| timeless(&object)).collect(),
        took,
        writes: world.writes(),
        marked: world.marked(),
    }
}

/// A value without instants, versions and identities; nor has it the identifier of a change of a name, which nobody knows any
/// more where the process died that got it.
fn timeless(value: &Value) -> Value {
    const IDENTITIES: [&str; 3] = ["uid", "resourceVersion", "managedFields"];
    match value {
        Value::Object(fields) => {
            let is_lost = |name: &str| name == "id" && fields.contains_key("acceptedAt");
            let kept = fields.iter().filter(|(name, _)| !IDENTITIES.contains(&name.as_str()) && !is_lost(name));
            Value::Object(kept.map(|(name, value)| (name.clone(), timeless(value))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(timeless).collect()),
        Value::String(text) if text.parse::<Timestamp>().is_ok() => Value::Null,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests;
