//! Worlds in which something goes wrong, with the alerts that must fire then, and one in which nothing does.

use std::time::Duration;

use serde_json::{Value, json};
use weir_lab::bug::{BadWrite, Bug, Planted};
use weir_lab::sim::kube::KubeOptions;
use weir_lab::stage::{self, BALANCER, PORT, on_virtual_time, rule_route, shift, steps};
use weir_lab::{Disturbance, Mischief, Settings, Which, World};

use super::recorded::Recording;

/// What befalls a world, what of it is recorded, and which alerts fire in the end: these and no others.
pub(super) struct WriteError {
    pub name: &'static str,
    pub fires: &'static [&'static str],
    play: fn() -> Recording,
}

impl WriteError {
    pub fn record(&self) -> Recording {
        (self.play)()
    }
}

/// Each with what it is, in words.
pub(super) const TROUBLES: &[WriteError] = &[
    WriteError { name: "no controller lives", fires: &["WeirIsGone"], play: gone },
    WriteError { name: "two lead", fires: &["WeirLeadsTwice"], play: twice },
    WriteError { name: "the Lease is taken again and again", fires: &["WeirLeaderKeepsChanging"], play: restless },
    WriteError { name: "the machine's clock is set back", fires: &["WeirClockWasSet"], play: clock_set },
    WriteError { name: "definitions are older", fires: &["WeirCannotRecord", "WeirDefinitionsAreOld"], play: older },
    WriteError { name: "a status has an unknown word", fires: &["WeirStatusIsUnreadable"], play: unknown_word },
    WriteError {
        name: "AWS denies everything",
        fires: &["WeirIsDeniedByAws", "WeirObjectIsStalled", "WeirSeesAwsLate"],
        play: || everything(|world| world.restrict(&json!({"Version": "2012-10-17", "Statement": []}))),
    },
    WriteError {
        name: "the credentials have expired",
        fires: &["WeirCannotReachAws", "WeirSeesAwsLate"],
        play: || everything(|world| disturb(world, Which::All, Mischief::Expired)),
    },
    WriteError {
        name: "AWS throttles everything",
        fires: &["WeirIsThrottledByAws", "WeirSeesAwsLate"],
        play: || everything(|world| disturb(world, Which::All, Mischief::Throttled)),
    },
    WriteError { name: "somebody sets other weights at rest", fires: &["WeirRouteDrifted"], play: drifted },
    WriteError { name: "two writers fight", fires: &["WeirRouteContested", "WeirRouteDrifted"], play: fight },
    WriteError {
        name: "the candidate dies under somebody else's weights",
        fires: &["WeirRouteDrifted", "WeirTrafficIsOnAFailedSide"],
        play: failed_side,
    },
    WriteError {
        name: "the run has failed, and onFailure is Pause",
        fires: &["WeirTrafficIsOnAFailedSide"],
        play: || {
            at_half("onFailure: Pause", async |world, recording| {
                world.account().break_targets("green", 4);
                recording.watch(world, 15).await;
            })
        },
    },
    WriteError {
        name: "the old side is too small to go back to",
        fires: &["WeirRollbackLacksCapacity", "WeirShiftWentBack"],
        play: || at_half("", async |world, recording| lacks_capacity(world, recording, 20).await),
    },
    WriteError {
        name: "and stays so until the run gives up",
        fires: &["WeirObjectIsStalled", "WeirRollbackFailed"],
        play: || at_half("progressDeadline: 10m", async |world, recording| lacks_capacity(world, recording, 40).await),
    },
    WriteError {
        name: "the health of targets cannot be read",
        fires: &["WeirCandidateIsNotWatched", "WeirCannotReachAws"],
        play: || {
            at_half("", async |world, recording| {
                disturb(world, Which::Operation("DescribeTargetHealth"), Mischief::Failed(500));
                recording.watch(world, 30).await;
            })
        },
    },
    WriteError {
        name: "a way back is blocked",
        fires: &["WeirObjectIsStalled", "WeirRollbackIsBlocked", "WeirRouteHoldsUpAShift", "WeirShiftWentBack"],
        play: blocked,
    },
    WriteError { name: "a run goes back", fires: &["WeirShiftWentBack"], play: went_back },
    WriteError {
        name: "somebody sets other weights in a run",
        fires: &["WeirRouteDrifted", "WeirShiftWaitsForSomebody"],
        play: || {
            at_half("", async |world, recording| {
                world.account().forward(BALANCER, PORT, &[("blue", 70), ("green", 30)]);
                recording.watch(world, 30).await;
            })
        },
    },
    WriteError { name: "a step waits for targets", fires: &["WeirShiftIsHeldUp"], play: held_up },
    WriteError {
        name: "a decision hands a bad step to the guard",
        fires: &["WeirGuardViolation", "WeirRouteHoldsUpAShift"],
        play: || with_bug(Bug::HandsOver(BadWrite::SkipsAhead)),
    },
    WriteError {
        name: "a decision panics",
        fires: &["WeirPanicked", "WeirRouteHoldsUpAShift"],
        play: || with_bug(Bug::Panics),
    },
    WriteError {
        name: "the role has no right to publish events",
        fires: &["WeirDropsEvents"],
        play: || without_rights(&[("create", "events"), ("patch", "events")]),
    },
    WriteError {
        name: "the role has no right to write a status",
        fires: &["WeirIsNotAllowed"],
        play: || without_rights(&[("update", "weightedroutes/status"), ("patch", "weightedroutes/status")]),
    },
    WriteError {
        name: "the role has no right to watch shifts any more",
        fires: &["WeirWatchFails"],
        play: || without_rights(&[("list", "trafficshifts"), ("watch", "trafficshifts")]),
    },
    WriteError {
        name: "the API server is slow, many runs move, and somebody changes all of them again and again",
        fires: &["WeirDropsEvents", "WeirFallsBehind", "WeirStepsComeLate"],
        play: slow,
    },
    WriteError { name: "others write over statuses", fires: &["WeirStatusesAreOverwritten"], play: overwritten },
];

