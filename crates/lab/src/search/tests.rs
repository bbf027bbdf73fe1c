//! The rollouts without any fault, and the sample.

use jiff::Timestamp;

use crate::evidence::Evidence;
use crate::fault::{Fault, ManualChange, Moment, Side, Sort};
use crate::journal::{Entry, What};
use crate::plan::Plan;
use crate::rollout::Rollout;

use super::singles::{faults, moments};
use super::{Found, play_all, sample, tell};

/// How many plans the sample has: as many as take about a minute on two idle cores without optimization.
const PLANS: usize = 500;
/// The seed of the sample, unless the environment gives another.
const SEED: u64 = 20_261_121;

#[test]
fn every_course_is_sound_without_faults() {
    for (name, rollout) in Rollout::all() {
        let played = Plan::undisturbed(1, rollout).play();
        assert_eq!(played.failures, [], "{name}");
        assert!(played.requests.len() > 60, "{name} makes {} requests only", played.requests.len());
    }
}

/// What the controllers did and met where a fault comes at a moment, and how it ended.
fn done(fault: &Fault, moment: Moment) -> (Vec<Entry>, Timestamp) {
    let Evidence { mut entries, ended, .. } =
        Plan::undisturbed(1, Rollout::short()).with(moment, fault.clone()).play().evidence;
    entries.retain(|entry| entry.process > 0);
    (entries, ended)
}

