//! Things that are deleted on AWS and made again under their names: a name leads to what bears it now.

use weir_api::condition::{READY, Truth, find};

use weir_sim::aws::GroupSettings;

use crate::world::World;

use super::{MINUTE, play, until};

/// How soon a name leads to what bears it now.
const SOON: std::time::Duration = std::time::Duration::from_mins(2);

fn group_of(world: &World, environment: &str) -> Option<String> {
    let status = world.environment(environment)?.status?;
    status.target_groups.first().map(|group| group.arn.clone())
}

/// The reason for which an environment is not ready.
fn unready(world: &World, environment: &str) -> Option<String> {
    let status = world.environment(environment)?.status?;
    let ready = find(&status.conditions, READY).filter(|ready| ready.status != Truth::True)?;
    Some(format!("{} {}", ready.reason, ready.message))
}

#[test]
fn a_group_made_again_under_its_name_is_found() {
    play(1401, async |world| {
        world.run_for(3 * MINUTE).await;
        let old = group_of(world, "green").unwrap();
        let delete = world.aws().by_hand("DeleteTargetGroup", &[("TargetGroupArn", &old)]);
        delete.unwrap();
        let new = world.aws().add_target_group(GroupSettings::named("green"), &[("i-green-9", 8080)]).unwrap();
        assert_ne!(old, new);
        let found = |world: &World| group_of(world, "green") == Some(new.clone());
        until(world, "the new group is found", found, SOON).await;
    });
}

#[test]
fn a_group_that_is_gone_is_told() {
    play(1402, async |world| {
        world.run_for(3 * MINUTE).await;
        let arn = world.aws().group_arn("green").unwrap();
        world.aws().by_hand("DeleteTargetGroup", &[("TargetGroupArn", &arn)]).unwrap();
        until(world, "it is told", |world| unready(world, "green").is_some(), SOON).await;
        let why = unready(world, "green").unwrap();
        let place = "(in account 123456789012, region eu-west-1)";
        assert!(why.starts_with("NotFound the target group green does not exist") && why.ends_with(place), "{why}");
    });
}
