//! Each thing that the guard must not let through, and what it must.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Violation, guard};
use crate::fact::{Action, ActionKind, Conditions, Fact, Forward, Health, Query, Rule, RulePriority, Tags};
use crate::sight::Facts;
use crate::step::{BEFORE_TAG, Movement, Needs, OWNER_TAG, Proposal, ROUTE_TAG, Step, Warrant};
use crate::{Access, Arn, Key};

const RESTORE: Movement = Movement::Restore { min_healthy_percent: 100 };

fn began() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn arn(name: &str) -> Arn {
    Arn::new(name)
}

fn forward(weights: &[(&str, u16)]) -> Forward {
    Forward { groups: weights.iter().map(|(name, weight)| (arn(name), *weight)).collect(), sticky_seconds: None }
}

fn action(kind: ActionKind) -> Action {
    Action { order: None, kind }
}

fn forwarding(weights: &[(&str, u16)]) -> Vec<Action> {
    vec![action(ActionKind::Forward(forward(weights)))]
}

fn kept(kind: &str) -> Action {
    action(ActionKind::Kept { kind: kind.to_owned(), settings: BTreeMap::new() })
}

fn marks() -> Tags {
    Tags::from_iter([(OWNER_TAG.to_owned(), "me".to_owned()), (ROUTE_TAG.to_owned(), "shop/web".to_owned())])
}

/// A listener `l` with a default action, marked as ours, read just now, with healthy targets by group.
struct Scene {
    actions: Vec<Action>,
    tags: Tags,
    healthy: Vec<(&'static str, u32)>,
    age: SignedDuration,
    adopt: bool,
}

impl Scene {
    fn live(weights: &[(&str, u16)]) -> Self {
        Self {
            actions: forwarding(weights),
            tags: marks(),
            healthy: vec![("green", 5)],
            age: SignedDuration::ZERO,
            adopt: false,
        }
    }

    fn judge(&self, step: Step, movement: Movement) -> Result<(), Violation> {
        let at = began() - self.age;
        let mut facts = Facts::default();
        let rule = Rule {
            arn: arn("l/default"),
            priority: RulePriority::Default,
            conditions: Conditions::new(),
            actions: self.actions.clone(),
        };
        facts.add(Query::Rules(arn("l")), Fact::new(at, Ok(vec![rule])));
        facts.add(Query::Tags(arn("l")), Fact::new(at, Ok(self.tags.clone())));
        for (group, healthy) in &self.healthy {
            let health = Health { healthy: *healthy, ..Health::default() };
            facts.add(Query::Health(arn(group)), Fact::new(at, Ok(health)));
        }
        let warrant = Warrant {
            owner: "me".to_owned(),
            route: Key::new("shop", "web"),
            adopt: self.adopt,
            movement,
            access: Access::default(),
        };
        let judged = guard((began(), began()), &Proposal { step, warrant }, &facts);
        judged.map(|permit| assert!(!permit.step().operation().is_empty()))
    }

