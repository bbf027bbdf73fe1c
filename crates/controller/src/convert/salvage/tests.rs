//! What is kept of statuses that cannot be read as a whole.

use serde_json::{Value, json};
use weir_api::traffic_shift::{GateName, HeldBy, Outcome};
use weir_api::{TrafficShiftStatus, WeightedRouteStatus};

use super::read;

fn moving() -> Value {
    let weights = json!([{"environment": "blue", "weight": 50}, {"environment": "green", "weight": 50}]);
    json!({
        "observedGeneration": 3,
        "phase": "Shifting",
        "run": {
            "id": 4, "to": "green", "seq": 2, "weight": 50, "progress": "1/2", "summary": "blue 50, green 50",
            "routes": [{"name": "checkout", "baseline": 4, "before": [], "weights": weights}],
            "startedAt": "2026-11-21T10:00:00Z", "progressedAt": "2026-11-21T10:00:00Z",
        },
        "history": [{
            "id": 3, "to": "blue", "outcome": "Succeeded", "message": "", "startedAt": "2026-11-21T09:00:00Z",
            "endedAt": "2026-11-21T09:10:00Z",
        }],
    })
}

#[test]
fn what_can_be_read_is_read_as_ever() {
    let (status, lost) = read::<TrafficShiftStatus>(moving());
    assert_eq!(status, serde_json::from_value(moving()).unwrap());
    assert_eq!(lost, [""; 0]);
    assert_eq!(read::<TrafficShiftStatus>(Value::Null), (TrafficShiftStatus::default(), Vec::new()));
}

#[test]
fn an_unknown_word_costs_its_field_and_no_run() {
    let mut found = moving();
    found["phase"] = json!("Dreaming");
    found["run"]["released"] = json!({"seq": "two", "gates": ["StepPause"]});
    let (status, lost) = read::<TrafficShiftStatus>(found);
    assert_eq!(status.phase, None);
    assert_eq!(status.observed_generation, Some(3));
    let run = status.run.unwrap();
    assert_eq!((run.id, run.seq, run.weight, run.released), (4, 2, 50, None));
    assert_eq!(run.routes[0].weights.len(), 2);
    assert!(lost[0].starts_with("status.phase (unknown variant `Dreaming`"), "{lost:#?}");
    assert!(lost.iter().any(|lost| lost.starts_with("status.run.released.seq (invalid type")), "{lost:#?}");
}

#[test]
fn gates_that_are_not_known_cost_neither_the_others_nor_the_run() {
    let mut found = moving();
    let gate = |name: &str| json!({"name": name, "reason": "", "message": "", "since": "2026-11-21T10:05:00Z"});
    found["run"]["gates"] = json!([gate("Tea"), gate("StepPause")]);
    found["run"]["released"] = json!({"seq": 2, "gates": ["Tea", "StepPause"]});
    let (status, lost) = read::<TrafficShiftStatus>(found);
    let run = status.run.unwrap();
    let names: Vec<GateName> = run.gates.iter().map(|gate| gate.name).collect();
    assert_eq!((run.id, names.as_slice()), (4, &[GateName::StepPause][..]));
    assert!(run.is_released(GateName::StepPause));
    assert_eq!(lost, [""; 0]);
}

#[test]
fn a_hold_of_an_unknown_kind_stays_a_hold() {
    let mut found = moving();
    found["run"]["hold"] = json!({"by": "Moonlight", "message": "the moon shines", "since": "2026-11-21T10:05:00Z"});
    let (status, lost) = read::<TrafficShiftStatus>(found);
    let hold = status.run.unwrap().hold.unwrap();
    assert_eq!((hold.by, hold.since.to_string().as_str()), (HeldBy::Command, "2026-11-21T10:05:00Z"));
    assert!(hold.message.contains("the command resume goes on"), "{}", hold.message);
    assert_eq!(lost.len(), 1, "{lost:#?}");
}

#[test]
fn a_list_is_kept_whole_or_not_at_all() {
    let mut found = moving();
    found["history"][0]["outcome"] = json!("Undecided");
    let (status, lost) = read::<TrafficShiftStatus>(found);
    assert_eq!((status.history.len(), status.run.map(|run| run.id)), (0, Some(4)));
    assert!(lost[0].starts_with("status.history ("), "{lost:#?}");
    // Weights of which one is missing would be others.
    let mut found = moving();
    found["run"]["routes"][0]["weights"][1]["weight"] = json!("half");
    let (status, lost) = read::<TrafficShiftStatus>(found);
    assert_eq!((status.run, status.history[0].outcome), (None, Outcome::Succeeded));
    assert!(lost[0].starts_with("status.run ("), "{lost:#?}");
}

#[test]
fn what_is_nothing_without_a_field_goes_with_it() {
    let mut found = moving();
    found["run"]["rollback"] = json!({"reason": 7, "message": "", "since": "2026-11-21T10:05:00Z"});
    found["run"]["outcome"] = json!("Undecided");
    let (status, lost) = read::<TrafficShiftStatus>(found);
    let run = status.run.unwrap();
    assert_eq!((run.rollback, run.outcome), (None, None));
    assert_eq!(lost.len(), 3, "{lost:#?}");
}

#[test]
fn a_status_that_is_none_at_all_is_lost() {
    for found in [json!("well"), json!([1, 2]), json!(7)] {
        let (status, lost) = read::<WeightedRouteStatus>(found);
        assert_eq!((status, lost), (WeightedRouteStatus::default(), vec!["status, all of it".to_owned()]));
    }
}