#[test]
fn a_fault_comes_to_the_same_at_each_moment_before_it_is_noticed() {
    let requests = Plan::undisturbed(1, Rollout::short()).play().requests;
    let before = |index: usize| Moment::Request(u64::try_from(index).unwrap() + 1, Side::Before);
    let mut compared = 0;
    // What lasts for a while ends sooner when it begins sooner, and a hand that fights strikes again.
    let lasts = |fault: &Fault| fault.span_s() > 0 || matches!(fault, Fault::Manual(ManualChange::Fight(..)));
    for fault in faults(&Rollout::short()).into_iter().filter(|fault| !lasts(fault)) {
        let Some(sorts) = fault.noticed_by() else { continue };
        let notices = |index: &usize| sorts.contains(&requests[*index]);
        let waiting: Vec<usize> = (0..requests.len()).filter(|index| !notices(index)).collect();
        for index in waiting.iter().step_by(47).copied() {
            // What is under way at that moment may still notice what waits for its answer.
            let last = (0..index).rfind(notices);
            let next = (index..requests.len()).find(notices);
            let here = done(&fault, before(index));
            let is_same = last.into_iter().chain(next).any(|other| here == done(&fault, before(other)));
            assert!(is_same || next.is_none(), "{fault} before request {}", index + 1);
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}

/// What AWS was asked for but descriptions, so each write, where a fault comes at a moment; and how the processes ended.
fn effects(fault: &Fault, moment: Moment) -> Vec<String> {
    let effect = |entry: Entry| match entry.what {
        What::Aws(request) if !request.sent.operation.starts_with("Describe") => Some(format!("{:?}", request.body)),
        What::Ended(words) => Some(words),
        _ => None,
    };
    done(fault, moment).0.into_iter().filter_map(effect).collect()
}

#[test]
fn what_befalls_a_controller_that_only_looks_comes_to_the_same_as_right_after_a_write() {
    let requests = Plan::undisturbed(1, Rollout::short()).play().requests;
    let numbered: Vec<(u64, Sort)> = (1..).zip(requests).collect();
    let looked = |pair: &[(u64, Sort)]| pair[0].1.is_write() && !pair[1].1.is_write();
    let looks: Vec<u64> = numbered.windows(2).filter(|pair| looked(pair)).map(|pair| pair[0].0).collect();
    let faults = faults(&Rollout::short()).into_iter();
    let faults = faults.filter(|fault| fault.noticed_by().is_none() && !fault.is_about_leaders());
    let mut compared = 0;
    for (offset, fault) in faults.enumerate() {
        for number in looks.iter().skip(offset % 7).step_by(7).copied() {
            let after = effects(&fault, Moment::Request(number, Side::After));
            assert_eq!(after, effects(&fault, Moment::Request(number + 1, Side::Before)), "{fault} at {number}");
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn what_is_noticed_at_any_time_comes_before_and_after_each_write() {
    use Sort::{AwsRead, AwsWrite, KubeEvent, KubePut, KubeRead};
    let requests = [KubeRead, AwsRead, AwsWrite, KubeEvent, AwsRead, AwsRead, KubePut];
    let told: Vec<String> = moments(&Fault::Crash(5), &requests).iter().map(ToString::to_string).collect();
    let expected = ["before request 1", "before request 3", "after request 3", "before request 7", "after request 7"];
    assert_eq!(told, expected);
    assert_eq!(moments(&Fault::Conflict(1), &requests), [Moment::Request(7, Side::Before)]);
}

/// Plans that have found a bug of Weir, each with what it was.
const ONCE_FAILED: [(&str, &str); 16] = [
    (
        "a run that turned round right after a resume still wanted more for its candidate, and the guard had to step in",
        r#"{"seed":1,"rollout":{"place":"rule","sticky":false,"weights":[10,50,100],"pause_s":5,"releases":["blue","green"]},
            "faults":[{"at":{"named":["POST events",12,"before"]},"fault":{"manual":{"detach":"green"}}}]}"#,
    ),
    (
        "the same on a default action with sticky groups",
        r#"{"seed":1,"rollout":{"place":"defaultAction","sticky":true,"weights":[50,100],"pause_s":5,"releases":["green"]},
            "faults":[{"at":{"named":["DescribeRules",7,"before"]},"fault":{"manual":{"detach":"green"}}}]}"#,
    ),
    (
        "the wait for sticky clients was taken from the time in which the end must be remembered, and the run began again",
        r#"{"seed":1,"rollout":{"place":"defaultAction","sticky":true,"weights":[50,100],"pause_s":5,"releases":["green"]},
            "faults":[{"at":{"named":["PUT environments/green/status",6,"before"]},"fault":{"pause":300}}]}"#,
    ),
    (
        "a rule was marked by tags that had been read more than ten seconds before, and the guard had to step in",
        r#"{"seed":1,"rollout":{"place":"defaultAction","sticky":false,"weights":[1,2,5,10,15,20,30,40,50,60,80,100],"pause_s":5,"releases":["green"]},
            "faults":[{"at":{"named":["PUT environments/blue/status",1,"before"]},"fault":{"manual":{"dropBackend":"blue"}}}]}"#,
    ),
    (
        "a shift said of each step what its route had said of the one before, and was written twice as often",
        r#"{"seed":1,"rollout":{"place":"defaultAction","sticky":false,"weights":[1,2,5,10,15,20,30,40,50,60,80,100],"pause_s":5,"releases":["green"]},
            "faults":[{"at":{"named":["PUT environments/blue/status",5,"before"]},"fault":{"manual":{"deleteEnvironment":"blue"}}}]}"#,
    ),
    (
        "a group that was made again, and put back by hand, was nobody's, and blocked the way back",
        r#"{"seed":1,"rollout":{"place":"defaultAction","sticky":false,"weights":[1,2,5,10,15,20,30,40,50,60,80,100],"pause_s":5,"releases":["green"]},
            "faults":[{"at":{"named":["DescribeTargetHealth",6,"before"]},"fault":{"manual":{"recreateGroup":"green"}}}]}"#,
    ),
    (
        "the writes of a run named a group that was gone, again and again",
        r#"{"seed":1,"rollout":{"place":"adoptedRule","sticky":false,"weights":[10,50,100],"pause_s":5,"releases":["green"]},
            "faults":[{"at":{"named":["DescribeRules",4,"before"]},"fault":{"manual":{"recreateGroup":"green"}}}]}"#,
    ),
    (
        "targets that nobody had checked were called unhealthy as soon as somebody did",
        r#"{"seed":1,"rollout":{"place":"defaultAction","sticky":false,"weights":[1,2,5,10,15,20,30,40,50,60,80,100],"pause_s":5,"releases":["green"]},
            "faults":[{"at":{"named":["DescribeTargetHealth",8,"before"]},"fault":{"manual":"recreateListener"}}]}"#,
    ),
    (
        "a resume over what somebody else had set dropped it at once, and its sticky clients with it",
        r#"{"seed":1,"rollout":{"place":"defaultAction","sticky":true,"weights":[50,100],"pause_s":5,"releases":["green"]},
            "faults":[{"at":{"named":["DescribeRules",1,"before"]},"fault":{"manual":"redirect"}}]}"#,
    ),
    (
        "a correction gave the traffic to the group that its environment named meanwhile",
        r#"{"seed":15909934596013204142,"rollout":{"place":"adoptedRule","sticky":false,"weights":[10,50,100],"pause_s":5,"drift":"Correct","releases":["green"]},
            "faults":[{"at":{"second":47},"fault":{"manual":"login"}},{"at":{"second":101},"fault":{"manual":{"pointEnvironment":["green","spare"]}}},{"at":{"second":140},"fault":{"manual":"redirect"}},{"at":{"second":167},"fault":{"quota":["rules",60]}},{"at":{"second":294},"fault":{"manual":"deleteEntryPoint"}}]}"#,
    ),
    (
        "a correction dropped what carried the traffic in the write that took its weight",
        r#"{"seed":9495089021824839992,"rollout":{"place":"defaultAction","sticky":false,"weights":[100],"pause_s":5,"drift":"Correct","releases":["green"]},
            "faults":[{"at":{"second":31},"fault":{"manual":"recreateBalancer"}},{"at":{"second":61},"fault":{"manual":{"to":"blue"}}}]}"#,
    ),
    (
        "a candidate whose targets are checked anew was called unhealthy for what was seen before",
        r#"{"seed":13613668316847600946,"rollout":{"place":"adoptedRule","sticky":false,"weights":[10,50,100],"pause_s":5,"drift":"Correct","releases":["green"]},
            "faults":[{"at":{"named":["PUT trafficshifts/checkout/status",9,"before"]},"fault":{"manual":"redirect"}},{"at":{"named":["PUT environments/green/status",5,"after"]},"fault":{"manual":"recreateListener"}},{"at":{"second":0},"fault":{"another":-13}}]}"#,
    ),
    (
        "a route that was made again counted as having what the run wants before it had seen it",
        r#"{"seed":9139125352186286003,"rollout":{"place":"adoptedRule","sticky":false,"weights":[10,50,100],"pause_s":5,"drift":"Pause","releases":["green"]},
            "faults":[{"at":{"named":["DescribeTargetHealth",2,"before"]},"fault":{"manual":{"dropBackend":"blue"}}},{"at":{"named":["POST events",7,"before"]},"fault":{"manual":"recreateRoute"}}]}"#,
    ),
    (
        "after the clock was set back a tick asked without end for what is newer than an instant on record",
        r#"{"seed":16342913173651932151,"rollout":{"place":"rule","sticky":false,"weights":[100],"pause_s":5,"drift":"Correct","releases":["blue","green"]},
            "faults":[{"at":{"named":["PUT weightedroutes/checkout/status",10,"before"]},"fault":{"manual":{"giveAway":"green"}}},{"at":{"named":["PUT trafficshifts/checkout/status",11,"after"]},"fault":{"clockStep":-900}}]}"#,
    ),
    (
        "whoever took over from a controller whose clock was ahead wrote the same until its own was there",
        r#"{"seed":17341002770133166097,"rollout":{"place":"defaultAction","sticky":true,"weights":[50,100],"pause_s":5,"drift":"Adopt","releases":["green"]},
            "faults":[{"at":{"named":["PUT weightedroutes/checkout/status",7,"after"]},"fault":{"crash":1}},{"at":{"second":0},"fault":{"another":39}}]}"#,
    ),
    (
        "a rollback wanted to make a rule on a listener that was gone, and the guard had to step in",
        r#"{"seed":17128446956433742891,"rollout":{"place":"rule","sticky":false,"weights":[10,50,100],"pause_s":5,"drift":"Correct","releases":["blue","green"]},
            "faults":[{"at":{"named":["PUT trafficshifts/checkout/status",5,"after"]},"fault":{"manual":"recreateListener"}},{"at":{"named":["DescribeRules",6,"after"]},"fault":{"manual":"replace"}}]}"#,
    ),
];