fn disturb(world: &World, which: Which, mischief: Mischief) {
    world.disturb(Disturbance { which, times: u32::MAX, until: None, mischief });
}

fn play(settings: Settings, scenario: impl AsyncFnOnce(&mut World, &mut Recording)) -> Recording {
    on_virtual_time(async {
        let (mut world, mut recording) = (stage::set(settings).await, Recording::default());
        recording.watch(&mut world, 10).await;
        scenario(&mut world, &mut recording).await;
        recording
    })
}

/// Something befalls everything at once, and lasts.
fn everything(befall: impl FnOnce(&World)) -> Recording {
    play(Settings::seeded(1501), async |world, recording| {
        befall(world);
        recording.watch(world, 40).await;
    })
}

/// A run to green rests at half of the traffic for hours.
fn at_half(extra: &str, scenario: impl AsyncFnOnce(&mut World, &mut Recording)) -> Recording {
    play(Settings::seeded(1502), async |world, recording| {
        world.apply(&shift("green", &steps(&[50, 100], "300m"), extra)).unwrap();
        recording.watch(world, 10).await;
        assert_eq!(stage::live(world)["green"], 50);
        scenario(world, recording).await;
    })
}

fn gone() -> Recording {
    play(Settings::seeded(1503), async |world, recording| {
        world.crash_controller();
        recording.watch(world, 15).await;
    })
}

fn twice() -> Recording {
    let one = |seed| play(Settings::seeded(seed), async |world, recording| recording.watch(world, 10).await);
    one(1504).beside(one(1505))
}

fn restless() -> Recording {
    let settings = Settings { lease: Duration::from_secs(15), ..Settings::seeded(1506) };
    play(settings, async |world, recording| {
        for _ in 0..8 {
            world.take_lease(20);
            recording.watch(world, 4).await;
        }
    })
}

