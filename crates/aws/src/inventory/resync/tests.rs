//! What a round costs and what it tells.

use std::sync::{Arc, Mutex};

use super::*;
use crate::wire::{Answer, Bed, Form, arn, arns, failure, members, result, seconds};

/// A world of balancers with their listeners, and the number of a fixed response that each listener gives.
#[derive(Clone, Default)]
struct World(Arc<Mutex<BTreeMap<String, BTreeMap<String, u32>>>>);

impl World {
    fn set(&self, balancer: &str, listener: &str, answer: u32) {
        let mut world = self.0.lock().unwrap();
        world.entry(arn(balancer).to_string()).or_default().insert(arn(listener).to_string(), answer);
    }

    fn remove(&self, balancer: &str, listener: &str) {
        self.0.lock().unwrap().get_mut(arn(balancer).as_str()).unwrap().remove(arn(listener).as_str());
    }

    fn destroy(&self, balancer: &str) {
        self.0.lock().unwrap().remove(arn(balancer).as_str());
    }

    fn bed(&self) -> Bed {
        let world = self.clone();
        Bed::new(move |form| world.answer(form))
    }

    fn answer(&self, form: &Form) -> Answer {
        let world = self.0.lock().unwrap();
        match form["Action"].as_str() {
            "DescribeLoadBalancers" => {
                let arns = members(form, "LoadBalancerArns");
                if arns.iter().any(|arn| !world.contains_key(arn)) {
                    return failure(400, "LoadBalancerNotFound", "One or more load balancers not found");
                }
                let one = |arn: &String| {
                    format!(
                        "<member><LoadBalancerArn>{arn}</LoadBalancerArn><LoadBalancerName>{arn}</LoadBalancerName></member>"
                    )
                };
                let all: String = arns.iter().map(one).collect();
                result("DescribeLoadBalancers", &format!("<LoadBalancers>{all}</LoadBalancers>"))
            }
            "DescribeListeners" => match world.get(&form["LoadBalancerArn"]) {
                None => failure(400, "LoadBalancerNotFound", "One or more load balancers not found"),
                Some(listeners) => {
                    let one =
                        |arn: &String| format!("<member><ListenerArn>{arn}</ListenerArn><Port>443</Port></member>");
                    let all: String = listeners.keys().map(one).collect();
                    result("DescribeListeners", &format!("<Listeners>{all}</Listeners>"))
                }
            },
            "DescribeRules" => {
                let found = world.values().find_map(|listeners| listeners.get(&form["ListenerArn"]));
                let Some(answer) = found else {
                    return failure(400, "ListenerNotFound", "One or more listeners not found");
                };
                result(
                    "DescribeRules",
                    &format!(
                        "<Rules><member><RuleArn>rule</RuleArn><Priority>default</Priority><IsDefault>true</IsDefault>\
                     <Actions><member><Type>fixed-response</Type><FixedResponseConfig><StatusCode>{answer}</StatusCode>\
                     </FixedResponseConfig></member></Actions></member></Rules>"
                    ),
                )
            }
            other => panic!("{other}"),
        }
    }
}

/// Two balancers, one with two listeners.
fn world() -> World {
    let world = World::default();
    world.set("loadbalancer/app/a/1", "listener/app/a/1/1", 200);
    world.set("loadbalancer/app/a/1", "listener/app/a/1/2", 200);
    world.set("loadbalancer/app/b/1", "listener/app/b/1/1", 200);
    world
}

fn both() -> BTreeSet<Arn> {
    arns(&["loadbalancer/app/a/1", "loadbalancer/app/b/1"])
}

/// A round over balancers.
async fn round_over(bed: &Bed, balancers: BTreeSet<Arn>) -> BTreeSet<Arn> {
    let scope = ResyncScope { balancers, ..ResyncScope::default() };
    bed.inventory.resync(&scope, seconds(30)).await.changed
}

/// A round when all that was read before is too old.
async fn later(bed: &Bed) -> BTreeSet<Arn> {
    later_by(bed, 90).await
}