#[test]
fn plans_that_once_failed_are_sound() {
    for (what, plan) in ONCE_FAILED {
        let plan: Plan = serde_json::from_str(plan).unwrap();
        let played = plan.play();
        assert_eq!(played.failures, [], "{what}");
        assert_eq!(played.missed, [], "{what}: these faults did not happen any more; find the plan anew");
    }
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("found {name}={text}; expected a number")))
}

#[test]
fn a_seeded_sample_is_sound() {
    let seed = from_environment("WEIR_LAB_SEED").unwrap_or(SEED);
    let count = from_environment("WEIR_LAB_PLANS").map_or(PLANS, |plans| usize::try_from(plans).unwrap());
    println!("WEIR_LAB_SEED={seed} WEIR_LAB_PLANS={count}");
    let found = play_all(&sample(seed, count), |_, _| ());
    for one in &found {
        println!("{}\n  {:?}", super::command(&one.plan), one.failures);
    }
    let told: Vec<String> = found.iter().take(3).map(tell).collect();
    let failed = found.len();
    assert!(found.is_empty(), "{failed} of {count} plans of the seed {seed} failed:\n{}", told.join("\n"));
}

#[test]
fn the_same_seed_draws_the_same_sample() {
    assert_eq!(sample(5, 20), sample(5, 20));
    assert_ne!(sample(5, 20), sample(6, 20));
}

#[test]
fn what_is_found_is_told_with_the_way_to_play_it_again() {
    let plan = crate::bug::Bug::Clobbers.plan();
    let plan = Plan { bug: Some(crate::bug::Bug::Clobbers), ..plan };
    let failures = plan.play().failures;
    let text = tell(&Found { plan, failures });
    assert!(text.contains("Clobbered: the actions are"), "{text}");
    assert!(text.contains("again with: cargo run --release -p weir-lab --example search -- --plan '{"), "{text}");
}
