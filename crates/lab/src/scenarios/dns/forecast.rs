//! What is planned of names is what then happens.

use weir_engine::Key;
use weir_engine::forecast::{ByEnvironment, End, Forecast, What};
use weir_engine::write::Write;

use crate::evidence::Call;
use crate::stage::steps;

use super::super::until_complete;
use super::lockstep::{furnished_for_both, shift_both};
use super::shifts::{first, shift_name};
use super::*;

/// Lets the shift `checkout` do what it has to, and holds everything that was planned of it against that. At most so long waits
/// each batch for name servers in the end.
async fn comes_true(world: &mut World) -> Forecast {
    let (_, forecast) = world.forecast(vec![Key::new("shop", "checkout")]).await.unwrap();
    let from = world.now();
    if !world.has_controller() {
        world.start_controller();
    }
    let took = world.run_until(|world| world.is_complete("checkout"), HOUR).await.unwrap();
    world.run_for(MINUTE).await;
    let calls: Vec<Call> = world.evidence().calls.into_iter().filter(|call| call.at > from).collect();
    let mut written: Vec<&str> = calls.iter().filter(|call| call.write).map(|call| call.operation.as_str()).collect();
    let mut planned: Vec<&str> = forecast.writes().map(Write::operation).collect();
    // What goes to two services at one instant may go in either order.
    written.sort_unstable();
    planned.sort_unstable();
    assert_eq!(planned, written, "{forecast:#?}\n{}", told(world));
    let batches: Vec<&Call> = calls.iter().filter(|call| call.changes > 0).collect();
    let changes: u64 = batches.iter().map(|call| u64::from(call.changes)).sum();
    assert_eq!((forecast.batches(), forecast.record_changes()), (u64::try_from(batches.len()).unwrap(), changes));
    let [End::Ends { after, .. }] = &forecast.ends[..] else { panic!("{forecast:#?}") };
    let (least, most) = (after.unsigned_abs(), after.unsigned_abs() + MINUTE * u32::try_from(batches.len()).unwrap());
    assert!(least <= took && took <= most, "{least:?} was planned at least, {took:?} it took\n{}", told(world));
    forecast
}

/// The weights that are made live at the name, and what they need.
fn moves(forecast: &Forecast) -> Vec<(&ByEnvironment, &ByEnvironment)> {
    let moves = forecast.entries.iter().filter_map(|entry| match &entry.what {
        What::Write { write: Write::Records(_), weights, needs } if !weights.is_empty() => Some((weights, needs)),
        _ => None,
    });
    moves.collect()
}

fn each(of: &[(&str, i32)]) -> ByEnvironment {
    of.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

#[test]
fn steps_of_a_name_are_planned_with_their_batches_changes_and_targets() {
    play(691, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", &steps(&[25, 50, 100], "2m"), "")).unwrap();
        let forecast = comes_true(world).await;
        // Blue goes and both come, both go and both come, both go and green comes; what is remembered goes and comes.
        assert_eq!((forecast.batches(), forecast.record_changes()), (4, 3 + 4 + 3 + 2));
        let expected = [
            (each(&[("blue", 75), ("green", 25)]), each(&[("green", 2)])),
            (each(&[("blue", 50), ("green", 50)]), each(&[("green", 3)])),
            (each(&[("green", 100)]), each(&[("green", 4)])),
        ];
        let moves = moves(&forecast);
        let carrying = |weights: &ByEnvironment| weights.iter().filter(|(_, weight)| *weight > 0).cloned().collect();
        let moves: Vec<(ByEnvironment, ByEnvironment)> =
            moves.into_iter().map(|(weights, needs)| (carrying(weights), needs.clone())).collect();
        assert_eq!(moves, expected);
        let live: Vec<Weights> = splits(world, &zone)[1..].to_vec();
        let weight = |(name, weight): &(String, i32)| (name.clone(), u32::try_from(*weight).unwrap());
        let planned: Vec<Weights> = moves.iter().map(|(weights, _)| weights.iter().map(weight).collect()).collect();
        assert_eq!(planned, live);
        let rights: Vec<String> =
            forecast.rights().into_iter().map(|(action, resource)| action + " " + &resource).collect();
        let change = "route53:GetChange arn:aws:route53:::change/*".to_owned();
        assert_eq!(rights, [format!("route53:ChangeResourceRecordSets arn:aws:route53:::hostedzone/{zone}"), change]);
    });
}

#[test]
fn a_name_that_is_to_be_adopted_is_planned_before_anything_is_applied() {
    play_with(692, async |world, zone| {
        let old = of_world(world, RecordEdit::simple(NAME, RecordType::A, alias("blue")));
        world.aws().add_records(&zone, &[old]).unwrap();
        world.apply(&name_route(&zone, NAME, "adopt: true")).unwrap();
        world.apply(&shift_name("green", &steps(&[50, 100], "1m"), "")).unwrap();
        let forecast = comes_true(world).await;
        assert_eq!(forecast.batches(), 4, "it is taken over, moved twice, and the end is remembered: {forecast:#?}");
    });
}

#[test]
fn lockstep_of_a_name_and_a_listener_is_planned_as_it_comes() {
    on_virtual_time(async {
        let (mut world, _) = furnished_for_both(693).await;
        world.start_controller();
        world.apply(&shift_both("{allAtOnce: {}}").replace("to: green", "to: blue")).unwrap();
        until_complete(&mut world, "checkout").await;
        world.run_for(3 * MINUTE).await;
        world.apply(&shift_both(&steps(&[25, 50, 100], "3m"))).unwrap();
        let forecast = comes_true(&mut world).await;
        let operations: Vec<&str> = forecast.writes().map(Write::operation).collect();
        let listener = operations.iter().filter(|operation| **operation == "ModifyListener").count();
        assert!(listener >= 3 && forecast.batches() == 4, "{operations:?}");
    });
}

#[test]
fn a_balancer_that_is_gone_is_told_as_what_stands_in_the_way() {
    play(694, &[], async |world, zone| {
        first(world, &zone, "").await;
        let red = super::environment("red").replace("red-lb", "nowhere");
        world.apply(&red).unwrap();
        world.apply(&shift_name("red", &steps(&[50, 100], "1m"), "")).unwrap();
        let (_, forecast) = world.forecast(vec![Key::new("shop", "checkout")]).await.unwrap();
        assert!(matches!(&forecast.ends[..], [End::Blocked(why)] if why.contains("red")), "{forecast:#?}");
    });
}
