//! Random courses: whatever happens on them, the laws hold, and once nothing more happens all comes to its end.

use super::*;

/// Something that happens in the middle of a rollout.
#[derive(Clone, Debug)]
enum Happening {
    To(&'static str),
    Well(&'static str, u32),
    Console(u16, u16, u16),
    Command(&'static str),
    LoseStatuses,
    Restart,
    FailingWrites(u32, bool),
    FailingReads(bool),
    Paused(bool),
    Strategy(u8),
    Traffic(u64),
    Evidence(Evidence),
    Aside(&'static str),
    Delete(KindName, &'static str),
    MakeAnew,
    RoutePolicy(RouteDeletionPolicy),
    Weights(Option<(i32, i32, i32)>),
    Pace(Option<i32>),
    Drift(DriftPolicy),
    Fight(u16, u16),
    ResumeRoute,
    Role(bool),
    Grants(bool),
    Point(&'static str, &'static str),
    Backends(&'static [&'static str]),
    Answer,
}

fn happening() -> impl Strategy<Value = Happening> {
    let environment = prop::sample::select(vec!["blue", "green", "red"]);
    prop_oneof![
        3 => environment.clone().prop_map(Happening::To),
        3 => (environment.clone(), 0..=5_u32).prop_map(|(name, well)| Happening::Well(name, well)),
        1 => (0..=3_u16, 0..=3_u16, 1..=3_u16).prop_map(|(a, b, c)| Happening::Console(a, b, c)),
        2 => prop::sample::select(vec!["pause/", "resume/", "promote/", "abort/", "retry/"]).prop_map(Happening::Command),
        1 => Just(Happening::LoseStatuses),
        1 => Just(Happening::Restart),
        1 => (1..=3_u32, any::<bool>()).prop_map(|(count, effect)| Happening::FailingWrites(count, effect)),
        1 => any::<bool>().prop_map(Happening::FailingReads),
        1 => any::<bool>().prop_map(Happening::Paused),
        1 => (0..3_u8).prop_map(Happening::Strategy),
        1 => prop::sample::select(vec![0, 30, 600]).prop_map(Happening::Traffic),
        1 => prop::sample::select(vec![Evidence::Weights, Evidence::Share]).prop_map(Happening::Evidence),
        1 => prop::sample::select(vec!["blue", "grey"]).prop_map(Happening::Aside),
        3 => deletion(),
        2 => Just(Happening::MakeAnew),
        1 => route_policy().prop_map(Happening::RoutePolicy),
        2 => prop::option::of((0..=3_i32, 0..=3_i32, 1..=3_i32)).prop_map(Happening::Weights),
        1 => prop::option::of(5..=40_i32).prop_map(Happening::Pace),
        1 => prop::sample::select(vec![DriftPolicy::Pause, DriftPolicy::Correct, DriftPolicy::Adopt])
            .prop_map(Happening::Drift),
        1 => (0..=3_u16, 1..=3_u16).prop_map(|(a, b)| Happening::Fight(a, b)),
        1 => Just(Happening::ResumeRoute),
        1 => any::<bool>().prop_map(Happening::Role),
        1 => any::<bool>().prop_map(Happening::Grants),
        // Two environments may come to be one group.
        2 => (environment.clone(), environment).prop_map(|(name, group)| Happening::Point(name, group)),
        1 => prop::sample::select(vec![&["blue", "green"][..], &["green", "red"], &["blue"], &["red", "green", "blue"]])
            .prop_map(Happening::Backends),
        1 => Just(Happening::Answer),
    ]
}

fn route_policy() -> impl Strategy<Value = RouteDeletionPolicy> {
    prop::sample::select(vec![RouteDeletionPolicy::Retain, RouteDeletionPolicy::Restore])
}

fn deletion() -> impl Strategy<Value = Happening> {
    prop::sample::select(OBJECTS.to_vec()).prop_map(|(kind, name)| Happening::Delete(kind, name))
}

/// The objects of the model.
const OBJECTS: [(KindName, &str); 6] = [
    (KindName::TrafficShift, "shop"),
    (KindName::WeightedRoute, "web"),
    (KindName::EntryPoint, "public"),
    (KindName::Environment, "blue"),
    (KindName::Environment, "green"),
    (KindName::Environment, "red"),
];

/// Makes whatever was deleted anew, except for the shift.
fn make_anew(model: &mut Model, policy: RouteDeletionPolicy) {
    model.apply_entry_point("public", entry_point(false));
    for name in ["blue", "green", "red"] {
        model.apply_environment(name, environment(name));
    }
    let known = model.cluster.routes.get(&Key::new(NAMESPACE, "web")).map(|known| known.spec.clone());
    let spec = known.unwrap_or_else(|| route("http", None));
    model.apply_route("web", WeightedRouteSpec { deletion_policy: policy, ..spec });
}

/// Gives the route other backends; those to which its user has given weights stay.
fn back(model: &mut Model, names: &[&str]) {
    choose(model, |spec| {
        let is_chosen = |name: &str| spec.weights.as_ref().is_some_and(|weights| weights.contains_key(name));
        let names = ["blue", "green", "red"].into_iter().filter(|name| names.contains(name) || is_chosen(name));
        let backends = names.map(|name| Backend { environment: name.to_owned(), part: None }).collect();
        spec.backends = backends;
    });
}

fn named((name, weight): (&str, i32)) -> (String, i32) {
    (name.to_owned(), weight)
}

/// What was deleted is gone by its deadline, and some grace.
fn lingers_not(model: &Model) {
    let grace = minutes(3);
    for route in model.cluster.routes.values() {
        let late = route.deleted.is_some_and(|deleted| model.now > deleted + DELETION_DEADLINE + grace);
        assert!(!late, "hangs: {route:#?}");
    }
    for shift in model.cluster.shifts.values() {
        let deadline = SignedDuration::from(shift.spec.progress_deadline) + grace;
        assert!(shift.deleted.is_none_or(|deleted| model.now <= deleted + deadline), "hangs: {shift:#?}");
    }
}

/// What the user wants in the end.
struct Wish {
    shift: TrafficShiftSpec,
    route: RouteDeletionPolicy,
}

fn happen(model: &mut Model, wishes: &mut Wish, index: usize, what: &Happening) {
    let now = model.now;
    let wish = &mut wishes.shift;
    match what {
        Happening::To(to) => (*to).clone_into(&mut wish.to),
        Happening::Well(name, well) => model.aws.group_mut(name).well = *well,
        Happening::Console(blue, green, red) => {
            model.aws.forward_default(now, 80, &[("blue", *blue), ("green", *green), ("red", *red)]);
        }
        Happening::Command(verb) => model.command("shop", &format!("{verb}{index}")),
        Happening::LoseStatuses => model.lose_statuses(),
        Happening::Restart => model.restart(),
        Happening::FailingWrites(count, effect) => model.aws.failing_writes = (*count, *effect),
        Happening::FailingReads(failing) => model.aws.failing_reads = *failing,
        Happening::Paused(paused) => wish.paused = *paused,
        Happening::Strategy(which) => {
            wish.strategy = match which {
                0 => steps(),
                1 => Moves {
                    steps: None,
                    linear: Some(Linear { step: 7, interval: Duration::from_secs(30) }),
                    all_at_once: None,
                },
                _ => Moves { steps: None, linear: None, all_at_once: Some(AllAtOnce {}) },
            }
        }
        Happening::Traffic(traffic) => model.aws.traffic = *traffic,
        Happening::Evidence(evidence) => wishes.shift.evidence = *evidence,
        Happening::Aside(group) => model.aws.forward_default(now, 81, &[(group, 1)]),
        Happening::Delete(kind, name) => return model.delete(*kind, name),
        Happening::MakeAnew => make_anew(model, wishes.route),
        Happening::RoutePolicy(policy) => {
            wishes.route = *policy;
            if let Some(known) = model.cluster.routes.get(&Key::new(NAMESPACE, "web")) {
                model.apply_route("web", WeightedRouteSpec { deletion_policy: *policy, ..known.spec.clone() });
            }
        }
        Happening::Weights(weights) => choose(model, |spec| {
            spec.weights = weights.map(|(a, b, c)| [("blue", a), ("green", b), ("red", c)].map(named).into());
            spec.weights = spec.weights.take().filter(|_| spec.drift != DriftPolicy::Adopt);
        }),
        Happening::Pace(step) => choose(model, |spec| {
            spec.pace = step.map(|max_step| Pace { max_step, interval: Duration::from_secs(30) });
        }),
        Happening::Drift(policy) => choose(model, |spec| {
            let adopts = *policy == DriftPolicy::Adopt && spec.weights.is_some();
            spec.drift = if adopts { DriftPolicy::Alert } else { *policy };
        }),
        Happening::Fight(blue, green) => {
            for _ in 0..20 {
                let now = model.now;
                model.aws.forward_default(now, 80, &[("blue", *blue), ("green", *green)]);
                model.run_for(SignedDuration::from_secs(70));
            }
        }
        Happening::ResumeRoute => model.command_route("web", &format!("resume/{index}")),
        Happening::Role(named) => model.apply_entry_point("public", entry_point(*named)),
        Happening::Grants(all) => grant(model, *all),
        Happening::Point(name, group) => model.apply_environment(name, environment(group)),
        Happening::Backends(names) => back(model, names),
        Happening::Answer => model.aws.answer_default(now, 80),
    }
    model.apply_shift("shop", wishes.shift.clone());
}

/// A route whose weights the user owns comes to them once faults stop; a difference that its policy leaves alone, when
/// it is accepted.
fn settles_on_chosen(model: &mut Model, goal: Vec<(String, i32)>) -> Result<(), TestCaseError> {
    // Enough to take over from all others.
    for (name, weight) in &goal {
        let targets = if *weight > 0 { 100 } else { 5 };
        model.aws.group_mut(name).targets = targets;
        model.aws.group_mut(name).well = targets;
    }
    choose(model, |spec| spec.capacity.min_healthy_percent = 30);
    for round in 0..3 {
        model.run_for(minutes(120));
        model.command_route("web", &format!("resume/heal-{round}"));
    }
    model.run_for(minutes(120));
    judge(model);
    let goal: Vec<(String, u16)> =
        goal.into_iter().map(|(name, weight)| (name, u16::try_from(weight).unwrap())).collect();
    prop_assert_eq!(live(model), goal, "{:#?}", route_status(model));
    let (ticks, writes) = (model.ticks, model.writes.len());
    model.run_for(minutes(120));
    prop_assert!(
        model.ticks - ticks <= most_at_rest(model) && model.writes.len() == writes,
        "not at rest: {:#?}",
        route_status(model)
    );
    Ok(())
}

/// How many ticks there may be in two hours at rest. A route whose traffic is split is looked at whenever its requests
/// are counted.
fn most_at_rest(model: &Model) -> u64 {
    if share::measured(&model.cluster).is_empty() { 4 } else { 4 + 2 * 120 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever happens, the laws of decide hold in each tick, the guard never has to step in, and once nothing
    /// more happens the run comes to its end.
    #[test]
    fn once_faults_stop_everything_settles(
        policy in prop::sample::select(vec![ShiftDeletionPolicy::Hold, ShiftDeletionPolicy::Rollback]),
        on_failure in prop::sample::select(vec![OnFailure::Rollback, OnFailure::Pause]),
        known_good in prop::sample::select(vec![KnownGood::Immediate, KnownGood::Gradual]),
        on_change in prop::sample::select(vec![OnChange::Replace, OnChange::Queue]),
        sticky in prop::collection::vec(any::<bool>(), 3),
        evidence in prop::sample::select(vec![Evidence::Weights, Evidence::Share]),
        route_policy in route_policy(),
        course in prop::collection::vec((0..1_200_i64, happening()), 1..12),
        order in Just((0..OBJECTS.len()).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let mut model = model_alone();
        for (name, sticky) in ["blue", "green", "red"].into_iter().zip(sticky) {
            model.aws.group_mut(name).sticky = sticky;
        }
        let shift =
            TrafficShiftSpec { deletion_policy: policy, on_failure, evidence, known_good, on_change, ..shift("green") };
        let mut wishes = Wish { shift, route: route_policy };
        make_anew(&mut model, route_policy);
        model.apply_shift("shop", wishes.shift.clone());
        for (index, (seconds, what)) in course.iter().enumerate() {
            model.run_for(SignedDuration::from_secs(*seconds));
            happen(&mut model, &mut wishes, index, what);
            lingers_not(&model);
        }
        // An environment that was pointed to another group may carry traffic by it when it is pointed back: what that comes to
        // takes somebody who decides. The guard steps in no more than otherwise.
        if course.iter().any(|(_, what)| matches!(what, Happening::Point(..))) {
            model.run_for(minutes(60));
            judge(&model);
            return Ok(());
        }
        let wish = &mut wishes.shift;
        model.aws.failing_reads = false;
        model.aws.failing_writes = (0, false);
        model.aws.traffic = 600;
        let now = model.now;
        model.aws.forward_default(now, 81, &[("grey", 1)]);
        grant(&mut model, true);
        for name in ["blue", "green", "red"] {
            // Enough to take over from both others, whatever the console had put together.
            let targets = if name == wish.to { 20 } else { 5 };
            model.aws.group_mut(name).targets = targets;
            model.aws.group_mut(name).well = targets;
        }
        wish.paused = false;
        make_anew(&mut model, wishes.route);
        back(&mut model, &["blue", "green", "red"]);
        // What was being deleted goes first.
        model.run_for(minutes(15));
        lingers_not(&model);
        make_anew(&mut model, wishes.route);
        let goal = model.cluster.routes[&Key::new(NAMESPACE, "web")].spec.weights.clone();
        if let Some(goal) = goal {
            settles_on_chosen(&mut model, goal.into_iter().collect())?;
            leaves_nothing(&mut model, &order, wishes.route);
            return Ok(());
        }
        for round in 0..6 {
            // Again, since what was being deleted may have gone meanwhile.
            make_anew(&mut model, wishes.route);
            model.apply_shift("shop", wish.clone());
            model.run_for(minutes(5));
            // A run that holds for somebody's word, and cannot go on by it, is told to go back in the end; one that cannot begin
            // since nothing is live is told to begin all the same.
            let status = status(&model);
            let is_moving = status.run.as_ref().is_some_and(|run| run.ended_at.is_none());
            let verb = match &status.waiting {
                Some(waiting) if waiting.reason == Reason::NothingLive && is_moving => "abort",
                Some(waiting) if waiting.reason == Reason::NothingLive => "retry",
                _ if round < 4 => "resume",
                _ => "abort",
            };
            model.command("shop", &format!("{verb}/heal-{round}"));
            // A route that pauses for a difference goes on once that is accepted.
            model.command_route("web", &format!("resume/heal-{round}"));
            model.run_for(minutes(60));
            lingers_not(&model);
        }
        judge(&model);
        let status = status(&model);
        prop_assert!(condition::holds(&status.conditions, condition::COMPLETE), "{:#?}", status);
        let (ticks, writes) = (model.ticks, model.writes.len());
        model.run_for(minutes(120));
        let most = most_at_rest(&model);
        prop_assert!(model.ticks - ticks <= most && model.writes.len() == writes, "not at rest: {} ticks, {most} at most, {} writes: {:#?}", model.ticks - ticks, model.writes.len() - writes, model.cluster.shifts);
        leaves_nothing(&mut model, &order, wishes.route);
    }
}

/// Deletes everything in an order, shortly after one another, and sees to it that nothing of ours is left where the
/// policy says so.
fn leaves_nothing(model: &mut Model, order: &[usize], policy: RouteDeletionPolicy) {
    for name in ["blue", "green", "red"] {
        (model.aws.group_mut(name).targets, model.aws.group_mut(name).well) = (100, 100);
    }
    for index in order {
        model.delete(OBJECTS[*index].0, OBJECTS[*index].1);
        model.run_for(SignedDuration::from_secs(3));
    }
    model.run_for(minutes(15));
    judge(model);
    let told = model.told.clone();
    assert_eq!(model.cluster, Cluster::default(), "everything is gone");
    let tags: Vec<_> = model.aws.tags().collect();
    assert_eq!(tags.is_empty(), policy == RouteDeletionPolicy::Restore, "{tags:#?} {told:#?}");
    let writes = model.writes.len();
    model.run_for(minutes(60));
    assert_eq!(model.writes.len(), writes, "nothing is written after the objects are gone");
}
