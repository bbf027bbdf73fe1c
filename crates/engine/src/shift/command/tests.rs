//! Every command in every state of a run: what is answered, and that what is ignored changes nothing.

use serde_json::json;
use weir_api::traffic_shift::{Cause, Outcome};

use super::*;
use crate::grant::Grants;
use crate::object::{Cluster, Key, Object, RouteObject};

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn object<Spec, Status: Default>(name: &str, spec: Spec) -> Object<Spec, Status> {
    Object {
        key: Key::new("shop", name),
        uid: name.into(),
        generation: 1,
        version: "1".into(),
        created: now(),
        deleted: None,
        finalizers: Vec::new(),
        command: None,
        spec,
        status: Status::default(),
    }
}

/// A run from blue to green that is at 25 %.
fn moving() -> ShiftObject {
    let spec = json!({"routes": ["checkout"], "to": "green", "strategy": {"allAtOnce": {}}});
    let mut shift: ShiftObject = object("checkout", serde_json::from_value(spec).unwrap());
    let blue = json!([{"environment": "blue", "weight": 100}]);
    let run = json!({
        "id": 1, "to": "green", "seq": 2, "weight": 25, "progress": "1/2", "summary": "blue 75, green 25",
        "startedAt": now().to_string(), "appliedAt": now().to_string(), "progressedAt": now().to_string(),
        "routes": [{"name": "checkout", "baseline": 2, "from": blue, "before": blue}],
    });
    shift.status.run = Some(serde_json::from_value(run).unwrap());
    shift.status.observed_generation = Some(1);
    shift
}

fn waiting(mut shift: ShiftObject, name: GateName, until: Option<Timestamp>) -> ShiftObject {
    let promotable = gate::release(name).is_some();
    let (reason, message) = (String::new(), String::new());
    shift.status.run.as_mut().unwrap().gates = vec![RunGate { name, reason, message, since: now(), until, promotable }];
    shift
}

fn held(mut shift: ShiftObject, by: HeldBy) -> ShiftObject {
    let hold = Hold { by, message: String::new(), since: now() };
    shift.status.run.as_mut().unwrap().hold = Some(hold);
    waiting(shift, GateName::Hold, None)
}

fn running(mut shift: ShiftObject, change: impl FnOnce(&mut Run)) -> ShiftObject {
    change(shift.status.run.as_mut().unwrap());
    shift
}

/// The route, with all of its traffic there.
fn cluster(on: &str) -> Cluster {
    let listener = json!({"entryPoint": {"name": "public"}, "listener": "https"});
    let spec = json!({"listener": listener, "backends": [{"environment": "blue"}]});
    let mut route: RouteObject = object("checkout", serde_json::from_value(spec).unwrap());
    route.status.weights = vec![EnvironmentWeight { environment: on.to_owned(), weight: 100 }];
    Cluster { routes: [route].into_iter().collect(), ..Cluster::default() }
}

/// The answers to a command that is given twice; what is ignored leaves the run as it is.
fn answers(mut shift: ShiftObject, verb: Verb, on: &str) -> [String; 2] {
    let cluster = cluster(on);
    [1, 2].map(|token| {
        shift.command = Some(format!("{}/{token}", verb.word()));
        let (grants, status) = (Grants::default(), shift.status.clone());
        let mut draft = Draft {
            now: now(),
            counted_from: Timestamp::MIN,
            grants: &grants,
            cluster: &cluster,
            shift: &shift,
            status,
            stalled: None,
            worry: None,
            wake: None,
        };
        take(&mut draft);
        let answer = draft.status.last_command.clone().unwrap().result;
        if answer.starts_with("ignored: ") {
            assert_eq!(draft.status.run, shift.status.run, "{verb:?} {answer}");
        } else {
            assert!(answer.starts_with("accepted: "), "{answer}");
        }
        // What it waited for is over once it was told to go on.
        let status = draft.status.clone();
        shift.status = status;
        if answer.starts_with("accepted: ") {
            shift.status.run.as_mut().unwrap().gates.clear();
        }
        let (_, said) = answer.split_once(": ").unwrap();
        format!("{} {said}", &answer[..1])
    })
}

const GOES_ON: &str = "a the run goes on";
const GOES_BACK: &str = "a the traffic goes back";
const HOLDS: &str = "a the run holds where it is";
const HELD: &str = "i the run is held already";
const IS_BACK: &str = "i the run is going back already";
const AT_END: &str = "i the run has come to its end, which is being remembered on AWS; set to to go elsewhere";
const MOVES: &str = "i a run is moving; abort it first";
const RESTS: &str = "i no run is moving";
const NOTHING: &str = "i nothing is held, and no pause is there to end";
const PAUSED: &str = "i spec.paused is true; the run goes on when it is false";
const AGAIN: &str = "a a new run starts";
const IN_PAUSE: &str = "i nothing is held; promote ends the pause";
const IN_WAIT: &str = "i nothing is held; promote ends the wait";
const PAUSE_ENDS: &str = "a the pause at the present weight ends";

