//! A target group that AWS would refuse to attach: told before anything is written.

use weir_api::condition::{READY, Truth, find};
use weir_api::traffic_shift::Outcome;
use weir_sim::aws::RuleAction;

use crate::stage::{shift, steps};
use crate::world::World;

use super::{MINUTE, changes, outcome, play, route_status, told, until, until_complete};

fn why(world: &World) -> String {
    let conditions = route_status(world, "checkout").conditions;
    let ready = find(&conditions, READY).filter(|ready| ready.status != Truth::True);
    ready.map(|ready| format!("{} {}", ready.reason, ready.message)).unwrap_or_default()
}

#[test]
fn a_group_of_another_balancer_is_not_attached_until_it_is_free() {
    play(1501, async |world| {
        world.aws().add_balancer("office").unwrap();
        let taken = world.aws().add_listener("office", "HTTP", 80, &RuleAction::forward(&[("green", 100)])).unwrap();
        let before = changes(world).len();
        world.apply(&shift("green", &steps(&[50, 100], "2m"), "")).unwrap();
        until(world, "it is told", |world| why(world).starts_with("GroupNotUsable"), MINUTE).await;
        assert!(why(world).contains("green is used by another balancer"), "{}", why(world));
        world.run_for(20 * MINUTE).await;
        assert_eq!(changes(world).len(), before);
        let calls = world.account().calls();
        assert!(!calls.iter().any(|call| call.operation == "ModifyListener"), "{}", told(world));
        world.aws().edit_action(&taken, &RuleAction::FixedResponse(503)).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}
