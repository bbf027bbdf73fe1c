//! After everything is well again, a run comes to its end: by itself, or after somebody has done what it asks for.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use weir_api::command::COMMAND_ANNOTATION;
use weir_api::condition::{STALLED, Truth, find};
use weir_api::traffic_shift::Phase;
use weir_sim::aws::{Refusal, RuleAction};

use crate::provisioner::{OTHER_BALANCER, OTHER_PORT, Provisioner};
use crate::rollout::{DEADLINE, PRIORITY};
use crate::stage::{BALANCER, PORT};
use crate::world::World;

use super::{Failure, Plan, Wrong, is_wild};

/// How long a run may take to its end, or to the point where it waits for somebody.
const PATIENCE: Duration = Duration::from_mins(DEADLINE.as_secs() / 60 + 5);
/// How long a run waits for somebody before that one comes.
const WAITED: Duration = Duration::from_secs(45);
/// How often somebody helps.
const MOST_HELP: u32 = 5;

/// What came of it.
pub(super) struct Settled {
    /// How often somebody had to help.
    pub helped: u32,
    pub failures: Vec<Failure>,
}

/// Lets the world come to its end.
pub(super) async fn settle(plan: &Plan, world: &mut World) -> Settled {
    let mut settled = Settled { helped: 0, failures: Vec::new() };
    // What is being deleted goes before it is made again.
    let _ = world.run_until(|world| world.lingering().is_empty(), WAITED).await;
    wish_again(plan, world);
    loop {
        if until_complete_or_asking(world).await {
            let Some(message) = stall(world) else { return settled };
            if settled.helped > MOST_HELP {
                let message = format!("nothing helps the route; the last that it said is {message}");
                settled.failures.push(Failure { wrong: Wrong::Unsettled, message });
                return settled;
            }
            help_route(plan, world, settled.helped);
            settled.helped += 1;
            world.run_for(WAITED).await;
            continue;
        }
        let (reason, message) = said(world);
        if message.is_empty() {
            let message = format!("the shift waits without a word; its status is {}", status(world));
            settled.failures.push(Failure { wrong: Wrong::Silent, message });
            return settled;
        }
        if settled.helped >= MOST_HELP {
            let message = format!("nothing helps; the last that was said is {reason}: {message}");
            settled.failures.push(Failure { wrong: Wrong::Unsettled, message });
            return settled;
        }
        help(plan, world, settled.helped);
        settled.helped += 1;
    }
}

/// Makes sure that every object is as it was meant to be, that there is a wish, and that nothing but the run itself holds
/// it.
fn wish_again(plan: &Plan, world: &World) {
    world.apply(&plan.rollout.manifests()).expect("the rollout's manifests are valid");
    let to = world.kube().get("trafficshifts", world.namespace(), "checkout");
    let to = to.as_ref().and_then(|shift| shift["spec"]["to"].as_str()).map(ToOwned::to_owned);
    let last = plan.rollout.releases.last().cloned().unwrap_or_default();
    world.apply(&plan.rollout.wish(&to.unwrap_or(last))).expect("the wish of a rollout is valid");
    world.patch("trafficshifts", "checkout", &json!({"spec": {"paused": false}})).expect("the shift is there");
}

/// Somebody does what they are asked for; each time a little more.
fn help(plan: &Plan, world: &mut World, times: u32) {
    let command = |world: &World, verb: &str| {
        world.command("checkout", &format!("{verb}/help-{times}")).expect("the shift is there");
    };
    match times {
        0 | 2 => {
            world.note_manual_change("somebody gives the command resume");
            command(world, "resume");
        }
        1 => {
            help_route(plan, world, times);
        }
        3 => {
            world.note_manual_change("somebody gives the command abort");
            command(world, "abort");
        }
        _ => {
            world.note_manual_change("somebody gives the command retry");
            command(world, "retry");
        }
    }
}

/// Somebody puts the place of the route right, and lets the route begin anew there where it says that it waits for that.
fn help_route(plan: &Plan, world: &World, times: u32) {
    world.note_manual_change("somebody puts the place right");
    put_right(plan, world);
    // A difference that is only told waits for this word as well.
    if stall(world).is_some() || said(world).0 == "WaitingForRoute" {
        world.note_manual_change("somebody gives the route the command resume");
        let command = json!({"metadata": {"annotations": {COMMAND_ANNOTATION: format!("resume/help-{times}")}}});
        world.patch("weightedroutes", "checkout", &command).expect("the route is there");
    }
}

/// What the route waits for somebody to change.
fn stall(world: &World) -> Option<String> {
    let conditions = world.route("checkout")?.status?.conditions;
    let stalled = find(&conditions, STALLED).filter(|condition| condition.status == Truth::True)?;
    Some(format!("{}: {}", stalled.reason, stalled.message))
}