/// The first and the second answer to `pause`, `resume`, `promote` and `abort`; `retry` is for runs that have ended.
type Row = (&'static str, ShiftObject, [[&'static str; 2]; 4]);

fn rows() -> Vec<Row> {
    let spec_paused = |mut shift: ShiftObject| {
        shift.spec.paused = true;
        waiting(shift, GateName::Paused, None)
    };
    let back = |run: &mut Run| {
        run.rollback = Some(Cause { reason: "Aborted".to_owned(), message: String::new(), since: now() });
    };
    let (hold, abort) = ([HOLDS, HELD], [GOES_BACK, IS_BACK]);
    let by = |by: HeldBy| held(moving(), by);
    let freed = [[HELD, HELD], [GOES_ON, NOTHING], [GOES_ON, NOTHING], abort];
    let set_again = "a the run's weights are set again over the foreign change";
    let share = "a the share at the present weight is not waited for";
    let sticky = "a clients that stick to the old side are not waited for";
    vec![
        ("applying", waiting(moving(), GateName::Applied, None), [hold, [NOTHING; 2], [NOTHING; 2], abort]),
        ("capacity", waiting(moving(), GateName::Capacity, None), [hold, [NOTHING; 2], [NOTHING; 2], abort]),
        (
            "timed pause",
            waiting(moving(), GateName::StepPause, Some(now())),
            [hold, [IN_PAUSE; 2], [PAUSE_ENDS, NOTHING], abort],
        ),
        (
            "open pause",
            waiting(moving(), GateName::StepPause, None),
            [hold, [PAUSE_ENDS, NOTHING], [PAUSE_ENDS, NOTHING], abort],
        ),
        ("share", waiting(moving(), GateName::ShareSeen, None), [hold, [IN_WAIT; 2], [share, NOTHING], abort]),
        (
            "sticky",
            waiting(moving(), GateName::StickyClients, Some(now())),
            [hold, [IN_WAIT; 2], [sticky, NOTHING], abort],
        ),
        ("held by command", by(HeldBy::Command), freed),
        ("held by failure", by(HeldBy::Failure), freed),
        ("handed back", by(HeldBy::HandedBack), freed),
        ("strategy changed", by(HeldBy::StrategyChanged), freed),
        ("foreign change", by(HeldBy::ForeignChange), [[HELD; 2], [set_again, NOTHING], [set_again, NOTHING], abort]),
        ("spec.paused", spec_paused(moving()), [hold, [PAUSED; 2], [PAUSED; 2], abort]),
        ("spec.paused, held", spec_paused(by(HeldBy::Command)), [[HELD; 2], [PAUSED; 2], [PAUSED; 2], abort]),
        ("going back", running(moving(), back), [[IS_BACK; 2]; 4]),
        ("at its end", running(moving(), |run| run.outcome = Some(Outcome::Succeeded)), [[AT_END; 2]; 4]),
        ("ended", running(moving(), |run| run.ended_at = Some(now())), [[RESTS; 2]; 4]),
    ]
}

#[test]
fn every_command_twice_in_every_state() {
    for (state, shift, expected) in rows() {
        let is_over = shift.status.run.as_ref().unwrap().ended_at.is_some();
        let verbs = [Verb::Pause, Verb::Resume, Verb::Promote, Verb::Abort];
        for (verb, expected) in verbs.into_iter().zip(expected) {
            assert_eq!(answers(shift.clone(), verb, "blue"), expected, "{state}: {verb:?}");
        }
        let expected = if is_over { [AGAIN; 2] } else { [MOVES; 2] };
        assert_eq!(answers(shift, Verb::Retry, "blue"), expected, "{state}");
    }
}

#[test]
fn what_was_released_at_a_weight_stays_released_there() {
    let mut run = moving().status.run.unwrap();
    run.release([GateName::StepPause]);
    run.release([GateName::ShareSeen]);
    let released = |run: &Run| [GateName::StepPause, GateName::ShareSeen].map(|gate| run.is_released(gate));
    assert_eq!(released(&run), [true, true]);
    run.seq += 1;
    assert_eq!(released(&run), [false, false]);
    run.release([GateName::ShareSeen]);
    assert_eq!(released(&run), [false, true]);
}

#[test]
fn a_retry_where_everything_is_there_is_ignored() {
    let ended = running(moving(), |run| run.ended_at = Some(now()));
    assert_eq!(answers(ended, Verb::Retry, "green"), ["i green carries all the traffic already"; 2]);
}