fn clock_set() -> Recording {
    at_half("", async |world, recording| {
        world.step_clock(-900);
        recording.watch(world, 10).await;
    })
}

/// The definition of shifts, changed as its status goes.
fn define(world: &World, change: impl FnOnce(&mut Value)) {
    let definitions = weir_api::crds().into_iter().map(|definition| serde_json::to_value(definition).unwrap());
    let mut definition =
        definitions.into_iter().find(|found| found["spec"]["names"]["kind"] == "TrafficShift").unwrap();
    change(&mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]);
    world.kube().apply(&definition).unwrap();
}

fn older() -> Recording {
    play(Settings { compares: true, ..Settings::seeded(1507) }, async |world, recording| {
        define(world, |status| drop(status.as_object_mut().unwrap().remove("weights")));
        world.apply(&shift("green", &steps(&[50, 100], "300m"), "")).unwrap();
        recording.watch(world, 25).await;
    })
}

fn unknown_word() -> Recording {
    at_half("", async |world, recording| {
        define(world, |status| status["phase"]["enum"].as_array_mut().unwrap().push(json!("Dreaming")));
        let dreaming = json!({"status": {"phase": "Dreaming"}});
        world.kube().merge_status("trafficshifts", "shop", "checkout", &dreaming).unwrap();
        recording.watch(world, 10).await;
    })
}

fn drifted() -> Recording {
    play(Settings::seeded(1512), async |world, recording| {
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        recording.watch(world, 10).await;
        assert!(world.is_complete("checkout"));
        world.account().forward(BALANCER, PORT, &[("blue", 70), ("green", 30)]);
        recording.watch(world, 30).await;
    })
}

fn fight() -> Recording {
    play(Settings::seeded(1508), async |world, recording| {
        world.patch("weightedroutes", "checkout", &json!({"spec": {"drift": "Correct"}})).unwrap();
        for _ in 0..6 {
            world.account().forward(BALANCER, PORT, &[("blue", 70), ("green", 30)]);
            recording.watch(world, 3).await;
        }
        recording.watch(world, 20).await;
    })
}

fn failed_side() -> Recording {
    at_half("", async |world, recording| {
        world.account().forward(BALANCER, PORT, &[("blue", 40), ("green", 60)]);
        recording.watch(world, 2).await;
        world.account().break_targets("green", 4);
        recording.watch(world, 25).await;
    })
}

async fn lacks_capacity(world: &mut World, recording: &mut Recording, minutes: usize) {
    world.account().break_targets("blue", 3);
    recording.watch(world, 2).await;
    world.command("checkout", "abort/1").unwrap();
    recording.watch(world, minutes).await;
}

fn blocked() -> Recording {
    play(Settings::seeded(1509), async |world, recording| {
        world.apply(&rule_route("inner", &["blue", "green"], 10, "")).unwrap();
        for to in ["blue", "green"] {
            let wish = shift(to, &steps(&[50, 100], "300m"), "").replace("routes: [checkout]", "routes: [inner]");
            world.apply(&wish).unwrap();
            recording.watch(world, 10).await;
        }
        let rule = world.account().rule_arn(BALANCER, PORT, 10).unwrap();
        let keys = [("ResourceArns.member.1", rule.as_str()), ("TagKeys.member.1", "weir.dev/owner")];
        world.aws().by_hand("RemoveTags", &keys).unwrap();
        world.account().break_targets("green", 4);
        recording.watch(world, 25).await;
    })
}

fn went_back() -> Recording {
    at_half("", async |world, recording| {
        world.account().break_targets("green", 4);
        recording.watch(world, 10).await;
    })
}

fn held_up() -> Recording {
    play(Settings::seeded(1510), async |world, recording| {
        world.account().break_targets("green", 3);
        world.apply(&shift("green", &steps(&[25, 100], "1m"), "progressDeadline: 3h")).unwrap();
        recording.watch(world, 45).await;
    })
}

