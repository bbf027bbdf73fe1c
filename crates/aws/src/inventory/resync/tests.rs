//! What a round costs and what it tells, over balancers of the simulated AWS.

use std::sync::{Arc, Mutex};

use weir_sim::aws::{Aws, RuleAction};

use super::*;
use crate::wire::{Bed, Reply, failure, seconds, simulated};

mod names;

/// Two balancers, one with two listeners.
struct Fixture {
    aws: Arc<Aws>,
    balancers: [Arn; 2],
    listeners: [Arn; 3],
}

impl Fixture {
    fn new() -> Self {
        let aws = simulated();
        let balancers = ["a", "b"].map(|name| Arn::new(aws.add_balancer(name).unwrap()));
        let listeners = [("a", 1), ("a", 2), ("b", 1)].map(|(balancer, port)| listen(&aws, balancer, port));
        Self { aws, balancers, listeners }
    }

    fn bed(&self) -> Bed {
        self.bed_with(|| None)
    }

    /// A bed in which something may answer in the place of AWS.
    fn bed_with(&self, instead: impl Fn() -> Option<Reply> + Send + 'static) -> Bed {
        let aws = Arc::clone(&self.aws);
        Bed::new(move |_| instead().unwrap_or_else(|| Reply::Of(Arc::clone(&aws))))
    }

    /// The listener gives another answer.
    fn answer(&self, listener: &Arn, status: u16) {
        self.aws.edit_action(listener.as_str(), &RuleAction::FixedResponse(status)).unwrap();
    }

    fn remove(&self, listener: &Arn) {
        self.aws.by_hand("DeleteListener", &[("ListenerArn", listener.as_str())]).unwrap();
    }

    fn destroy(&self, balancer: &Arn) {
        self.aws.by_hand("DeleteLoadBalancer", &[("LoadBalancerArn", balancer.as_str())]).unwrap();
    }

    /// Everything that there is at the beginning.
    fn everything(&self) -> BTreeSet<Arn> {
        set(self.balancers.iter().chain(&self.listeners))
    }
}

fn listen(aws: &Aws, balancer: &str, port: u16) -> Arn {
    Arn::new(aws.add_listener(balancer, "HTTP", port, &RuleAction::FixedResponse(200)).unwrap())
}

fn set<'a>(arns: impl IntoIterator<Item = &'a Arn>) -> BTreeSet<Arn> {
    arns.into_iter().cloned().collect()
}

/// A round over balancers.
async fn round_over(bed: &Bed, balancers: BTreeSet<Arn>) -> BTreeSet<Arn> {
    let scope = ResyncScope { balancers, ..ResyncScope::default() };
    bed.inventory.resync(&scope, seconds(30)).await.changed
}

impl Fixture {
    /// A round over both when all that was read before is too old.
    async fn later(&self, bed: &Bed) -> BTreeSet<Arn> {
        self.later_by(bed, 90).await
    }

