//! A row for each violation: what is written, and what the guard says to it.

use super::*;

/// A write that the guard refuses, by the name of the violation.
struct Row {
    violation: &'static str,
    says: &'static str,
    scene: Scene,
    write: Write,
}

const ALL: [&str; 12] = [
    "AllZero",
    "Capacity",
    "Direction",
    "Elsewhere",
    "Forgotten",
    "GivenUp",
    "NotOurs",
    "OtherActions",
    "OutOfRange",
    "Stale",
    "Unrecorded",
    "Unrecorded/nothing",
];

/// A new violation needs a name here, and by that a row.
fn name(violation: &Violation) -> &'static str {
    match violation {
        Violation::AllZero => "AllZero",
        Violation::OutOfRange(_) => "OutOfRange",
        Violation::NotOurs { .. } => "NotOurs",
        Violation::Unrecorded { .. } => "Unrecorded",
        Violation::Capacity { .. } => "Capacity",
        Violation::Direction { .. } => "Direction",
        Violation::OtherActions(_) => "OtherActions",
        Violation::GivenUp { .. } => "GivenUp",
        Violation::Forgotten { .. } => "Forgotten",
        Violation::Elsewhere { .. } => "Elsewhere",
        Violation::Stale(_) => "Stale",
    }
}

fn row(violation: &'static str, says: &'static str, scene: Scene, write: Write) -> Row {
    Row { violation, says, scene, write }
}

/// A rule for the host `shop.test`, where the route is one.
fn create(listener: &str, priority: i32, host: &str, tags: Tags) -> Write {
    Write::Listener(ListenerWrite::CreateRule {
        listener: arn(listener),
        priority,
        conditions: Conditions::from_iter([("host-header".into(), vec![host.into()])]),
        forward: forward(&[("green", 100)]),
        tags,
    })
}

fn of_rule() -> Scene {
    let mut scene = Scene::live(&[]).forwards(&[("green", 100)]);
    let route = stand_ins::route("shop", "web", 0, json!({"match": {"hosts": ["shop.test"]}}));
    scene.route.spec.entry = route.spec.entry;
    scene.route.status.listener_rule.priority = Some(5);
    scene
}

