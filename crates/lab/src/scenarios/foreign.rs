//! Runs that another shift cuts short, or that others change while no controller is there.

use weir_api::condition::find;
use weir_api::traffic_shift::Phase;

use crate::stage::{self, BALANCER, PORT, shift, steps};

use super::{HOUR, MINUTE, live, play, status, until_applied, until_complete, until_phase};

#[test]
fn a_run_that_another_shift_has_cut_short_holds_when_the_route_is_back() {
    play(57, async |world| {
        let older = shift("blue", "{allAtOnce: {}}", "paused: true").replace("name: checkout}", "name: other}");
        world.apply(&older.replace("[checkout]", "[elsewhere]")).unwrap();
        world.run_for(MINUTE).await;
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        world.apply(&older).unwrap();
        world.run_for(MINUTE).await;
        assert_eq!(find(&status(world).conditions, "Stalled").unwrap().reason, "RouteClaimed");
        world.delete("trafficshifts", "other").unwrap();
        world.run_for(HOUR).await;
        assert_eq!((status(world).waiting.unwrap().reason.as_str(), live(world)["green"]), ("HandedBack", 25));
        world.command("checkout", "resume/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["green"], 100);
    });
}

#[test]
fn a_run_stays_paused_when_the_controller_starts_again_under_a_foreign_change() {
    play(56, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        world.crash_controller();
        world.account().forward(BALANCER, PORT, &[("blue", 60), ("green", 40)]);
        world.run_for(10 * MINUTE).await;
        world.start_controller();
        until_phase(world, Phase::Held).await;
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 60), ("green", 40)]));
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["blue"], 100);
    });
}