    fn write(&self, weights: &[(&str, u16)], movement: Movement) -> Result<(), Violation> {
        self.judge(Step::SetDefaultActions { listener: arn("l"), actions: forwarding(weights) }, movement)
    }
}

fn towards_green() -> Movement {
    Movement::Forward { candidate: arn("green"), needs: Needs { baseline: 5, min_healthy_percent: 100 } }
}

fn back_from_green() -> Movement {
    Movement::Back { candidate: arn("green") }
}

#[test]
fn lets_a_step_with_capacity_through() {
    Scene::live(&[("blue", 95), ("green", 5)]).write(&[("blue", 75), ("green", 25)], towards_green()).unwrap();
    Scene::live(&[("blue", 1)]).write(&[("blue", 1), ("green", 0)], Movement::Attach).unwrap();
    Scene::live(&[("blue", 50), ("green", 50)]).write(&[("blue", 1), ("green", 0)], back_from_green()).unwrap();
}

#[test]
fn all_zero_is_never_written() {
    let found = Scene::live(&[("blue", 1)]).write(&[("blue", 0), ("green", 0)], back_from_green());
    assert_eq!(found, Err(Violation::AllZero));
}

#[test]
fn limits_of_elbv2_are_kept() {
    let live = Scene::live(&[("blue", 1)]);
    let six = [("a", 0), ("b", 0), ("blue", 1), ("c", 0), ("d", 0), ("e", 0)];
    assert!(matches!(live.write(&six, Movement::Attach), Err(Violation::OutOfRange(_))));
    assert!(matches!(live.write(&[("blue", 1000)], Movement::Attach), Err(Violation::OutOfRange(_))));
    let sticky = Forward { sticky_seconds: Some(604_801), ..forward(&[("blue", 1)]) };
    let step = Step::SetDefaultActions { listener: arn("l"), actions: vec![action(ActionKind::Forward(sticky))] };
    assert!(matches!(live.judge(step, Movement::Attach), Err(Violation::OutOfRange(_))));
}

#[test]
fn a_weight_needs_healthy_targets_for_its_share() {
    let short = Scene { healthy: vec![("green", 1)], ..Scene::live(&[("blue", 95), ("green", 5)]) };
    let found = short.write(&[("blue", 75), ("green", 25)], towards_green());
    let Err(Violation::Capacity { needed, found, .. }) = found else { panic!("{found:?}") };
    assert_eq!((needed, found.as_str()), (2, "1 are healthy"));
    let unseen = Scene { healthy: Vec::new(), ..Scene::live(&[("blue", 95), ("green", 5)]) };
    assert!(matches!(unseen.write(&[("blue", 75), ("green", 25)], towards_green()), Err(Violation::Capacity { .. })));
}

#[test]
fn old_readings_are_no_evidence() {
    let old = Scene { age: SignedDuration::from_secs(11), ..Scene::live(&[("blue", 95), ("green", 5)]) };
    let found = old.write(&[("blue", 75), ("green", 25)], towards_green());
    assert_eq!(found, Err(Violation::Stale("the rules of l".to_owned())));
}

#[test]
fn what_was_read_later_than_now_is_no_evidence() {
    // By a clock that has been set back since.
    let ahead = Scene { age: -SignedDuration::from_secs(30), ..Scene::live(&[("blue", 95), ("green", 5)]) };
    let found = ahead.write(&[("blue", 75), ("green", 25)], towards_green());
    assert_eq!(found, Err(Violation::Stale("the rules of l".to_owned())));
}

#[test]
fn a_run_goes_one_way() {
    let live = Scene::live(&[("blue", 50), ("green", 50)]);
    let against = |found: Result<(), Violation>, group: &str| {
        assert_eq!(found, Err(Violation::Direction { group: arn(group) }));
    };
    against(live.write(&[("blue", 60), ("green", 40)], towards_green()), "blue");
    against(live.write(&[("blue", 40), ("green", 60)], back_from_green()), "green");
    against(live.write(&[("blue", 51), ("green", 49)], Movement::Attach), "blue");
    against(live.write(&[("green", 1)], Movement::First), "green");
}

#[test]
fn a_loser_may_gain_what_rounding_gives_it_and_no_more() {
    let live = Scene::live(&[("blue", 852), ("red", 148)]);
    live.write(&[("blue", 84), ("green", 1), ("red", 15)], towards_green()).unwrap();
    let found = live.write(&[("blue", 83), ("green", 1), ("red", 16)], towards_green());
    assert_eq!(found, Err(Violation::Direction { group: arn("red") }));
}

#[test]
fn what_a_user_reasserts_needs_capacity_on_every_side_that_gains() {
    let needs = Needs { baseline: 5, min_healthy_percent: 100 };
    let live = Scene { healthy: vec![("blue", 4), ("green", 5)], ..Scene::live(&[("red", 1)]) };
    live.write(&[("blue", 75), ("green", 25)], Movement::Reassert { needs }).unwrap();
    let found = live.write(&[("blue", 95), ("green", 5)], Movement::Reassert { needs });
    assert!(matches!(found, Err(Violation::Capacity { needed: 5, .. })), "{found:?}");
}

#[test]
fn weights_chosen_by_the_user_need_capacity_for_every_group_that_gains() {
    let needs = Needs { baseline: 10, min_healthy_percent: 100 };
    let live = Scene { healthy: vec![("green", 2), ("red", 3)], ..Scene::live(&[("blue", 100)]) };
    live.write(&[("blue", 50), ("green", 20), ("red", 30)], Movement::Chosen { needs }).unwrap();
    let found = live.write(&[("blue", 49), ("green", 21), ("red", 30)], Movement::Chosen { needs });
    assert!(matches!(found, Err(Violation::Capacity { needed: 3, .. })), "{found:?}");
    let unseen = Scene { healthy: vec![("green", 2)], ..Scene::live(&[("blue", 100)]) };
    assert!(unseen.write(&[("blue", 50), ("green", 20), ("red", 30)], Movement::Chosen { needs }).is_err());
}

#[test]
fn a_return_goes_to_the_side_with_more_that_is_known_to_be_healthy() {
    let needs = Needs { baseline: 10, min_healthy_percent: 100 };
    let scene = |blue, green| Scene {
        healthy: vec![("blue", blue), ("green", green)],
        ..Scene::live(&[("blue", 20), ("green", 80)])
    };
    let all = [("blue", 100), ("green", 0)];
    scene(10, 10).write(&all, Movement::Return { needs }).unwrap();
    scene(3, 0).write(&all, Movement::Return { needs }).unwrap();
    scene(0, 0).write(&all, Movement::Return { needs }).unwrap();
    assert!(matches!(scene(9, 10).write(&all, Movement::Return { needs }), Err(Violation::Capacity { .. })));
    scene(9, 10).write(&[("blue", 90), ("green", 10)], Movement::Return { needs }).unwrap();
    scene(3, 2).write(&[("blue", 60), ("green", 40)], Movement::Return { needs }).unwrap();
    assert!(scene(3, 2).write(&[("blue", 61), ("green", 39)], Movement::Return { needs }).is_err());
    let unasked = Scene { healthy: vec![("blue", 3)], ..Scene::live(&[("blue", 20), ("green", 80)]) };
    assert!(unasked.write(&all, Movement::Return { needs }).is_err(), "the other side was not looked at");
}

#[test]
fn only_what_carries_our_mark_is_written() {
    let others =
        Tags::from_iter([(OWNER_TAG.to_owned(), "you".to_owned()), (ROUTE_TAG.to_owned(), "shop/web".to_owned())]);
    for tags in [Tags::new(), others.clone()] {
        let scene = Scene { tags, ..Scene::live(&[("blue", 1)]) };
        let found = scene.write(&[("blue", 1), ("green", 0)], Movement::Attach);
        assert!(matches!(found, Err(Violation::NotOurs { .. })), "{found:?}");
    }
    let mark = || Step::AddTags { resource: arn("l"), tags: marks() };
    let unmarked = |adopt, tags| Scene { tags, adopt, ..Scene::live(&[("blue", 1)]) };
    unmarked(true, Tags::new()).judge(mark(), Movement::None).unwrap();
    assert!(unmarked(false, Tags::new()).judge(mark(), Movement::None).is_err());
    assert!(unmarked(true, others).judge(mark(), Movement::None).is_err(), "another installation's is never adopted");
}

#[test]
fn a_new_rule_is_marked_and_takes_nobodys_place() {
    let create = |priority, tags| Step::CreateRule {
        listener: arn("l"),
        priority,
        conditions: Conditions::new(),
        forward: forward(&[("green", 100)]),
        tags,
    };
    let scene = Scene::live(&[("blue", 1)]);
    scene.judge(create(10, marks()), Movement::First).unwrap();
    assert!(matches!(scene.judge(create(10, Tags::new()), Movement::First), Err(Violation::NotOurs { .. })));
}

#[test]
fn actions_of_others_survive() {
    let scene =
        Scene { actions: vec![kept("authenticate-oidc"), forwarding(&[("blue", 1)]).remove(0)], ..Scene::live(&[]) };
    let lost = scene.write(&[("blue", 1), ("green", 0)], Movement::Attach);
    assert!(matches!(lost, Err(Violation::OtherActions(_))), "{lost:?}");
    let actions = vec![kept("authenticate-oidc"), forwarding(&[("blue", 1), ("green", 0)]).remove(0)];
    scene.judge(Step::SetDefaultActions { listener: arn("l"), actions }, Movement::Attach).unwrap();
}

#[test]
fn only_a_first_deployment_takes_the_place_of_a_fixed_response() {
    let scene = Scene { actions: vec![kept("fixed-response")], ..Scene::live(&[]) };
    scene.write(&[("green", 100)], Movement::First).unwrap();
    let found = scene.write(&[("green", 100)], towards_green());
    assert!(matches!(found, Err(Violation::OtherActions(_))), "{found:?}");
}

#[test]
fn what_was_there_before_takes_over_only_with_healthy_capacity() {
    let restore = |healthy: Vec<(&'static str, u32)>| {
        let scene = Scene { healthy, ..Scene::live(&[("green", 100), ("blue", 0)]) };
        scene.write(&[("blue", 100)], RESTORE)
    };
    restore(vec![("green", 5), ("blue", 5)]).unwrap();
    for healthy in
        [vec![("green", 5), ("blue", 4)], vec![("green", 5)], vec![("blue", 5)], vec![("green", 0), ("blue", 0)]]
    {
        let found = restore(healthy.clone());
        assert!(matches!(found, Err(Violation::Capacity { .. })), "{healthy:?}: {found:?}");
    }
    // In the middle of a run both sides together have more than the traffic needs.
    let scene = Scene { healthy: vec![("green", 5), ("blue", 5)], ..Scene::live(&[("green", 25), ("blue", 75)]) };
    scene.write(&[("blue", 1)], RESTORE).unwrap();
}

#[test]
fn a_fixed_response_comes_back_in_a_restoration_only() {
    let scene = Scene::live(&[("green", 100)]);
    let step = || Step::SetDefaultActions { listener: arn("l"), actions: vec![kept("fixed-response")] };
    scene.judge(step(), RESTORE).unwrap();
    assert!(scene.judge(step(), Movement::Attach).is_err());
    let nothing = Step::SetDefaultActions { listener: arn("l"), actions: Vec::new() };
    assert_eq!(scene.judge(nothing, RESTORE), Err(Violation::AllZero));
}

#[test]
fn marks_and_rules_are_given_up_only_by_the_route_that_leaves_and_has_them() {
    let unmark = |keys: &[&str]| Step::RemoveTags {
        resource: arn("l"),
        keys: keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>(),
    };
    let ours = [OWNER_TAG, ROUTE_TAG];
    let scene = Scene::live(&[("green", 100)]);
    scene.judge(unmark(&ours), Movement::Leave).unwrap();
    let found = scene.judge(unmark(&ours), Movement::None);
    assert!(matches!(found, Err(Violation::GivenUp { .. })), "{found:?}");
    let found = scene.judge(unmark(&[OWNER_TAG, "team"]), Movement::Leave);
    assert!(matches!(found, Err(Violation::GivenUp { .. })), "{found:?}");
    let strange = Scene { tags: Tags::new(), ..Scene::live(&[("green", 100)]) };
    assert!(matches!(strange.judge(unmark(&ours), Movement::Leave), Err(Violation::NotOurs { .. })));
    let old = Scene { age: SignedDuration::from_secs(11), ..Scene::live(&[("green", 100)]) };
    assert!(matches!(old.judge(unmark(&ours), Movement::Leave), Err(Violation::Stale(_))));
    let delete = Step::DeleteRule { listener: arn("l"), rule: arn("l/default") };
    let found = scene.judge(delete, Movement::Leave);
    assert!(matches!(found, Err(Violation::GivenUp { .. })), "a default action is not deleted: {found:?}");
}

#[test]
fn what_was_there_before_is_remembered_once() {
    let remembering = |text: &str| {
        let mut tags = marks();
        tags.insert(BEFORE_TAG.to_owned(), text.to_owned());
        tags
    };
    let scene = Scene { tags: remembering("nothing+."), ..Scene::live(&[("green", 100)]) };
    let add = |text| Step::AddTags { resource: arn("l"), tags: remembering(text) };
    scene.judge(add("nothing+."), Movement::None).unwrap();
    let found = scene.judge(add("forward+0+blue=1+."), Movement::None);
    assert!(matches!(found, Err(Violation::Forgotten { .. })), "{found:?}");
}