    async fn later_by(&self, bed: &Bed, span: u64) -> BTreeSet<Arn> {
        tokio::time::sleep(std::time::Duration::from_secs(span)).await;
        round_over(bed, set(&self.balancers)).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_round_tells_what_is_new_and_then_nothing() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    assert_eq!(round_over(&bed, set(&fixture.balancers)).await, fixture.everything());
    let counts = bed.operations();
    let count = |operation| counts.iter().filter(|called| **called == operation).count();
    // Both balancers go in one call.
    assert_eq!(
        ["DescribeLoadBalancers", "DescribeListeners", "DescribeRules"].map(count),
        [1, 2, 3],
        "at most 2 + listeners for each balancer"
    );
    assert_eq!(counts.len(), 6);
    assert_eq!(fixture.later(&bed).await, BTreeSet::new());
    assert_eq!(bed.operations().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_round_tells_each_change_once() {
    let fixture = Fixture::new();
    let (bed, second) = (fixture.bed(), fixture.listeners[1].clone());
    fixture.later(&bed).await;

    fixture.answer(&second, 503);
    assert_eq!(fixture.later(&bed).await, set([&second]));
    assert_eq!(fixture.later(&bed).await, BTreeSet::new());

    fixture.remove(&second);
    assert_eq!(fixture.later(&bed).await, set([&fixture.balancers[0], &second]));
    assert_eq!(fixture.later(&bed).await, BTreeSet::new());

    let ninth = listen(&fixture.aws, "b", 9);
    assert_eq!(fixture.later(&bed).await, set([&fixture.balancers[1], &ninth]));

    fixture.destroy(&fixture.balancers[1]);
    let gone = set([&fixture.balancers[1], &fixture.listeners[2], &ninth]);
    assert_eq!(fixture.later(&bed).await, gone);
    assert_eq!(fixture.later(&bed).await, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_on_demand_is_not_read_again_but_told() {
    let fixture = Fixture::new();
    let (bed, second) = (fixture.bed(), fixture.listeners[1].clone());
    fixture.later(&bed).await;
    fixture.answer(&second, 503);
    tokio::time::sleep(std::time::Duration::from_secs(45)).await;
    bed.fresh(Query::Rules(second.clone())).await;
    bed.operations();
    // One asker has seen it; the others who care for this listener have not.
    assert_eq!(fixture.later_by(&bed, 15).await, set([&second]));
    assert_eq!(bed.operations().iter().filter(|called| **called == "DescribeRules").count(), 2);
    assert_eq!(round_over(&bed, set(&fixture.balancers)).await, BTreeSet::new());
    assert!(bed.operations().is_empty(), "all of it is fresh");
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_passing_tells_nothing() {
    let failing = Arc::new(Mutex::new(false));
    let (fixture, switch) = (Fixture::new(), Arc::clone(&failing));
    let bed = fixture.bed_with(move || switch.lock().unwrap().then(|| failure(400, "Throttling", "Rate exceeded")));
    fixture.later(&bed).await;
    *failing.lock().unwrap() = true;
    assert_eq!(fixture.later(&bed).await, BTreeSet::new());
    *failing.lock().unwrap() = false;
    assert_eq!(fixture.later(&bed).await, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_told_once_and_so_is_its_end() {
    let refusing = Arc::new(Mutex::new(false));
    let (fixture, switch) = (Fixture::new(), Arc::clone(&refusing));
    let bed = fixture.bed_with(move || switch.lock().unwrap().then(|| failure(403, "AccessDenied", "not for you")));
    fixture.later(&bed).await;
    *refusing.lock().unwrap() = true;
    assert_eq!(fixture.later_by(&bed, 30).await, BTreeSet::new(), "one round may miss it");
    // The rules too, though it is not known any more which listeners there are.
    assert_eq!(fixture.later(&bed).await, fixture.everything());
    // Listeners are read more seldom, so that they too cannot be read is known a round later.
    assert_eq!(fixture.later(&bed).await, set(&fixture.balancers));
    assert_eq!(fixture.later(&bed).await, BTreeSet::new());
    *refusing.lock().unwrap() = false;
    assert_eq!(fixture.later(&bed).await, fixture.everything());
    assert_eq!(fixture.later(&bed).await, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn a_balancer_left_out_and_taken_in_again_is_new() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    fixture.later(&bed).await;
    round_over(&bed, set([&fixture.balancers[0]])).await;
    assert_eq!(fixture.later(&bed).await, set([&fixture.balancers[1], &fixture.listeners[2]]));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_gone_is_told_in_the_next_round() {
    let fixture = Fixture::new();
    let (bed, second) = (fixture.bed(), fixture.listeners[1].clone());
    fixture.later(&bed).await;
    fixture.remove(&second);
    let gone = set([&fixture.balancers[0], &second]);
    assert_eq!(fixture.later_by(&bed, 31).await, gone, "though listeners are read more seldom");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_answers_two_rounds_say_so_within_a_minute() {
    let silent = Arc::new(Mutex::new(false));
    let (fixture, switch) = (Fixture::new(), Arc::clone(&silent));
    let bed = fixture.bed_with(move || switch.lock().unwrap().then_some(Reply::Silence));
    fixture.later(&bed).await;
    *silent.lock().unwrap() = true;
    let scope = ResyncScope { balancers: set(&fixture.balancers), ..ResyncScope::default() };
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
