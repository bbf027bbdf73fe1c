//! Tests of requests through the data plane.

use super::*;
use crate::aws::{AwsOptions, GroupSettings, HealthChecks, HttpRequest, RuleAction};
use crate::clock::Clock;

mod names;
mod pools;

const CHECKS: HealthChecks = HealthChecks {
    enabled: true,
    interval_seconds: 10,
    timeout_seconds: 5,
    healthy_threshold: 2,
    unhealthy_threshold: 2,
    by_connection: false,
    joining_threshold: None,
};

/// A world with a healthy `blue` behind port 80 and `green` beside it, on its own paused clock.
fn world(test: impl AsyncFnOnce(Arc<Aws>, String)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let options = AwsOptions { checks: CHECKS, ..AwsOptions::default() };
        let aws = Aws::new(Clock::starting_at(start), 7, options);
        aws.add_balancer("public").unwrap();
        aws.add_target_group(GroupSettings::named("blue"), &[("i-b1", 80), ("i-b2", 80)]).unwrap();
        aws.add_target_group(GroupSettings::named("green"), &[("i-g1", 80), ("i-g2", 80)]).unwrap();
        let listener = aws.add_listener("public", "HTTP", 80, &RuleAction::forward(&[("blue", 1), ("green", 0)]));
        let listener = listener.unwrap();
        wait(60).await;
        test(aws, listener).await;
    });
}

async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn traffic(aws: &Arc<Aws>, keep_cookies_permille: u32) -> Traffic {
    let settings = TrafficSettings { keep_cookies_permille, ..TrafficSettings::to("public", 80, "shop.test") };
    Traffic::new(Arc::clone(aws), 11, settings)
}

/// Waits and sends what is due.
async fn run(traffic: &mut Traffic, seconds: u64) {
    wait(seconds).await;
    traffic.advance_to(Timestamp::MAX);
}

fn sent(traffic: &Traffic, group: &str) -> u64 {
    traffic.by_group().get(group).map_or(0, |counts| counts.sent)
}

fn only_failure(traffic: &Traffic) -> (Option<String>, Cause) {
    let failures = traffic.failures();
    assert_eq!(failures.len(), 1, "{failures:?}");
    failures.into_keys().next().unwrap()
}

#[test]
fn requests_follow_the_weights() {
    world(async |aws, listener| {
        aws.edit_weights(&listener, &[("blue", 75), ("green", 25)]).unwrap();
        wait(30).await;
        let mut traffic = traffic(&aws, 900);
        run(&mut traffic, 100).await;
        assert_eq!(traffic.totals(), Counts { sent: 10_000, failed: 0 });
        let share = traffic.shares_permille(100)["green"];
        assert!((235..=265).contains(&share), "{share}");
    });
}

#[test]
fn clients_see_new_weights_only_after_the_propagation() {
    world(async |aws, listener| {
        let mut traffic = traffic(&aws, 0);
        let mut delays = Vec::new();
        for turn in 0..6 {
            let (on, off) = if turn % 2 == 0 { ("green", "blue") } else { ("blue", "green") };
            let before = sent(&traffic, off);
            aws.edit_weights(&listener, &[(on, 1), (off, 0)]).unwrap();
            assert_eq!(aws.weights(&listener)[on], 1, "the control plane answers at once");
            run(&mut traffic, 10).await;
            delays.push(sent(&traffic, off) - before);
        }
        // A hundred requests a second and up to two seconds, from the draw of this seed.
        assert!(delays.iter().all(|delay| *delay <= 201), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay > 50), "{delays:?}");
    });
}

#[test]
fn portions_do_not_matter() {
    let run_in = |portion: u64| {
        let mut result = None;
        world(async |aws, listener| {
            let mut traffic = traffic(&aws, 500);
            for step in 0..60 {
                match step {
                    5 => aws.edit_action(&listener, &RuleAction::sticky_forward(&[("blue", 1), ("green", 1)], 60)),
                    20 => aws.set_app("green", AppBehaviour::broken()),
                    40 => aws.edit_weights(&listener, &[("blue", 1)]),
                    _ => Ok(()),
                }
                .unwrap();
                wait(1).await;
                if step % portion == portion - 1 {
                    traffic.advance_to(aws.clock().now());
                }
            }
            result = Some((traffic.by_group(), traffic.failures(), traffic.window(30)));
        });
        result.unwrap()
    };
    let whole = run_in(60);
    assert!(!whole.1.is_empty());
    assert_eq!(run_in(1), whole);
    assert_eq!(run_in(6), whole);
}

#[test]
fn a_cookie_holds_a_client_to_its_group_only_while_the_group_is_in_the_forward() {
    world(async |aws, listener| {
        let mut traffic = traffic(&aws, 1000);
        let both = |blue, green| RuleAction::sticky_forward(&[("blue", blue), ("green", green)], 300);
        aws.edit_action(&listener, &both(1, 0)).unwrap();
        run(&mut traffic, 120).await;
        aws.edit_action(&listener, &both(0, 1)).unwrap();
        run(&mut traffic, 60).await;
        let shares = traffic.shares_permille(30);
        assert!(shares["blue"] > 950, "clients stay although the weight is zero: {shares:?}");
        aws.edit_action(&listener, &RuleAction::sticky_forward(&[("green", 1)], 300)).unwrap();
        run(&mut traffic, 60).await;
        assert_eq!(traffic.shares_permille(30).keys().collect::<Vec<_>>(), ["green"]);
        assert_eq!(traffic.totals().failed, 0);
    });
}

