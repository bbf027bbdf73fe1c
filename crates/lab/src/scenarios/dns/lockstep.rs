//! A name and a listener that one shift moves in lockstep.

use weir_api::traffic_shift::Outcome;

use crate::crash;
use crate::stage::{shift, steps};

use super::super::{outcome, status as shift_status, until_applied, until_complete};
use super::*;

/// What `examples/lockstep` says, for a zone.
fn lockstep(zone: &str) -> [String; 3] {
    let files = [
        include_str!("../../../../../examples/lockstep/environments.yaml"),
        include_str!("../../../../../examples/lockstep/routes.yaml"),
        include_str!("../../../../../examples/lockstep/shift.yaml"),
    ];
    let replaced = |(from, to): (&str, &str), text: String| {
        assert!(text.contains(from) || !text.contains("kind: WeightedRoute"), "{from} is in no example any more");
        text.replace(from, to)
    };
    files.map(|text| {
        let text = replaced(("Z0123456789ABCDEFGHIJ", zone), format!("---\n{text}"));
        replaced(("api.shop.example.org", NAME), text).replace("name: release", "name: checkout")
    })
}

/// A world in which a name and a listener lead to the same environments, and everything is on blue.
pub(super) async fn furnished_for_both(seed: u64) -> (World, String) {
    let mut world = World::new(Settings::seeded(seed));
    let zone = world.aws().add_zone("shop.test").unwrap();
    let [environments, routes, _] = lockstep(&zone);
    let balancers: String = ["blue", "green"].map(balancer).concat();
    world.furnish(&(balancers + &environments + &routes), 4).unwrap();
    for name in ["blue", "green"] {
        world.account().forward(&dns_name(name), 443, &[(name, 100)]);
    }
    world.account().forward("inner", 443, &[("inner-blue", 100)]);
    let old = of_world(&world, RecordEdit::simple(NAME, RecordType::A, alias("blue")));
    world.aws().add_records(&zone, &[old]).unwrap();
    world.restrict(&world.policy_for_names(&zone, "*.shop.test"));
    world.run_for(Duration::from_mins(2)).await;
    world.apply(&(environments + &routes)).unwrap();
    (world, zone)
}

/// The shift of that example with another strategy.
pub(super) fn shift_both(strategy: &str) -> String {
    shift("green", strategy, "").replace("[checkout]", "[api, inner]")
}

/// The percentage of green at the name and on the listener.
fn both(world: &World, zone: &str) -> [u32; 2] {
    let place = world.account().weights("inner", 443);
    let last = splits(world, zone).pop().unwrap_or_default();
    [last.get("green").copied().unwrap_or(0), place.get("inner-green").copied().unwrap_or(0)]
}

#[test]
fn a_name_and_a_listener_move_in_lockstep_and_go_back_together() {
    on_virtual_time(async {
        let (mut world, zone) = furnished_for_both(681).await;
        world.start_controller();
        let [_, _, shift] = lockstep(&zone);
        world.apply(&shift).unwrap();
        let world = &mut world;
        for weight in [25, 50] {
            until_applied(world, weight).await;
            let percent = u32::try_from(weight).unwrap();
            assert_eq!(both(world, &zone), [percent, percent], "{}", told(world));
            assert!(status(world).change.unwrap().in_sync_at.is_some());
        }
        world.account().break_targets("inner-green", 4);
        let is_back = |world: &World| both(world, &zone) == [0, 0];
        let took = until(world, "both go back", is_back, HOUR).await;
        assert!(took.as_secs() <= 60, "{took:?}");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
        world.account().mend_targets("inner-green");
        world.run_for(2 * MINUTE).await;
        world.command("checkout", "retry/1").unwrap();
        world.run_for(MINUTE).await;
        until_complete(world, "checkout").await;
        assert_eq!(both(world, &zone), [100, 100], "{}", told(world));
        super::super::assert_sound(world);
    });
}

#[test]
fn whatever_write_a_controller_dies_at_in_a_run_the_end_is_the_same() {
    let set = async || {
        let (world, _) = furnished_for_both(682).await;
        world.apply(&shift_both(&steps(&[50, 100], "1m"))).unwrap();
        world
    };
    let course = async |world: &mut World| world.run_until(|world| world.is_complete("checkout"), HOUR).await.map(drop);
    let report = crash::enumerate_within(4 * MINUTE, set, course).unwrap();
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert!(report.writes >= 20, "{report:?}");
}

#[test]
fn whatever_write_a_controller_dies_at_in_a_rollback_the_end_is_the_same() {
    let set = async || {
        let (world, _) = furnished_for_both(683).await;
        world.apply(&shift_both(&steps(&[50, 100], "30m"))).unwrap();
        world
    };
    let course = async |world: &mut World| {
        let is_applied = |world: &World| {
            let run = shift_status(world).run;
            run.is_some_and(|run| run.weight == 50 && run.applied_at.is_some())
        };
        world.run_until(is_applied, HOUR).await?;
        world.mark();
        world.account().break_targets("green", 4);
        world.run_until(|world| world.is_complete("checkout"), HOUR).await.map(drop)
    };
    let report = crash::enumerate_within(4 * MINUTE, set, course).unwrap();
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert!(report.writes >= 20, "{report:?}");
}