fn rows() -> Vec<Row> {
    let to = [("blue", 75), ("green", 25)];
    let live = || Scene::live(&[("blue", 95), ("green", 5)]);
    let all = || set(forwarding(&to));
    let six = [("a", 0), ("b", 0), ("blue", 1), ("c", 0), ("d", 0), ("e", 0)];
    let sticky = Forward { sticky_seconds: Some(604_801), ..forward(&[("blue", 1)]) };
    let aged = |age| Scene { age: SignedDuration::from_secs(age), ..live().forwards(&to) };
    let mark = |key: &str| {
        Write::Tags(TagWrite::Add { resource: arn("l"), tags: Tags::from_iter([(key.to_owned(), "x".to_owned())]) })
    };
    let other_account = "arn:aws:elasticloadbalancing:eu-central-1:2:targetgroup/green/5f";
    let mut numbered = of_rule();
    numbered.route.status.listener_rule.priority = Some(7);
    let mut there = live().forwards(&[("blue", 75), (other_account, 25)]);
    there.route.status.aws = serde_json::from_value(json!({"roleArn": "arn:aws:iam::1:role/weir"})).unwrap();
    vec![
        row("AllZero", "all weights of the action", live().forwards(&to), set(forwarding(&[("blue", 0)]))),
        row("AllZero", "no request would be answered", live().forwards(&to), set(Vec::new())),
        row("OutOfRange", "6 members", live(), set(forwarding(&six))),
        row("OutOfRange", "the weight 1000", live(), set(forwarding(&[("blue", 1000)]))),
        row("OutOfRange", "a stickiness of 604801 s", live(), set(vec![action(ActionKind::Forward(sticky))])),
        row("Capacity", "1 are healthy where 2", live().healthy(&[("green", 1)]).forwards(&to), all()),
        row("Capacity", "was not read within ten seconds", live().healthy(&[]).forwards(&to), all()),
        row("Direction", "the share of blue would rise", turned(), all_blue()),
        row("NotOurs", "it carries no mark", live().forwards(&to).tagged(Tags::new()), all()),
        row("NotOurs", "the tag team is none of Weir's", live(), mark("team")),
        row("NotOurs", "the mark written would be another's", live(), mark(OWNER_TAG)),
        row("NotOurs", "the new rule would be without it", of_rule(), create("l", 5, "shop.test", Tags::new())),
        row("NotOurs", "another rule has the priority", numbered, create("l", 7, "shop.test", marks())),
        row("OtherActions", "authenticate-oidc", live().forwards(&to), {
            set(vec![kept("authenticate-oidc"), forwarding(&to).remove(0)])
        }),
        row("GivenUp", "is not being deleted", live(), {
            Write::Tags(TagWrite::Remove { resource: arn("l"), keys: [OWNER_TAG.to_owned()].into() })
        }),
        row("Forgotten", "would forget it", live().tagged(remembering("nothing+.")), {
            Write::Tags(TagWrite::Add { resource: arn("l"), tags: remembering("forward+0+blue=1+.") })
        }),
        row("Elsewhere", "which is for another account or region", there, {
            set(forwarding(&[("blue", 75), (other_account, 25)]))
        }),
        row("Stale", "the rules of l was not read", aged(11), all()),
        // By a clock that has been set back since.
        row("Stale", "the rules of l was not read", aged(-30), all()),
        row("Unrecorded", "on record is the listener l", live(), {
            Write::Listener(ListenerWrite::SetDefaultActions { listener: arn("other"), actions: forwarding(&to) })
        }),
        row("Unrecorded", "on record is the rule l", live(), {
            Write::Listener(ListenerWrite::SetRuleActions {
                listener: arn("l"),
                rule: arn("l/7"),
                actions: forwarding(&to),
            })
        }),
        row("Unrecorded", "on record is the rule or listener l", live(), {
            Write::Tags(TagWrite::Add { resource: arn("l/7"), tags: marks() })
        }),
        row("Unrecorded", "on record is the priority 5", of_rule(), create("l", 6, "shop.test", marks())),
        row("Unrecorded", "other requests", of_rule(), create("l", 5, "other.test", marks())),
        row("Unrecorded", "on record is no weights", live(), all()),
        row("Unrecorded", "nobody who wants that", live().intent(&to, json!({})), all()),
    ]
}

/// A run to blue that goes back, and would bring blue more.
fn turned() -> Scene {
    let mut scene = Scene::live(&[("blue", 50), ("green", 50)]).goes_back(&[("blue", 100), ("green", 0)]);
    scene.shift.as_mut().unwrap().status.run.as_mut().unwrap().to = "blue".to_owned();
    scene
}

fn all_blue() -> Write {
    set(forwarding(&[("blue", 100), ("green", 0)]))
}

#[test]
fn each_violation_is_told() {
    let mut seen = BTreeSet::new();
    for Row { violation, says, scene, write } in rows() {
        let found = scene.judge(&write).expect_err(says);
        assert!(name(&found) == violation && found.to_string().contains(says), "{violation}, {says}: {found}");
        seen.insert(violation);
    }
    let nothing = guard((began(), began()), &all_blue(), None, &Facts::default()).unwrap_err();
    assert_eq!(nothing.to_string(), "the write would set ModifyListener on l; on record is nothing");
    seen.insert("Unrecorded/nothing");
    assert_eq!(Vec::from_iter(seen), ALL);
}

#[test]
fn what_the_table_says_of_a_rule_lets_the_right_one_through() {
    of_rule().judge(&create("l", 5, "shop.test", marks())).unwrap();
}