#[test]
fn a_cookie_ends_with_its_duration_and_clients_without_cookies_go_by_weight() {
    world(async |aws, listener| {
        let both = |blue, green| RuleAction::sticky_forward(&[("blue", blue), ("green", green)], 1);
        aws.edit_action(&listener, &both(1, 0)).unwrap();
        // A thousand clients at a hundred requests a second: each comes back after ten seconds.
        let mut traffic = traffic(&aws, 1000);
        run(&mut traffic, 30).await;
        aws.edit_action(&listener, &both(0, 1)).unwrap();
        run(&mut traffic, 30).await;
        let shares = traffic.shares_permille(20);
        assert!(shares["green"] > 850, "{shares:?}");
        let mut forgetful = self::traffic(&aws, 0);
        aws.edit_action(&listener, &RuleAction::sticky_forward(&[("blue", 0), ("green", 1)], 300)).unwrap();
        run(&mut forgetful, 30).await;
        assert_eq!(forgetful.by_group().keys().collect::<Vec<_>>(), ["green"]);
    });
}

#[test]
fn a_group_without_healthy_targets_fails_open_and_without_targets_answers_503() {
    world(async |aws, _| {
        aws.set_app_on("blue", "i-b1", AppBehaviour::down()).unwrap();
        let mut traffic = traffic(&aws, 0);
        wait(30).await;
        traffic.advance_to(aws.clock().now());
        let before = traffic.totals().failed;
        assert!(before > 0, "until the checks notice");
        assert_eq!(only_failure(&traffic), (Some("blue".to_owned()), Cause::NoAnswer));
        run(&mut traffic, 30).await;
        assert_eq!(traffic.totals().failed, before, "the healthy one takes all");
        aws.set_app("blue", AppBehaviour { checks: CheckAnswer::WithError, error_permille: 0 }).unwrap();
        run(&mut traffic, 60).await;
        assert_eq!(aws.health("blue").into_values().filter(|state| state.word() == "healthy").count(), 0);
        assert_eq!(traffic.totals().failed, before, "no target is healthy, so all get requests");
        aws.terminate_instance("i-b1");
        aws.terminate_instance("i-b2");
        let mut traffic = self::traffic(&aws, 0);
        run(&mut traffic, 10).await;
        assert_eq!(only_failure(&traffic), (Some("blue".to_owned()), Cause::NoTargets));
        assert_eq!(traffic.totals().answered(), 0);
    });
}

#[test]
fn all_zero_weights_answer_503() {
    world(async |aws, listener| {
        aws.edit_weights(&listener, &[("blue", 0), ("green", 0)]).unwrap();
        wait(5).await;
        let mut traffic = traffic(&aws, 0);
        run(&mut traffic, 10).await;
        assert_eq!(only_failure(&traffic), (None, Cause::NoWeight));
        assert_eq!(traffic.totals().answered(), 0);
    });
}

#[test]
fn errors_of_the_application_are_counted_where_they_happen() {
    world(async |aws, listener| {
        aws.edit_weights(&listener, &[("blue", 1), ("green", 1)]).unwrap();
        aws.set_app("green", AppBehaviour::failing_requests(200)).unwrap();
        wait(30).await;
        let mut traffic = traffic(&aws, 0);
        run(&mut traffic, 100).await;
        assert_eq!(only_failure(&traffic), (Some("green".to_owned()), Cause::AppError));
        let green = traffic.by_group()["green"];
        let permille = green.failed * 1000 / green.sent;
        assert!((170..=230).contains(&permille), "{permille}");
        assert_eq!(traffic.by_group()["blue"].failed, 0);
    });
}

#[test]
fn the_first_rule_that_fits_decides() {
    world(async |aws, listener| {
        aws.add_rule(&listener, 20, (&["*.test"], &[]), &RuleAction::FixedResponse(500)).unwrap();
        aws.add_rule(&listener, 10, (&["SHOP.test"], &["/cart/*"]), &RuleAction::forward(&[("green", 1)])).unwrap();
        wait(60).await;
        let count = async |host: &str, path: &str, port: u16| {
            let request = HttpRequest::get(host, path);
            let settings = TrafficSettings { request, ..TrafficSettings::to("public", port, host) };
            let mut traffic = Traffic::new(Arc::clone(&aws), 1, settings);
            run(&mut traffic, 1).await;
            let group = traffic.by_group().into_keys().next();
            (group, traffic.failures().into_keys().next().map(|(_, cause)| cause))
        };
        assert_eq!(count("shop.test", "/cart/1", 80).await, (Some("green".to_owned()), None));
        assert_eq!(count("shop.test", "/", 80).await, (None, Some(Cause::BalancerAnswer(500))));
        assert_eq!(count("shop.example", "/cart/1", 80).await, (Some("blue".to_owned()), None));
        assert_eq!(count("shop.test", "/", 81).await, (None, Some(Cause::NobodyListens)));
    });
}

#[test]
fn targets_that_drain_get_nothing_new() {
    world(async |aws, _| {
        aws.terminate_instance("i-b1");
        aws.set_app_on("blue", "i-b1", AppBehaviour::down()).unwrap();
        let mut traffic = traffic(&aws, 0);
        run(&mut traffic, 10).await;
        assert_eq!(traffic.totals().failed, 0);
    });
}

#[test]
fn the_future_is_not_answered() {
    world(async |aws, _| {
        let mut traffic = traffic(&aws, 0);
        traffic.advance_to(aws.clock().now() + Duration::from_hours(1));
        assert_eq!(traffic.totals().sent, 0);
        run(&mut traffic, 1).await;
        assert_eq!(traffic.totals().sent, 100);
    });
}
