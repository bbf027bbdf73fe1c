//! Many names of one zone that change at once.

use jiff::{SignedDuration, Timestamp};
use weir_sim::aws::Rates;

use super::*;

/// The route of the name with a number.
fn numbered(zone: &str, number: usize, types: &str) -> String {
    name_route(zone, &format!("n{number}.shop.test"), "weights: {blue: 50, green: 50}")
        .replace("name: api}", &format!("name: n{number}}}"))
        .replace("dns: {", &format!("dns: {{types: {types}, "))
}

/// Whether a route says that its weights are live, for all name servers.
fn is_settled(world: &World, number: usize, live: &str) -> bool {
    let status = route_status(world, &format!("n{number}"));
    let is_verified = status.intent.as_ref().is_some_and(|intent| intent.verified_at.is_some());
    is_verified && status.live.as_deref() == Some(live)
}

/// So many names at half and half, with a controller that has come to rest.
async fn settled(count: usize, types: &str, rates: Rates) -> (World, String) {
    let mut settings = Settings::seeded(691);
    settings.aws.rates = Some(rates);
    let (mut world, zone) = furnished(settings).await;
    make_dual_stack(&world);
    for number in 0..count {
        world.apply(&numbered(&zone, number, types)).unwrap();
    }
    world.start_controller();
    let is_done = |world: &World| (0..count).all(|number| is_settled(world, number, "blue 50, green 50"));
    world.run_until(is_done, HOUR).await.expect("all names are made");
    world.run_for(10 * MINUTE).await;
    (world, zone)
}

fn choose_for(world: &World, number: usize, blue: i32, green: i32) {
    let spec = json!({"spec": {"weights": {"blue": blue, "green": green}}});
    world.patch("weightedroutes", &format!("n{number}"), &spec).unwrap();
}

/// What was called since an instant: how often each operation, how often in vain, and when a batch was last taken.
struct Cost {
    calls: BTreeMap<String, usize>,
    refused: BTreeMap<String, usize>,
    last: SignedDuration,
}

fn cost(world: &World, since: Timestamp) -> Cost {
    let mut cost = Cost { calls: BTreeMap::new(), refused: BTreeMap::new(), last: SignedDuration::ZERO };
    for call in world.account().calls().into_iter().filter(|call| call.at > since) {
        if call.operation == "ChangeResourceRecordSets" && call.code == "OK" {
            cost.last = cost.last.max(call.at.duration_since(since));
        }
        if call.code != "OK" {
            *cost.refused.entry(call.code).or_default() += 1;
        }
        *cost.calls.entry(call.operation).or_default() += 1;
    }
    cost
}

/// When batches were taken since an instant, and what they changed: names and types.
fn batches(world: &World, since: Timestamp) -> BTreeMap<SignedDuration, usize> {
    let mut batches = BTreeMap::new();
    for effect in world.aws().effects().iter().filter(|effect| effect.at > since) {
        *batches.entry(effect.at.duration_since(since)).or_default() += 1;
    }
    batches
}

#[test]
fn a_thousand_names_step_in_as_few_batches_as_aws_takes() {
    // Four records and a memory, or two and one, for each name, 300 on a page.
    // Four are enough for A alone; while the names are read for the first time, some go before a request is full.
    for (types, least, batches, seconds, pages_of_round, first) in
        [("[A, AAAA]", 8, 8, 75, 17, 17), ("[A]", 4, 8, 31, 10, 20)]
    {
        on_virtual_time(async {
            let (mut world, _) = settled(1_000, types, Rates::of_2026()).await;
            let began = world.now();
            for number in 0..1_000 {
                choose_for(&world, number, 60, 40);
            }
            let is_done = |world: &World| (0..1_000).all(|number| is_settled(world, number, "blue 60, green 40"));
            world.run_until(is_done, HOUR).await.unwrap();
            let cost = cost(&world, began);
            // Rounds read the whole zone once a minute; one may have begun before, and one at the end.
            let (pages, minutes) =
                (cost.calls["ListResourceRecordSets"], world.now().duration_since(began).as_secs() / 60);
            let rounds = pages_of_round * (usize::try_from(minutes).unwrap() + 2);
            let polls = cost.calls["GetChange"];
            assert!(pages <= rounds + first + 8 * batches, "{types}: {pages} pages, {rounds} of them in rounds");
            assert!(polls <= 8 * batches, "{types}: {polls} polls");
            let taken = super::many::batches(&world, began);
            assert!((least..=batches).contains(&cost.calls["ChangeResourceRecordSets"]), "{types}: {taken:?}");
            assert!(cost.last <= SignedDuration::from_secs(seconds), "{types}: {:?}", cost.last);
            assert!(cost.refused.is_empty(), "{types}: {:?}", cost.refused);
        });
    }
}

/// When a write that makes blue carry everything again was taken at a name, since an instant.
fn back_at(world: &World, name: &str, since: Timestamp) -> Option<SignedDuration> {
    let effects = world.aws().effects();
    let mut of_name = effects.iter().filter(|effect| effect.at > since).filter(|effect| match &effect.change {
        Change::Weights { place, after, .. } => place.ends_with(&format!("/{name}/A")) && after.len() == 1,
        Change::Tags { .. } => false,
    });
    of_name.next().map(|effect| effect.at.duration_since(since))
}

#[test]
fn a_rollback_passes_those_that_wait() {
    on_virtual_time(async {
        let (mut world, zone) = settled(1_000, "[A, AAAA]", Rates::of_2026()).await;
        // One name more, which a run moves.
        world.apply(&name_route(&zone, "last.shop.test", "weights: {blue: 1}")).unwrap();
        until_live(&mut world, "blue 100").await;
        choose(&world, &json!({"weights": null}));
        world.apply(&super::shifts::shift_name("green", &crate::stage::steps(&[50, 100], "2h"), "")).unwrap();
        super::super::until_applied(&mut world, 50).await;
        world.run_for(10 * MINUTE).await;
        for number in 0..1_000 {
            choose_for(&world, number, 60, 40);
        }
        world.run_for(Duration::from_secs(20)).await;
        let began = world.now();
        world.command("checkout", "abort/1").unwrap();
        world.run_for(Duration::from_secs(20)).await;
        let took = back_at(&world, "last.shop.test", began).expect("it went back");
        assert!(took <= SignedDuration::from_millis(2_500), "{took:?}");
    });
}