fn overwritten() -> Recording {
    at_half("", async |world, recording| {
        for number in 0..20 {
            let other = json!({"status": {"weights": if number % 2 == 0 { "blue 1" } else { "blue 2" }}});
            world.kube().merge_status("trafficshifts", "shop", "checkout", &other).unwrap();
            recording.watch(world, 2).await;
        }
    })
}

fn with_bug(bug: Bug) -> Recording {
    let _planted = Planted::with(Some(bug));
    play(Settings::seeded(1513), async |world, recording| {
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        recording.watch(world, 8).await;
    })
}

/// The controller's role loses rights, watches break, and a run is to begin.
fn without_rights(rights: &[(&'static str, &'static str)]) -> Recording {
    play(Settings::seeded(1514), async |world, recording| {
        for (verb, resource) in rights {
            world.forbid(verb, resource);
        }
        world.kube().compact();
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        recording.watch(world, 15).await;
    })
}

/// As many runs as a balancer has rules take a step each half minute, their shifts are changed each minute, and each request to
/// the API server takes four seconds.
fn slow() -> Recording {
    let four = Duration::from_secs(4);
    let kube = KubeOptions { latency: four..=four, ..KubeOptions::default() };
    play(Settings { kube, ..Settings::seeded(1515) }, async |world, recording| {
        let routes = 99;
        let name = |number: u32| format!("r{number}");
        for number in 1..=routes {
            let chosen = rule_route(&name(number), &["blue", "green"], number, "weights: {blue: 100}");
            world.apply(&chosen).unwrap();
        }
        recording.watch(world, 15).await;
        let weights: Vec<u32> = (1..50).chain([100]).collect();
        for number in 1..=routes {
            world.apply(&rule_route(&name(number), &["blue", "green"], number, "")).unwrap();
            let run = shift("green", &steps(&weights, "30s"), "");
            world.apply(&run.replace("checkout", &name(number))).unwrap();
        }
        for minute in 0..25 {
            for number in 1..=routes {
                let changed = json!({"spec": {"progressDeadline": format!("{}m", 60 + minute)}});
                world.patch("trafficshifts", &name(number), &changed).unwrap();
            }
            recording.watch(world, 1).await;
        }
    })
}

/// A day on which all goes as it should: releases back and forth, a pause until told, a pod that is replaced, calls that are
/// throttled or fail now and then, and somebody who changes weights by hand and puts them right.
pub(super) fn good_day() -> Recording {
    play(Settings::seeded(1511), async |world, recording| {
        let throttled = Disturbance { which: Which::All, times: 3, until: None, mischief: Mischief::Throttled };
        for round in 0..6 {
            let to = ["green", "blue"][round % 2];
            world.apply(&shift(to, &steps(&[5, 25, 50, 100], "10m"), "knownGood: Gradual")).unwrap();
            recording.watch(world, 12).await;
            world.disturb(throttled.clone());
            recording.watch(world, 48).await;
            assert!(world.is_complete("checkout"), "the release of round {round} ends");
            world.disturb(Disturbance { mischief: Mischief::Failed(500), ..throttled.clone() });
            recording.watch(world, 60).await;
        }
        let open = "{steps: [{weight: 25, pause: {}}, {weight: 100}]}";
        world.apply(&shift("green", open, "knownGood: Gradual")).unwrap();
        recording.watch(world, 180).await;
        world.command("checkout", "resume/1").unwrap();
        recording.watch(world, 60).await;
        assert!(world.is_complete("checkout"), "the release with a pause until told ends");
        world.account().forward(BALANCER, PORT, &[("blue", 70), ("green", 30)]);
        recording.watch(world, 5).await;
        world.account().forward(BALANCER, PORT, &[("blue", 0), ("green", 100)]);
        recording.watch(world, 60).await;
        world.stop_controller();
        recording.watch(world, 1).await;
        world.start_controller();
        let day = 24 * 60 + 1;
        let passed = recording.minutes();
        recording.watch(world, day - passed).await;
    })
}