/// Everything that there is at the beginning.
fn everything() -> BTreeSet<Arn> {
    let listeners = ["listener/app/a/1/1", "listener/app/a/1/2", "listener/app/b/1/1"];
    both().into_iter().chain(arns(&listeners)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_round_tells_what_is_new_and_then_nothing() {
    let bed = world().bed();
    assert_eq!(round_over(&bed, both()).await, everything());
    let counts = bed.operations();
    let count = |operation| counts.iter().filter(|called| **called == operation).count();
    // Both balancers go in one call.
    assert_eq!(
        ["DescribeLoadBalancers", "DescribeListeners", "DescribeRules"].map(count),
        [1, 2, 3],
        "at most 2 + listeners for each balancer"
    );
    assert_eq!(counts.len(), 6);
    assert_eq!(later(&bed).await, BTreeSet::new());
    assert_eq!(bed.operations().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_round_tells_each_change_once() {
    let world = world();
    let bed = world.bed();
    later(&bed).await;

    world.set("loadbalancer/app/a/1", "listener/app/a/1/2", 503);
    assert_eq!(later(&bed).await, arns(&["listener/app/a/1/2"]));
    assert_eq!(later(&bed).await, BTreeSet::new());

    world.remove("loadbalancer/app/a/1", "listener/app/a/1/2");
    assert_eq!(later(&bed).await, arns(&["loadbalancer/app/a/1", "listener/app/a/1/2"]));
    assert_eq!(later(&bed).await, BTreeSet::new());

    world.set("loadbalancer/app/b/1", "listener/app/b/1/9", 200);
    assert_eq!(later(&bed).await, arns(&["loadbalancer/app/b/1", "listener/app/b/1/9"]));

    world.destroy("loadbalancer/app/b/1");
    let gone = arns(&["loadbalancer/app/b/1", "listener/app/b/1/1", "listener/app/b/1/9"]);
    assert_eq!(later(&bed).await, gone);
    assert_eq!(later(&bed).await, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_on_demand_is_not_read_again_but_told() {
    let world = world();
    let bed = world.bed();
    later(&bed).await;
    world.set("loadbalancer/app/a/1", "listener/app/a/1/2", 503);
    tokio::time::sleep(std::time::Duration::from_secs(45)).await;
    bed.fresh(Query::Rules(arn("listener/app/a/1/2"))).await;
    bed.operations();
    // One asker has seen it; the others who care for this listener have not.
    assert_eq!(later_by(&bed, 15).await, arns(&["listener/app/a/1/2"]));
    assert_eq!(bed.operations().iter().filter(|called| **called == "DescribeRules").count(), 2);
    assert_eq!(round_over(&bed, both()).await, BTreeSet::new());
    assert!(bed.operations().is_empty(), "all of it is fresh");
}

async fn later_by(bed: &Bed, span: u64) -> BTreeSet<Arn> {
    tokio::time::sleep(std::time::Duration::from_secs(span)).await;
    round_over(bed, both()).await
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_passing_tells_nothing() {
    let failing = Arc::new(Mutex::new(false));
    let (world, switch) = (world(), Arc::clone(&failing));
    let bed = Bed::new(move |form| {
        if *switch.lock().unwrap() { failure(400, "Throttling", "Rate exceeded") } else { world.answer(form) }
    });
    later(&bed).await;
    *failing.lock().unwrap() = true;
    assert_eq!(later(&bed).await, BTreeSet::new());
    *failing.lock().unwrap() = false;
    assert_eq!(later(&bed).await, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_told_once_and_so_is_its_end() {
    let refusing = Arc::new(Mutex::new(false));
    let (world, switch) = (world(), Arc::clone(&refusing));
    let bed = Bed::new(move |form| {
        if *switch.lock().unwrap() { failure(403, "AccessDenied", "not for you") } else { world.answer(form) }
    });
    later(&bed).await;
    *refusing.lock().unwrap() = true;
    assert_eq!(later_by(&bed, 30).await, BTreeSet::new(), "one round may miss it");
    // The rules too, though it is not known any more which listeners there are.
    assert_eq!(later(&bed).await, everything());
    // Listeners are read more seldom, so that they too cannot be read is known a round later.
    assert_eq!(later(&bed).await, both());
    assert_eq!(later(&bed).await, BTreeSet::new());
    *refusing.lock().unwrap() = false;
    assert_eq!(later(&bed).await, everything());
    assert_eq!(later(&bed).await, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn a_balancer_left_out_and_taken_in_again_is_new() {
    let bed = world().bed();
    later(&bed).await;
    round_over(&bed, arns(&["loadbalancer/app/a/1"])).await;
    assert_eq!(later(&bed).await, arns(&["loadbalancer/app/b/1", "listener/app/b/1/1"]));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_gone_is_told_in_the_next_round() {
    let world = world();
    let bed = world.bed();
    later(&bed).await;
    world.remove("loadbalancer/app/a/1", "listener/app/a/1/2");
    let gone = arns(&["loadbalancer/app/a/1", "listener/app/a/1/2"]);
    assert_eq!(later_by(&bed, 31).await, gone, "though listeners are read more seldom");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_answers_two_rounds_say_so_within_a_minute() {
    let silent = Arc::new(Mutex::new(false));
    let (world, switch) = (world(), Arc::clone(&silent));
    let bed = Bed::new(move |form| if *switch.lock().unwrap() { Answer::Silence } else { world.answer(form) });
    later(&bed).await;
    *silent.lock().unwrap() = true;
    let scope = ResyncScope { balancers: both(), ..ResyncScope::default() };
    let began = tokio::time::Instant::now();
    let mut unreadable = None;
    while unreadable.is_none() {
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        unreadable = bed.inventory.resync(&scope, seconds(27)).await.unreadable;
    }
    assert!(began.elapsed() <= std::time::Duration::from_secs(95), "{:?}", began.elapsed());
    let message = unreadable.unwrap().message;
    assert!(message.contains("; last read at "), "{message}");
    *silent.lock().unwrap() = false;
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert_eq!(bed.inventory.resync(&scope, seconds(27)).await.unreadable, None);
}
