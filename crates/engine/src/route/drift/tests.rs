//! What counts as a change by another writer where a correction was decided, written or neither.

use jiff::Timestamp;
use serde_json::json;

use super::super::stand_ins::{cluster, context, entry_point, environment, facts, route, rule};
use crate::Arn;
use crate::fact::{Action, ActionKind, Fact, Forward, Health, Query, Tags};
use crate::object::RouteObject;
use crate::reader::Reader;
use crate::route::decide;
use crate::tick::AcceptedWrite;
use crate::write::{TagWrite, Write};

/// A route that corrects and of which nobody wants anything, and what its process remembers.
struct Watched {
    route: RouteObject,
    accepted: Option<AcceptedWrite>,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn accepted(second: i64, write: Write) -> AcceptedWrite {
    AcceptedWrite { at: at(second), write, change: None }
}

fn actions(blue: u16, green: u16) -> Vec<Action> {
    let groups = [(Arn::new("blue"), blue), (Arn::new("green"), green)].into();
    vec![Action { order: Some(1), kind: ActionKind::Forward(Forward { groups, sticky_seconds: None }) }]
}

impl Watched {
    /// At second 1000 blue is live; at 1100 somebody sets 50/50, and at 1110 it is decided to correct that.
    fn with_a_correction() -> (Self, Write) {
        let mut route = route("team", "web", 1, json!({"match": {"hosts": ["a.example"]}, "priority": 1000}));
        route.spec.backends =
            serde_json::from_value(json!([{"environment": "blue"}, {"environment": "green"}])).unwrap();
        route.spec.drift = super::DriftPolicy::Correct;
        let mut watched = Self { route, accepted: None };
        assert_eq!(watched.look(1000, (100, 0)), (None, None));
        assert_eq!(watched.look(1100, (50, 50)), (None, Some(at(1110))));
        let (correction, _) = watched.look(1110, (50, 50));
        assert_eq!(watched.changes(), [(at(1100), "blue 50, green 50")]);
        (watched, correction.expect("it is corrected"))
    }

    /// Looks until nothing more is to be recorded: what is to be written then, and when to look again.
    fn look(&mut self, second: i64, (blue, green): (u16, u16)) -> (Option<Write>, Option<Timestamp>) {
        let now = at(second);
        let live = crate::fact::Rule { actions: actions(blue, green), ..rule(1000, "a.example") };
        let mut facts = facts(now, &[(live, ("shop", "team/web"))]);
        facts.add(Query::Tags(Arn::new("balancer")), Fact::new(now, Ok(Tags::new())));
        for name in ["blue", "green"] {
            let health = Health { healthy: 4, ..Health::default() };
            facts.add(Query::Health(Arn::new(name)), Fact::new(now, Ok(health)));
        }
        let context = crate::tick::Context { accepted: self.accepted.clone(), ..context(now) };
        loop {
            let mut cluster =
                cluster(entry_point(json!({"namespaces": {"from": "All"}, "hosts": ["*"]})), [self.route.clone()]);
            cluster.environments = [environment("team", "blue"), environment("team", "green")].into_iter().collect();
            let mut reader = Reader::new(now, &facts);
            let verdict = decide(&context, &cluster, &self.route, &mut reader);
            let verdict = verdict.unwrap_or_else(|| panic!("asks for {:?}", reader.into_asks()));
            if verdict.status == self.route.status {
                return (verdict.write, verdict.wake);
            }
            self.route.status = verdict.status;
        }
    }

    /// The changes by another writer that are counted.
    fn changes(&self) -> Vec<(Timestamp, &str)> {
        self.route.status.reversals.iter().map(|reversal| (reversal.at, reversal.found.as_str())).collect()
    }
}

#[test]
fn a_correction_that_was_never_written_counts_one_change_however_late_it_comes() {
    let (mut watched, correction) = Watched::with_a_correction();
    for second in [1111, 1120, 1200, 4000] {
        assert_eq!(watched.look(second, (50, 50)).0.as_ref(), Some(&correction), "at {second}");
        assert_eq!(watched.changes().len(), 1);
    }
    watched.accepted = Some(accepted(4000, correction));
    assert_eq!(watched.look(4001, (50, 50)), (None, Some(at(4010))), "AWS may not show it yet");
    assert_eq!(watched.look(4002, (100, 0)).0, None);
    assert_eq!(watched.route.status.intent.as_ref().unwrap().correction, None);
    assert_eq!(watched.changes().len(), 1);
}

#[test]
fn a_correction_that_was_written_and_is_not_seen_was_undone() {
    let (mut watched, correction) = Watched::with_a_correction();
    watched.accepted = Some(accepted(1111, correction.clone()));
    assert_eq!(watched.look(1120, (50, 50)), (None, Some(at(1121))));
    assert_eq!(watched.look(1121, (50, 50)), (None, Some(at(1131))), "it is a difference from now on");
    // That is on record, so another process says the same.
    watched.accepted = None;
    assert_eq!(watched.look(1131, (50, 50)).0, Some(correction));
    assert_eq!(watched.changes(), [(at(1100), "blue 50, green 50"), (at(1121), "blue 50, green 50")]);
}

#[test]
fn another_write_in_between_is_not_the_correction() {
    let (mut watched, correction) = Watched::with_a_correction();
    let tags = Write::Tags(TagWrite::Add { resource: Arn::new("rule-1000"), tags: Tags::new() });
    watched.accepted = Some(accepted(1111, tags));
    assert_eq!(watched.look(1130, (50, 50)).0.as_ref(), Some(&correction));
    watched.accepted = Some(accepted(1105, correction.clone()));
    assert_eq!(watched.look(1131, (50, 50)).0, Some(correction), "an earlier one is none of this");
    assert_eq!(watched.changes().len(), 1);
}
