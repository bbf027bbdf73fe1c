//! Who goes first, who waits, and that nobody waits for ever.

use futures::future::{self, FutureExt};
use tokio::time::{advance, sleep};

use super::*;

/// The names of those who went, in order, with the milliseconds after which they did.
type Log = Rc<RefCell<Vec<(String, u128)>>>;

fn call_token(budget: &Budget, urgency: Urgency) -> CallToken {
    budget.call_token(Family::Modify, &Waiters::of(&CallPriority::new(urgency)))
}

/// A budget whose writes have no token left but those that are kept for rollbacks.
async fn drained() -> Budget {
    let budget = Budget::new();
    for _ in 0..10 {
        let mut call_token = call_token(&budget, Urgency::Routine);
        call_token.acquire().await;
        drop(call_token.spend());
    }
    budget
}

async fn go(budget: Budget, name: &str, priority: CallPriority, began: Instant, log: Log) {
    let mut call_token = budget.call_token(Family::Modify, &Waiters::of(&priority));
    call_token.acquire().await;
    log.borrow_mut().push((name.to_owned(), began.elapsed().as_millis()));
    drop(call_token.spend());
}

fn names(log: &Log) -> Vec<String> {
    log.borrow().iter().map(|(name, _)| name.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_most_urgent_goes_first_then_the_first() {
    let (budget, log, began) = (drained().await, Log::default(), Instant::now());
    let crowd = [
        ("look 1", Urgency::Routine),
        ("repair", Urgency::Repair),
        ("step 1", Urgency::Progress),
        ("look 2", Urgency::Routine),
        ("step 2", Urgency::Progress),
        ("back", Urgency::Rollback),
    ];
    let crowd = crowd.map(|(name, urgency)| go(budget.clone(), name, urgency.into(), began, Rc::clone(&log)));
    future::join_all(crowd).await;
    assert_eq!(names(&log), ["back", "step 1", "step 2", "repair", "look 1", "look 2"]);
    let times: Vec<u128> = log.borrow().iter().map(|(_, millis)| *millis).collect();
    // The rollback has its reserve, which is filled again before the others go on: three a second, and more where AWS takes it.
    assert_eq!(times, [0, 616, 902, 1168, 1418, 1654]);
}

#[tokio::test(start_paused = true)]
async fn who_becomes_more_urgent_goes_earlier() {
    let (budget, log, began) = (drained().await, Log::default(), Instant::now());
    let raised = CallPriority::new(Urgency::Routine);
    let raise = async {
        sleep(Duration::from_millis(100)).await;
        assert!(raised.raise(Urgency::Rollback));
        assert!(!raised.raise(Urgency::Progress), "it never becomes less urgent");
        budget.reprioritize();
    };
    future::join3(
        go(budget.clone(), "step", Urgency::Progress.into(), began, Rc::clone(&log)),
        go(budget.clone(), "raised", raised.clone(), began, Rc::clone(&log)),
        raise,
    )
    .await;
    assert_eq!(log.borrow()[0], ("raised".to_owned(), 100));
    assert_eq!(names(&log), ["raised", "step"]);
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_hold_back_all_but_rollbacks() {
    let budget = Budget::new();
    let describe = |urgency| budget.call_token(Family::Describe, &Waiters::of(&CallPriority::new(urgency)));
    let mut in_flight = Vec::new();
    for _ in 0..8 {
        let mut call_token = describe(Urgency::Progress);
        call_token.acquire().await;
        in_flight.push(call_token.spend());
    }
    let mut step = describe(Urgency::Progress);
    let mut waits = step.acquire().boxed_local();
    assert!(futures::poll!(&mut waits).is_pending());
    let mut back = describe(Urgency::Rollback);
    assert!(back.acquire().now_or_never().is_some());
    in_flight.push(back.spend());
    assert!(futures::poll!(&mut waits).is_pending());
    in_flight.truncate(7);
    assert!(futures::poll!(&mut waits).is_ready());
}

#[tokio::test(start_paused = true)]
async fn under_a_load_without_end_everybody_gets_a_turn() {
    let (budget, log, began) = (drained().await, Log::default(), Instant::now());
    let step = async |name: String| {
        for _ in 0..20 {
            go(budget.clone(), &name, Urgency::Progress.into(), began, Rc::clone(&log)).await;
        }
    };
    let steps = future::join_all((0..6).map(|number| step(format!("step {number}"))));
    let look = go(budget.clone(), "look", Urgency::Routine.into(), began, Rc::clone(&log));
    future::join(steps, look).await;
    let place = names(&log).iter().position(|name| name == "look").unwrap();
    assert!(place < 60, "it was the {place}th of {}", names(&log).len());
}

/// An outage of a zone: many rollbacks wait for capacity, and look for it again and again.
#[tokio::test(start_paused = true)]
async fn rollbacks_without_end_leave_one_token_of_eight_to_others() {
    let (budget, log, began) = (drained().await, Log::default(), Instant::now());
    let back = async |name: String| {
        for _ in 0..10 {
            go(budget.clone(), &name, Urgency::Rollback.into(), began, Rc::clone(&log)).await;
        }
    };
    let back = future::join_all((0..12).map(|number| back(format!("back {number}"))));
    let steps = ["look", "step 1", "step 2"].map(|name| {
        let urgency = if name == "look" { Urgency::Routine } else { Urgency::Progress };
        go(budget.clone(), name, urgency.into(), began, Rc::clone(&log))
    });
    future::join(back, future::join_all(steps)).await;
    let places = ["look", "step 1", "step 2"].map(|name| names(&log).iter().position(|found| found == name).unwrap());
    assert_eq!(places, [7, 15, 23], "in their order, one in eight");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_lets_the_next_one_go() {
    let budget = drained().await;
    let mut unused = call_token(&budget, Urgency::Rollback);
    unused.acquire().await;
    let (mut first, mut second) = (call_token(&budget, Urgency::Progress), call_token(&budget, Urgency::Routine));
    let mut first_waits = first.acquire().boxed_local();
    let mut second_waits = second.acquire().boxed_local();
    assert!(futures::poll!(&mut first_waits).is_pending() && futures::poll!(&mut second_waits).is_pending());
    let before = budget.statuses()[1];
    assert_eq!((before.family, before.tokens, before.waiting), (Family::Modify, 4, 2));
    drop(unused);
    drop(first_waits);
    assert_eq!(budget.statuses()[1].tokens, 5, "what was not used is there again");
    advance(Duration::from_millis(334)).await;
    assert!(futures::poll!(&mut second_waits).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_call_token_tells_whether_it_was_waited_for() {
    let budget = drained().await;
    let mut back = call_token(&budget, Urgency::Rollback);
    back.acquire().await;
    assert!(!back.has_waited());
    let mut step = call_token(&budget, Urgency::Progress);
    step.acquire().await;
    assert!(step.has_waited());
    let mut step = step.renewed();
    assert!(!step.has_waited());
    assert_eq!(step.take_waited(), Duration::from_millis(616));
}
