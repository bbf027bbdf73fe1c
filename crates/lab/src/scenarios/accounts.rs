//! Routes in other accounts and regions: roles that are assumed, end, are revoked, and are not allowed.

use weir_api::WeightedRouteStatus;
use weir_api::condition::{STALLED, find, holds};
use weir_api::traffic_shift::Outcome;
use weir_engine::grant::{Grant, Subject};

use crate::stage::{self, PORT, environment, on_virtual_time, route, shift, steps};
use crate::wire::{Disturbance, Mischief, Side, Which};
use crate::world::{Settings, World};

use super::{
    HOUR, MINUTE, assert_sound, naming_roles, outcome, route_status, told, until, until_applied, until_complete,
};

const OTHER: &str = "222222222222";
const REGION: &str = "us-east-1";
const ROLE: &str = "arn:aws:iam::222222222222:role/weir";
const ACCESS: &str = "{region: us-east-1, roleArn: 'arn:aws:iam::222222222222:role/weir', externalId: acme}";

/// An entry point and two environments in the other account, with a route that is the shift `partner`'s.
fn partner() -> String {
    let entry_point = stage::ENTRY_POINT
        .replace("name: public", "name: partner")
        .replace("shop-public", "partner-public")
        .replace("spec:\n", &format!("spec:\n  aws: {ACCESS}\n"));
    let environments = ["red", "orange"].map(|name| there(&environment(name)));
    let route = route("partner", &["red", "orange"], "").replace("name: public", "name: partner");
    [entry_point, environments.concat(), route].concat()
}

/// An environment moved to the other account.
fn there(environment: &str) -> String {
    environment.replace("spec: {", &format!("spec: {{aws: {ACCESS}, "))
}

/// The shift of the route in the other account.
fn partner_shift(strategy: &str) -> String {
    shift("orange", strategy, "").replace("checkout", "partner")
}

fn allowing(seed: u64, role: &str) -> Settings {
    let grant = Grant { namespace: "shop".to_owned(), subject: Subject::Role, pattern: role.to_owned() };
    Settings { grants: naming_roles([grant]), ..Settings::seeded(seed) }
}

/// Plays on a stage in two accounts, and has it judged.
fn play(settings: Settings, scenario: impl AsyncFnOnce(&mut World)) {
    on_virtual_time(async {
        let mut world = stage::furnished(settings).await;
        world.furnish(&partner(), 4).unwrap();
        world.account_at(OTHER, REGION).forward("partner-public", PORT, &[("red", 100)]);
        world.run_for(2 * MINUTE).await;
        world.apply(&partner()).unwrap();
        world.start_controller();
        scenario(&mut world).await;
        assert_sound(&world);
    });
}

/// The codes with which calls of an operation ended, here and there.
fn codes(world: &mut World, operation: &str) -> Vec<String> {
    let calls = world.evidence().calls.into_iter();
    calls.filter(|call| call.operation == operation).map(|call| call.code).collect()
}

fn is_stalled(world: &World, reason: &str) -> bool {
    let status = route_status(world, "partner");
    find(&status.conditions, STALLED)
        .is_some_and(|stalled| stalled.reason == reason && holds(&status.conditions, STALLED))
}

fn says(status: &WeightedRouteStatus) -> String {
    find(&status.conditions, STALLED).map(|stalled| stalled.message.to_string()).unwrap_or_default()
}

#[test]
fn two_accounts_are_moved_side_by_side() {
    play(allowing(701, ROLE), async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "5m"), "")).unwrap();
        world.apply(&partner_shift(&steps(&[50, 100], "5m"))).unwrap();
        until_complete(world, "checkout").await;
        until_complete(world, "partner").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
        let weights = world.account_at(OTHER, REGION).weights("partner-public", PORT);
        assert_eq!(weights, stage::weights(&[("orange", 100), ("red", 0)]), "{}", told(world));
        let status = route_status(world, "partner");
        assert_eq!(status.aws.unwrap().role_arn.as_deref(), Some(ROLE));
        assert!(status.listener_rule.arn.unwrap().contains("us-east-1:222222222222"));
        assert_eq!(route_status(world, "checkout").aws, None);
        assert_eq!(codes(world, "AssumeRole"), ["OK"], "one session serves entry point, environments and route");
    });
}

