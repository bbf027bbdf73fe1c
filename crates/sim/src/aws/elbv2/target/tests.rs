//! Tests of the health of targets.

use super::*;

const CHECKS: HealthChecks = HealthChecks {
    enabled: true,
    interval_seconds: 10,
    timeout_seconds: 5,
    healthy_threshold: 3,
    unhealthy_threshold: 2,
    by_connection: false,
    joining_threshold: None,
};
const DELAY: Duration = Duration::from_mins(5);

fn second(number: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + number).unwrap()
}

fn registered(app: AppBehaviour) -> Target {
    let mut target = Target::new(second(0), app);
    target.register(second(0), true, CHECKS);
    target
}

/// The states at these seconds.
fn states(target: &Target, seconds: &[i64]) -> Vec<TargetState> {
    seconds.iter().map(|number| target.state(second(*number))).collect()
}

#[test]
fn a_target_is_healthy_after_the_threshold_of_passed_checks() {
    use TargetState::{Healthy, InitialChecks, Registering};
    let target = registered(AppBehaviour::well());
    assert_eq!(
        states(&target, &[0, 9, 10, 29, 30, 86_400]),
        [Registering, Registering, InitialChecks, InitialChecks, Healthy, Healthy]
    );
    assert_eq!(target.next_change(second(0)), Some(second(10)));
}

#[test]
fn one_check_can_be_enough_to_join() {
    let mut target = Target::new(second(0), AppBehaviour::well());
    target.register(second(0), true, HealthChecks { joining_threshold: Some(1), ..CHECKS });
    assert_eq!(states(&target, &[9, 10]), [TargetState::Registering, TargetState::Healthy]);
}

#[test]
fn a_target_that_fails_its_first_checks_is_unhealthy_with_the_reason() {
    assert_eq!(registered(AppBehaviour::broken()).state(second(20)), TargetState::WrongAnswer);
    assert_eq!(registered(AppBehaviour::down()).state(second(20)), TargetState::NoAnswer);
    assert_eq!(registered(AppBehaviour::down()).state(second(19)), TargetState::InitialChecks);
}

#[test]
fn a_broken_target_becomes_unhealthy_and_recovers_by_thresholds() {
    use TargetState::{Healthy, WrongAnswer};
    let mut target = registered(AppBehaviour::well());
    target.set_app(second(45), AppBehaviour::broken(), CHECKS);
    assert_eq!(states(&target, &[45, 59, 60]), [Healthy, Healthy, WrongAnswer], "checks at 50 and 60 fail");
    target.set_app(second(100), AppBehaviour::well(), CHECKS);
    assert_eq!(states(&target, &[129, 130]), [WrongAnswer, Healthy], "checks at 110, 120 and 130 pass");
}

#[test]
fn a_row_that_is_broken_off_does_not_count() {
    let mut target = registered(AppBehaviour::well());
    target.set_app(second(45), AppBehaviour::broken(), CHECKS);
    target.set_app(second(55), AppBehaviour::well(), CHECKS);
    assert_eq!(target.state(second(500)), TargetState::Healthy, "one failed check is not two");
    let mut target = registered(AppBehaviour::well());
    target.set_app(second(25), AppBehaviour::broken(), CHECKS);
    target.set_app(second(35), AppBehaviour::well(), CHECKS);
    assert_eq!(states(&target, &[59, 60]), [TargetState::InitialChecks, TargetState::Healthy]);
}

#[test]
fn requests_that_fail_are_not_seen_by_health_checks() {
    let mut target = registered(AppBehaviour::well());
    target.set_app(second(40), AppBehaviour::failing_requests(500), CHECKS);
    assert_eq!(target.state(second(5000)), TargetState::Healthy);
    assert_eq!(target.app(second(39)).error_permille, 0);
    assert_eq!(target.app(second(40)).error_permille, 500);
}

#[test]
fn the_reason_of_a_failure_follows_the_application() {
    let mut target = registered(AppBehaviour::broken());
    target.set_app(second(15), AppBehaviour::down(), CHECKS);
    assert_eq!(target.state(second(20)), TargetState::NoAnswer, "both kinds of failure count in one row");
    target.set_app(second(42), AppBehaviour::broken(), CHECKS);
    assert_eq!(states(&target, &[49, 50]), [TargetState::NoAnswer, TargetState::WrongAnswer]);
}

#[test]
fn a_target_without_use_is_not_checked() {
    use TargetState::{Healthy, InitialChecks, NotInUse};
    let mut target = Target::new(second(0), AppBehaviour::well());
    target.register(second(0), false, CHECKS);
    assert_eq!(target.state(second(9000)), NotInUse);
    target.set_in_use(second(9000), true, CHECKS);
    assert_eq!(states(&target, &[9029, 9030]), [InitialChecks, Healthy]);
    target.set_in_use(second(9040), false, CHECKS);
    assert_eq!(states(&target, &[9039, 9040, 99_999]), [Healthy, NotInUse, NotInUse]);
}

#[test]
fn a_deregistered_target_drains_for_the_delay_and_is_gone() {
    use TargetState::{Draining, Gone, Registering};
    let mut target = registered(AppBehaviour::well());
    target.deregister(second(40), DELAY);
    assert_eq!(states(&target, &[40, 339, 340]), [Draining, Draining, Gone]);
    target.deregister(second(100), DELAY);
    assert_eq!(target.state(second(340)), Gone, "a second call does not prolong the first");
    target.register(second(200), true, CHECKS);
    assert_eq!(target.state(second(200)), Registering, "what drains can come back");
    let mut unused = Target::new(second(0), AppBehaviour::well());
    unused.register(second(0), false, CHECKS);
    unused.deregister(second(1), DELAY);
    assert_eq!(unused.state(second(1)), Gone, "nobody sent it requests");
}

#[test]
fn registering_again_changes_nothing() {
    let mut target = registered(AppBehaviour::well());
    target.register(second(29), true, CHECKS);
    assert_eq!(target.state(second(30)), TargetState::Healthy);
}

#[test]
fn a_stopped_instance_starts_over_when_it_runs_again() {
    use TargetState::{Healthy, Registering, Stopped};
    let mut target = registered(AppBehaviour::well());
    target.set_running(second(40), false, true, CHECKS);
    assert_eq!(states(&target, &[39, 40, 1000]), [Healthy, Stopped, Stopped]);
    target.set_app(second(50), AppBehaviour::broken(), CHECKS);
    assert_eq!(target.state(second(1000)), Stopped);
    target.set_app(second(60), AppBehaviour::well(), CHECKS);
    target.set_running(second(1000), true, true, CHECKS);
    assert_eq!(states(&target, &[1000, 1030]), [Registering, Healthy]);
}