/// For how long clients stay with a group, where somebody puts a split of sticky groups right.
const STICKY_SECONDS: u32 = 300;

/// Makes the place as the route last wanted it, with the marks that it had. Who has put something in its way takes it
/// away first, and who has made it brings it back.
fn put_right(plan: &Plan, world: &World) {
    let provisioner = Provisioner::new(world.aws(), plan.rollout.place);
    clear_away(world, provisioner).expect("people can take back what they did");
    let intent = world.route("checkout").and_then(|route| route.status).and_then(|status| status.intent);
    let weights = intent.map(|intent| intent.weights).unwrap_or_default();
    let mut weights: Vec<(&str, u32)> =
        weights.iter().map(|entry| (entry.environment.as_str(), u32::try_from(entry.weight).unwrap_or(0))).collect();
    if weights.is_empty() {
        weights.push(("blue", 100));
    }
    // A rule that Weir has made is Weir's to make again.
    let Some(place) = provisioner.found() else { return };
    let _ = world.aws().by_hand(
        "RemoveTags",
        &[
            ("ResourceArns.member.1", place.as_str()),
            ("TagKeys.member.1", weir_engine::write::OWNER_TAG),
            ("TagKeys.member.2", weir_engine::write::ROUTE_TAG),
        ],
    );
    let tags = [(weir_engine::write::OWNER_TAG, world.owner()), (weir_engine::write::ROUTE_TAG, "shop/checkout")];
    world.aws().add_tags(&place, &tags).expect("a place takes its tags");
    let sticky = plan.rollout.sticky.then_some(STICKY_SECONDS);
    let is_known = !world.aws().action_kinds(&place).contains(&"novel");
    let keeps =
        is_known && !world.aws().weights(&place).is_empty() && world.aws().edit_weights(&place, &weights).is_ok();
    if keeps {
        return;
    }
    let written = if provisioner.is_his() {
        provisioner.sign_in_before(&place, "shop", &weights, sticky)
    } else {
        let forward = match sticky {
            Some(seconds) => RuleAction::sticky_forward(&weights, seconds),
            None => RuleAction::forward(&weights),
        };
        world.aws().edit_action(&place, &forward)
    };
    written.expect("a place takes the forward that it had");
}

/// Groups come back from behind other balancers and are checked again; the rule is there, with its number and conditions.
fn clear_away(world: &World, provisioner: Provisioner<'_>) -> Result<(), Refusal> {
    if let Some(listener) = world.aws().listener_arn(OTHER_BALANCER, OTHER_PORT) {
        world.aws().by_hand("DeleteListener", &[("ListenerArn", &listener)])?;
    }
    for group in ["blue", "green"] {
        world.aws().set_checked(group, true)?;
    }
    if provisioner.found().is_none() && provisioner.is_his() {
        provisioner.write()?;
    }
    if world.account().rule_arn(BALANCER, PORT, PRIORITY).is_none() {
        provisioner.renumber(PRIORITY)?;
    }
    provisioner.narrow(false)
}

fn status(world: &World) -> Value {
    let shift = world.kube().get("trafficshifts", world.namespace(), "checkout");
    shift.map(|shift| shift["status"].clone()).unwrap_or_default()
}

/// What the shift says it waits for: a reason and a message.
pub(super) fn said(world: &World) -> (String, String) {
    let status = status(world);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let waiting = &status["waiting"];
    if waiting.is_object() {
        return (text(&waiting["reason"]), text(&waiting["message"]));
    }
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut stalled = conditions.filter(|condition| condition["type"] == "Stalled" && condition["status"] == "True");
    stalled.next().map(|stalled| (text(&stalled["reason"]), text(&stalled["message"]))).unwrap_or_default()
}

/// Waits until the run has ended. The error says that it has not.
pub(super) async fn until_complete(world: &mut World, limit: Duration) -> Result<(), String> {
    world.run_until(|world| world.is_complete("checkout") || is_wild(world), limit).await.map(drop)
}

/// Waits until the run has ended (true), or nothing will happen without somebody's help.
async fn until_complete_or_asking(world: &mut World) -> bool {
    let began = tokio::time::Instant::now();
    while began.elapsed() < PATIENCE {
        let limit = WAITED;
        if until_complete(world, limit).await.is_ok() {
            return true;
        }
        if is_asking(world) {
            return false;
        }
    }
    false
}

/// Whether the run holds until somebody gives a word.
fn is_asking(world: &World) -> bool {
    let status = status(world);
    let phase = Phase::deserialize(&status["phase"]);
    phase.is_ok_and(Phase::rests) && status["waiting"]["until"].is_null()
}