#[test]
fn a_session_that_ends_in_the_middle_of_a_run_is_renewed_without_a_gap() {
    play(allowing(702, ROLE), async |world| {
        world.apply(&partner_shift(&steps(&[5, 25, 50, 100], "50m"))).unwrap();
        until_complete(world, "partner").await;
        assert_eq!(codes(world, "AssumeRole"), ["OK"; 3], "{}", told(world));
        let failed = world.evidence().calls.into_iter().filter(|call| call.code != "OK").collect::<Vec<_>>();
        assert_eq!(failed, []);
    });
}

#[test]
fn a_revoked_role_stops_its_own_run_only_and_the_run_goes_on_when_it_is_back() {
    play(allowing(703, ROLE), async |world| {
        world.apply(&partner_shift(&steps(&[25, 50, 100], "10m"))).unwrap();
        world.apply(&shift("green", &steps(&[25, 50, 100], "10m"), "")).unwrap();
        until_applied(world, 25).await;
        world.run_for(5 * MINUTE).await;
        world.aws().revoke_role(ROLE);
        let denied = format!("the role {ROLE} could not be assumed: AccessDenied");
        until(world, "the entry point says so", |world| told(world).contains(&denied), 2 * MINUTE).await;
        let waits = |world: &World| {
            let shift = world.shift("partner").and_then(|shift| shift.status).and_then(|status| status.waiting);
            shift.is_some_and(|waiting| waiting.message.contains(&denied))
        };
        until(world, "the run waits for it", waits, 10 * MINUTE).await;
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "the other account is not touched");
        let refused = codes(world, "AssumeRole").iter().filter(|code| *code == "AccessDenied").count();
        assert!(refused < 300, "{refused} requests to STS in some twenty minutes");
        world.aws().restore_role(ROLE);
        until(world, "the run ends", |world| world.is_complete("partner"), HOUR).await;
        let weights = world.account_at(OTHER, REGION).weights("partner-public", PORT);
        assert_eq!(weights, stage::weights(&[("orange", 100), ("red", 0)]), "{}", told(world));
    });
}

#[test]
fn a_role_that_is_not_allowed_is_never_used() {
    play(allowing(704, "arn:aws:iam::222222222222:role/another"), async |world| {
        world.apply(&partner_shift("{allAtOnce: {}}")).unwrap();
        until(world, "the route says so", |world| is_stalled(world, "RoleNotAllowed"), MINUTE).await;
        let message = says(&route_status(world, "partner"));
        assert!(message.contains(&format!("--allow-role shop={ROLE}")), "{message}");
        world.run_for(5 * MINUTE).await;
        assert!(codes(world, "AssumeRole").is_empty());
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        world.delete("trafficshifts", "partner").unwrap();
    });
}

#[test]
fn an_environment_in_another_account_than_its_entry_point_is_told() {
    play(allowing(705, ROLE), async |world| {
        world
            .apply(&route("partner", &["red", "orange", "blue"], "").replace("name: public", "name: partner"))
            .unwrap();
        until(world, "the route says so", |world| is_stalled(world, "AccountMismatch"), MINUTE).await;
        let message = says(&route_status(world, "partner"));
        for said in ["the environment blue in account 123456789012", "the entry point partner in account 222222222222"]
        {
            assert!(message.contains(said), "{message}");
        }
        world.apply(&route("partner", &["red", "orange"], "").replace("name: public", "name: partner")).unwrap();
        let is_well = |world: &World| !holds(&route_status(world, "partner").conditions, STALLED);
        until(world, "it is well again", is_well, MINUTE).await;
    });
}

#[test]
fn an_sts_that_does_not_answer_holds_nobody_else_up() {
    play(allowing(706, ROLE), async |world| {
        let (which, mischief) = (Which::Operation("AssumeRole"), Mischief::Lost(Side::Before));
        world.disturb(Disturbance { which, times: 1000, until: None, mischief });
        world.crash_controller();
        world.start_controller();
        world.apply(&shift("green", &steps(&[50, 100], "2m"), "")).unwrap();
        let took = until(world, "the shift completes", |world| world.is_complete("checkout"), HOUR).await;
        assert!(took < 6 * MINUTE, "it took {took:?}");
        world.account().forward(stage::BALANCER, PORT, &[("blue", 100)]);
        let drifted = |world: &World| {
            find(&route_status(world, "checkout").conditions, "Synced").is_some_and(|synced| synced.reason == "Drifted")
        };
        until(world, "a change by hand is seen", drifted, MINUTE).await;
        world.end_disturbances();
        world.apply(&partner_shift("{allAtOnce: {}}")).unwrap();
        until_complete(world, "partner").await;
    });
}
