//! Who is worked on next: order, urgency, backoff, by hand and on random courses.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use weir_aws::Family;
use weir_engine::tick::Urgency;
use weir_engine::{Access, Key, KindName, ObjectRef};

use super::{Channel, Ending, LONGEST_BACKOFF, LONGEST_ROLLBACK_BACKOFF, PANICS, Queue, Rank, Slots, Start, Task};

fn object(name: &str) -> ObjectRef {
    ObjectRef::new(KindName::WeightedRoute, Key::new("shop", name))
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs_f64(seconds)
}

fn queue() -> Queue {
    Queue::new(Slots::new(3, 1), 42)
}

fn names(queue: &mut Queue, now: Timestamp) -> Vec<String> {
    std::iter::from_fn(|| queue.start(now)).map(|start| start.object.key.name.into()).collect()
}

fn rested(wake: Option<Timestamp>) -> Ending {
    Ending::Rested { wake, idle: false }
}

#[test]
fn the_more_urgent_goes_first_then_the_one_that_waited_longest() {
    let mut queue = Queue::new(Slots::new(9, 1), 0);
    queue.wake(&object("routine-early"), at(1.0), Urgency::Routine);
    queue.wake(&object("progress-late"), at(3.0), Urgency::Progress);
    queue.wake(&object("progress-early"), at(2.0), Urgency::Progress);
    queue.wake(&object("rollback"), at(4.0), Urgency::Rollback);
    queue.wake(&object("not-yet"), at(9.0), Urgency::Rollback);
    assert_eq!(names(&mut queue, at(5.0)), ["rollback", "progress-early", "progress-late", "routine-early"]);
    assert_eq!(queue.next_due(), Some(at(9.0)));
}

#[test]
fn a_slot_is_kept_for_rollbacks() {
    let mut queue = queue();
    for name in ["a", "b", "c"] {
        queue.wake(&object(name), at(0.0), Urgency::Progress);
    }
    assert_eq!(names(&mut queue, at(0.0)), ["a", "b"]);
    assert_eq!((queue.depth(), queue.oldest()), (1, Some(at(0.0))));
    queue.wake(&object("back"), at(0.0), Urgency::Rollback);
    assert_eq!(names(&mut queue, at(0.0)), ["back"]);
    queue.finish(&object("a"), at(1.0), rested(None), Urgency::Progress);
    assert_eq!(names(&mut queue, at(1.0)), Vec::<String>::new());
    queue.finish(&object("back"), at(1.0), rested(None), Urgency::Rollback);
    assert_eq!(names(&mut queue, at(1.0)), ["c"]);
}

#[test]
fn an_object_woken_while_it_runs_runs_again_afterwards() {
    let mut queue = queue();
    queue.wake(&object("a"), at(0.0), Urgency::Routine);
    assert_eq!(names(&mut queue, at(0.0)), ["a"]);
    queue.wake(&object("a"), at(1.0), Urgency::Routine);
    assert_eq!(names(&mut queue, at(1.0)), Vec::<String>::new());
    queue.finish(&object("a"), at(2.0), rested(Some(at(60.0))), Urgency::Routine);
    assert_eq!(names(&mut queue, at(2.0)), ["a"]);
    queue.finish(&object("a"), at(3.0), rested(Some(at(60.0))), Urgency::Routine);
    assert_eq!((names(&mut queue, at(59.0)), queue.next_due()), (Vec::new(), Some(at(60.0))));
}

#[test]
fn a_wake_brings_a_planned_look_forward() {
    let mut queue = queue();
    queue.wake(&object("a"), at(60.0), Urgency::Routine);
    queue.wake(&object("a"), at(5.0), Urgency::Routine);
    queue.wake(&object("a"), at(30.0), Urgency::Routine);
    assert_eq!(queue.next_due(), Some(at(5.0)));
    let start = queue.start(at(6.0)).unwrap();
    let (urgency, task) = (Urgency::Routine, Task::Tick);
    assert_eq!(start, Start { object: object("a"), due: at(5.0), urgency, task, boards: false });
}

/// Fails the object again and again; returns the backoffs in seconds.
fn backoffs(queue: &mut Queue, name: &str, urgency: Urgency, ending: &Ending, count: usize) -> Vec<f64> {
    let mut now = at(0.0);
    queue.wake(&object(name), now, urgency);
    (0..count)
        .map(|_| {
            queue.start(now).expect("due");
            queue.finish(&object(name), now, ending.clone(), urgency);
            let due = queue.next_due().unwrap();
            let pause = due.duration_since(now).as_secs_f64();
            now = due;
            pause
        })
        .collect()
}

#[test]
fn backoffs_grow_to_a_bound_and_less_so_for_rollbacks() {
    let pauses = backoffs(&mut queue(), "a", Urgency::Routine, &Ending::Failed, 12);
    for (failures, pause) in pauses.iter().enumerate() {
        let full = f64::min(60.0, 2.0_f64.powi(i32::try_from(failures).unwrap()));
        assert!((full / 2.0..=full).contains(pause), "{failures}: {pause} of {full}");
    }
    let pauses = backoffs(&mut queue(), "a", Urgency::Rollback, &Ending::Failed, 12);
    assert!(pauses.iter().all(|pause| *pause <= 1.0), "{pauses:?}");
    assert!(pauses[11] >= 1.0, "{pauses:?}");
}

#[test]
fn what_aws_refuses_is_tried_ever_more_seldom_however_urgent() {
    let pauses = backoffs(&mut queue(), "a", Urgency::Rollback, &Ending::Refused, 12);
    for (failures, pause) in pauses.iter().enumerate() {
        let full = f64::min(60.0, 2.0_f64.powi(i32::try_from(failures).unwrap()));
        assert!((full / 2.0..=full).contains(pause), "{failures}: {pause} of {full}");
    }
    let mut queue = queue();
    backoffs(&mut queue, "a", Urgency::Rollback, &Ending::Refused, 8);
    let due = queue.next_due().unwrap();
    queue.wake(&object("a"), at(0.0), Urgency::Rollback);
    assert_eq!(queue.next_due(), Some(due), "who else changes does not make AWS take it");
    queue.change(&object("a"), at(1.0), Urgency::Rollback);
    assert_eq!(queue.next_due(), Some(at(1.0)), "a user who changes the object may have mended it");
}

/// Writers that have found no token, and taken seats.
fn seated(count: usize) -> (Queue, Vec<String>) {
    let mut queue = Queue::new(Slots::new(24, 4), 1);
    let writers: Vec<String> = (0..count).map(|number| format!("writer-{number:02}")).collect();
    for writer in &writers {
        queue.wake(&object(writer), at(0.0), Urgency::Progress);
    }
    let first: Vec<Start> = std::iter::from_fn(|| queue.start(at(0.0))).collect();
    assert!(first.len() == count && first.iter().all(|start| !start.boards));
    for start in first {
        queue.finish(&start.object, at(0.0), Ending::Seated, Urgency::Progress);
    }
    // They are due at once, and have their seats before anything else begins: nobody may come to let them board for long.
    assert_eq!(queue.seats(at(0.1)).iter().map(|(_, seats)| *seats).collect::<Vec<_>>(), [count]);
    assert!(queue.start(at(0.1)).is_none());
    (queue, writers)
}

#[test]
fn those_that_have_seats_hold_no_slots_and_board_when_their_writes_may_go() {
    let (mut queue, writers) = seated(20);
    let channel = Channel::default();
    queue.wake(&object("reader"), at(0.2), Urgency::Routine);
    assert_eq!(queue.start(at(0.2)).unwrap().object, object("reader"), "nothing holds it up");
    queue.finish(&object("reader"), at(0.2), rested(None), Urgency::Routine);
    assert_eq!(queue.board(&channel, (0, 1), at(0.3)), None);
    assert!(queue.start(at(0.3)).is_none());
    // As many board as may go, the one that has waited longest first.
    assert_eq!(queue.board(&channel, (3, 1), at(1.0)), None);
    let boarded: Vec<Start> = std::iter::from_fn(|| queue.start(at(1.0))).collect();
    assert!(boarded.iter().all(|start| start.boards));
    assert_eq!(
        boarded.iter().map(|start| start.object.clone()).collect::<Vec<_>>(),
        [0, 1, 2].map(|at| object(&writers[at])).to_vec()
    );
    // The next board together, not one by one.
    assert_eq!(queue.board(&channel, (1, 1), at(1.2)), Some(at(1.5)));
    assert_eq!(queue.board(&channel, (17, 1), at(1.3)), None, "but nobody waits where all may go");
    assert_eq!(std::iter::from_fn(|| queue.start(at(1.3))).count(), 17);
}

/// So many of those whose writes share a request have taken seats, each for eight tokens.
fn sharing(count: usize) -> (Queue, Channel, Rank) {
    let channel = Channel { family: Family::Route53Change, ..Channel::default() };
    let rank = Rank { urgency: Urgency::Progress, channel: channel.clone(), fare: 8 };
    let mut queue = Queue::new(Slots::new(3, 1), 1);
    for number in 0..count {
        queue.wake(&object(&format!("writer-{number:03}")), at(0.0), rank.clone());
    }
    while let Some(start) = queue.start(at(0.0)) {
        queue.finish(&start.object, at(0.0), Ending::Seated, rank.clone());
        queue.seats(at(0.0));
    }
    (queue, channel, rank)
}

fn boarded(queue: &mut Queue, now: Timestamp) -> usize {
    std::iter::from_fn(|| queue.start(now)).filter(|start| start.boards).count()
}

#[test]
fn those_whose_writes_share_a_request_board_when_there_are_tokens_for_a_whole_one() {
    let (mut queue, channel, _) = sharing(200);
    assert_eq!(queue.seats(at(0.1)).iter().map(|(_, tokens)| *tokens).collect::<Vec<_>>(), [1_600]);
    queue.board(&channel, (992, 1_000), at(1.0));
    assert_eq!(boarded(&mut queue, at(1.0)), 0);
    queue.board(&channel, (1_000, 1_000), at(2.0));
    assert_eq!(boarded(&mut queue, at(2.0)), 125, "their room is in the request, and no slot");
    // For the others there is no whole request any more; and after AWS has throttled a whole one is smaller.
    queue.board(&channel, (592, 600), at(3.0));
    assert_eq!(boarded(&mut queue, at(3.0)), 0);
    queue.board(&channel, (600, 600), at(4.0));
    assert_eq!(boarded(&mut queue, at(4.0)), 75);
}

#[test]
fn those_whose_writes_share_a_request_wait_three_seconds_for_others_that_may_come_along() {
    let (mut queue, channel, rank) = sharing(2);
    let other = object("another");
    queue.wake(&other, at(0.5), rank.clone());
    assert!(!queue.start(at(0.5)).unwrap().boards);
    assert_eq!(queue.board(&channel, (1_000, 1_000), at(1.0)), Some(at(3.0)));
    assert_eq!(boarded(&mut queue, at(1.0)), 0);
    queue.finish(&other, at(1.5), rested(None), rank);
    queue.board(&channel, (1_000, 1_000), at(1.5));
    assert_eq!(boarded(&mut queue, at(1.5)), 2, "nobody is looked at any more");
    let (mut queue, channel, rank) = sharing(2);
    queue.wake(&other, at(0.5), rank);
    queue.start(at(0.5)).unwrap();
    queue.board(&channel, (1_000, 1_000), at(3.0));
    assert_eq!(boarded(&mut queue, at(3.0)), 2, "but not for ever");
}

#[test]
fn a_rollback_needs_no_seat_and_who_is_changed_gives_its_own_up() {
    let (mut queue, writers) = seated(3);
    queue.wake(&object(&writers[2]), at(1.0), Urgency::Rollback);
    let rollback = queue.start(at(1.0)).unwrap();
    assert_eq!((&rollback.object, rollback.boards), (&object(&writers[2]), false));
    queue.change(&object(&writers[1]), at(1.0), Urgency::Progress);
    let changed = queue.start(at(1.0)).unwrap();
    assert_eq!((&changed.object, changed.boards), (&object(&writers[1]), false));
    queue.forget(&object(&writers[0]));
    assert_eq!((queue.seats(at(1.0)), queue.seated()), (Vec::new(), 0));
}

#[test]
fn who_has_written_looks_again_together_with_those_that_board_next() {
    let (mut queue, writers) = seated(2);
    queue.board(&Channel::default(), (1, 1), at(1.0));
    assert!(queue.start(at(1.0)).unwrap().boards);
    queue.finish(&object(&writers[0]), at(1.1), Ending::Written { wake: Some(at(1.1)) }, Urgency::Progress);
    assert_eq!(queue.next_due(), Some(at(1.5)));
    queue.board(&Channel::default(), (1, 1), at(1.5));
    assert!(queue.start(at(1.5)).unwrap().boards);
    queue.start(at(1.5)).unwrap();
    // Nobody has a seat any more.
    queue.finish(&object(&writers[1]), at(1.6), Ending::Written { wake: Some(at(1.6)) }, Urgency::Progress);
    assert_eq!(queue.next_due(), Some(at(1.6)));
}

#[test]
fn the_same_seed_backs_off_alike() {
    let run = |seed| backoffs(&mut Queue::new(Slots::new(2, 1), seed), "a", Urgency::Routine, &Ending::Failed, 6);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_conflict_is_tried_again_soon() {
    let mut queue = queue();
    queue.wake(&object("a"), at(0.0), Urgency::Routine);
    queue.start(at(0.0)).unwrap();
    queue.finish(&object("a"), at(0.0), Ending::Conflicted, Urgency::Routine);
    assert!(queue.next_due().unwrap() <= at(0.1));
}

#[test]
fn news_of_others_do_not_shorten_a_backoff_but_a_users_change_ends_it() {
    let mut queue = queue();
    let pauses = backoffs(&mut queue, "a", Urgency::Routine, &Ending::Failed, 7);
    let due = queue.next_due().unwrap();
    let failed = due - SignedDuration::from_secs_f64(pauses[6]);
    queue.wake(&object("a"), failed, Urgency::Routine);
    assert_eq!(queue.next_due(), Some(due));
    // Traffic that goes back waits at most five seconds.
    queue.wake(&object("a"), failed, Urgency::Rollback);
    assert_eq!(queue.next_due(), Some(failed + LONGEST_ROLLBACK_BACKOFF));
    queue.change(&object("a"), failed, Urgency::Routine);
    assert_eq!(queue.next_due(), Some(failed));
    // And the next failure counts as the first one.
    queue.start(failed).unwrap();
    queue.finish(&object("a"), failed, Ending::Failed, Urgency::Routine);
    assert!(queue.next_due().unwrap() <= failed + SignedDuration::from_secs(1));
}

#[test]
fn success_ends_a_backoff() {
    let mut queue = queue();
    backoffs(&mut queue, "a", Urgency::Routine, &Ending::Failed, 6);
    let now = queue.next_due().unwrap();
    queue.start(now).unwrap();
    queue.finish(&object("a"), now, rested(None), Urgency::Routine);
    queue.wake(&object("a"), now, Urgency::Routine);
    assert_eq!(queue.next_due(), Some(now));
}

#[test]
fn a_tick_that_did_nothing_and_never_rests_is_slowed() {
    let mut queue = queue();
    queue.wake(&object("a"), at(0.0), Urgency::Routine);
    queue.start(at(0.0)).unwrap();
    queue.finish(&object("a"), at(0.0), Ending::Rested { wake: Some(at(0.0)), idle: true }, Urgency::Routine);
    assert_eq!(queue.next_due(), Some(at(1.0)));
    queue.start(at(1.0)).unwrap();
    queue.finish(&object("a"), at(1.0), rested(Some(at(1.0))), Urgency::Routine);
    assert_eq!(queue.next_due(), Some(at(1.0)));
}

/// Lets the object panic until it is to be stalled; returns that task.
fn panic_away(queue: &mut Queue) -> (Task, Timestamp) {
    queue.wake(&object("a"), at(0.0), Urgency::Routine);
    for _ in 0..PANICS {
        let now = queue.next_due().unwrap();
        assert_eq!(queue.start(now).unwrap().task, Task::Tick);
        queue.finish(&object("a"), now, Ending::Panicked("oh".to_owned()), Urgency::Routine);
    }
    let now = queue.next_due().unwrap();
    (queue.start(now).unwrap().task, now)
}

#[test]
fn an_object_that_panics_three_times_is_stalled_until_a_user_changes_it() {
    let mut queue = queue();
    let (task, now) = panic_away(&mut queue);
    assert_eq!(task, Task::Stall("oh".to_owned()));
    // Writing that failed: it is tried again, and still nothing else is.
    queue.finish(&object("a"), now, Ending::Failed, Urgency::Routine);
    let now = queue.next_due().unwrap();
    assert_eq!(queue.start(now).unwrap().task, Task::Stall("oh".to_owned()));
    queue.wake(&object("a"), now, Urgency::Routine);
    queue.finish(&object("a"), now, rested(None), Urgency::Routine);
    queue.wake(&object("a"), now, Urgency::Rollback);
    assert_eq!((queue.next_due(), queue.depth()), (None, 0));
    queue.change(&object("a"), now, Urgency::Routine);
    assert_eq!(queue.start(now).unwrap().task, Task::Tick);
}

#[test]
fn a_change_while_the_stall_is_written_is_not_lost() {
    let mut queue = queue();
    let (_, now) = panic_away(&mut queue);
    queue.change(&object("a"), now, Urgency::Routine);
    queue.finish(&object("a"), now, rested(None), Urgency::Routine);
    assert_eq!(queue.start(now).unwrap().task, Task::Tick);
}

#[test]
fn a_stall_that_panics_itself_backs_off() {
    let mut queue = queue();
    let (_, now) = panic_away(&mut queue);
    queue.finish(&object("a"), now, Ending::Panicked("oh".to_owned()), Urgency::Routine);
    assert!(queue.next_due().unwrap() > now);
}

#[test]
fn a_success_between_panics_begins_the_count_anew() {
    let mut queue = queue();
    queue.wake(&object("a"), at(0.0), Urgency::Routine);
    for round in 0..5 {
        for _ in 0..PANICS - 1 {
            let now = queue.next_due().unwrap();
            assert_eq!(queue.start(now).unwrap().task, Task::Tick, "round {round}");
            queue.finish(&object("a"), now, Ending::Panicked("oh".to_owned()), Urgency::Routine);
        }
        let now = queue.next_due().unwrap();
        assert_eq!(queue.start(now).unwrap().task, Task::Tick);
        queue.finish(&object("a"), now, rested(Some(now)), Urgency::Routine);
    }
}

#[test]
fn what_is_gone_is_forgotten_and_may_come_back() {
    let mut queue = queue();
    queue.wake(&object("a"), at(5.0), Urgency::Routine);
    queue.forget(&object("a"));
    assert_eq!(queue.next_due(), None);
    queue.wake(&object("b"), at(0.0), Urgency::Routine);
    queue.start(at(0.0)).unwrap();
    queue.forget(&object("b"));
    queue.change(&object("b"), at(1.0), Urgency::Routine);
    assert_eq!(names(&mut queue, at(1.0)), Vec::<String>::new(), "the old task of b still runs");
    queue.finish(&object("b"), at(2.0), Ending::Gone, Urgency::Routine);
    assert_eq!(names(&mut queue, at(2.0)), ["b"]);
}

#[derive(Clone, Debug)]
enum Move {
    Wake(usize, Urgency),
    Change(usize, Urgency),
    Forget(usize),
    Pass(u16),
    Start,
    Finish(usize, Finish),
}

#[derive(Clone, Copy, Debug)]
enum Finish {
    Rest(Option<u8>),
    Fail,
    Conflict,
    Panic,
    Gone,
}

fn urgency() -> impl Strategy<Value = Urgency> {
    prop_oneof![Just(Urgency::Rollback), Just(Urgency::Progress), Just(Urgency::Routine)]
}

fn a_move() -> impl Strategy<Value = Move> {
    let finish = prop_oneof![
        proptest::option::of(0..20_u8).prop_map(Finish::Rest),
        Just(Finish::Fail),
        Just(Finish::Conflict),
        Just(Finish::Panic),
        Just(Finish::Gone)
    ];
    prop_oneof![
        3 => (0..6_usize, urgency()).prop_map(|(who, urgency)| Move::Wake(who, urgency)),
        1 => (0..6_usize, urgency()).prop_map(|(who, urgency)| Move::Change(who, urgency)),
        1 => (0..6_usize).prop_map(Move::Forget),
        2 => (0..5_000_u16).prop_map(Move::Pass),
        4 => Just(Move::Start),
        4 => (0..6_usize, finish).prop_map(|(who, finish)| Move::Finish(who, finish)),
    ]
}

proptest! {
    /// Whatever happens: one task for each object at a time, slots as promised, and no wake lost.
    #[test]
    fn the_promises_hold_under_any_use(moves in proptest::collection::vec(a_move(), 1..120)) {
        let slots = Slots::new(3, 1);
        let mut queue = Queue::new(slots, 7);
        let mut now = at(0.0);
        let mut running: BTreeMap<ObjectRef, Urgency> = BTreeMap::new();
        let mut woken: BTreeSet<ObjectRef> = BTreeSet::new();
        for step in moves {
            match step {
                Move::Wake(who, urgency) => queue.wake(&object(&who.to_string()), now, urgency),
                Move::Change(who, urgency) => {
                    queue.change(&object(&who.to_string()), now, urgency);
                    woken.insert(object(&who.to_string()));
                }
                Move::Forget(who) => {
                    queue.forget(&object(&who.to_string()));
                    woken.remove(&object(&who.to_string()));
                }
                Move::Pass(ms) => now += SignedDuration::from_millis(i64::from(ms)),
                Move::Start => {
                    let others = running.values().filter(|urgency| **urgency != Urgency::Rollback).count();
                    if let Some(start) = queue.start(now) {
                        prop_assert!(start.due <= now);
                        prop_assert!(running.len() < slots.all);
                        prop_assert!(start.urgency == Urgency::Rollback || others < slots.all - slots.rollback);
                        woken.remove(&start.object);
                        prop_assert!(running.insert(start.object, start.urgency).is_none(), "two tasks of one object");
                    }
                }
                Move::Finish(who, finish) => {
                    let who = object(&who.to_string());
                    let Some(urgency) = running.remove(&who) else { continue };
                    let ending = match finish {
                        Finish::Rest(wake) => Ending::Rested {
                            wake: wake.map(|wake| now + SignedDuration::from_secs(i64::from(wake))),
                            idle: true,
                        },
                        Finish::Fail => Ending::Failed,
                        Finish::Conflict => Ending::Conflicted,
                        Finish::Panic => Ending::Panicked("oh".to_owned()),
                        Finish::Gone => Ending::Gone,
                    };
                    queue.finish(&who, now, ending, urgency);
                }
            }
        }
        // Left alone for the longest backoff, everything that a user has changed is looked at.
        now += LONGEST_BACKOFF;
        for who in running.into_keys() {
            queue.finish(&who, now, Ending::Gone, Urgency::Routine);
        }
        now += LONGEST_BACKOFF;
        while let Some(start) = queue.start(now) {
            woken.remove(&start.object);
            queue.finish(&start.object, now, Ending::Gone, start.urgency);
        }
        prop_assert!(woken.is_empty(), "never looked at: {woken:?}");
        prop_assert_eq!(queue.depth(), 0);
    }
}

#[test]
fn a_load_that_never_ends_keeps_nobody_waiting_for_ever() {
    let mut queue = Queue::new(Slots::new(2, 1), 7);
    queue.wake(&object("look"), at(0.0), Urgency::Routine);
    let moving: Vec<ObjectRef> = (0..4).map(|number| object(&format!("run-{number}"))).collect();
    for second in (1..40).map(f64::from) {
        for run in &moving {
            queue.wake(run, at(second), Urgency::Progress);
        }
        let start = queue.start(at(second)).unwrap();
        if start.object == object("look") {
            return;
        }
        queue.finish(&start.object, at(second), Ending::Rested { wake: None, idle: false }, start.urgency);
    }
    panic!("it had no turn among forty");
}

#[test]
fn what_goes_back_is_tried_again_sooner() {
    let mut queue = Queue::new(Slots::new(2, 1), 7);
    queue.wake(&object("back"), at(0.0), Urgency::Rollback);
    let start = queue.start(at(0.0)).unwrap();
    queue.finish(&start.object, at(0.0), Ending::Failed, Urgency::Rollback);
    assert!(queue.next_due().unwrap() <= at(0.0) + SignedDuration::from_millis(200));
}

fn of(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new(KindName::TrafficShift, Key::new(namespace, name))
}

fn far() -> Channel {
    let access = Access { region: Some("us-east-1".to_owned()), ..Access::default() };
    Channel { access, ..Channel::default() }
}

#[test]
fn who_waits_for_one_account_takes_no_slot_of_another() {
    let mut queue = queue();
    let far = |urgency| Rank { urgency, channel: far(), fare: 1 };
    for number in 0..40 {
        queue.wake(&of("shop", &format!("far{number}")), at(0.0), far(Urgency::Progress));
        queue.wake(&of("shop", &format!("back{number}")), at(0.0), far(Urgency::Rollback));
    }
    let running = names(&mut queue, at(1.0));
    assert!(!running.is_empty() && queue.start(at(1.0)).is_none(), "the slots of that account are taken");
    queue.wake(&of("shop", "near"), at(2.0), Urgency::Routine);
    assert_eq!(names(&mut queue, at(2.0)), ["near"]);
    queue.wake(&of("shop", "near-back"), at(2.0), Urgency::Rollback);
    assert_eq!(names(&mut queue, at(2.0)), ["near-back"]);
}

#[test]
fn an_object_that_moves_to_another_account_waits_there() {
    let mut queue = queue();
    let (object, far) = (of("shop", "a"), Rank { urgency: Urgency::Routine, channel: far(), fare: 1 });
    queue.wake(&object, at(0.0), Urgency::Routine);
    queue.start(at(0.0)).unwrap();
    queue.wake(&object, at(1.0), far.clone());
    queue.finish(&object, at(1.0), rested(None), far);
    assert_eq!((names(&mut queue, at(1.0)), queue.depth()), (vec!["a".to_owned()], 0));
    queue.clear();
    queue.finish(&object, at(2.0), rested(None), Urgency::Routine);
    assert_eq!((queue.depth(), queue.start(at(9.0))), (0, None));
}

#[test]
fn namespaces_take_turns_among_those_that_are_as_urgent() {
    let mut queue = queue();
    for number in 0..90 {
        queue.wake(&of("many", &format!("m{number:02}")), at(0.0), Urgency::Progress);
    }
    queue.wake(&of("one", "o1"), at(5.0), Urgency::Progress);
    queue.wake(&of("one", "o2"), at(5.0), Urgency::Progress);
    queue.wake(&of("other", "r"), at(5.0), Urgency::Routine);
    let mut order = Vec::new();
    while order.len() < 6 {
        let start = queue.start(at(6.0)).unwrap();
        queue.finish(&start.object, at(6.0), rested(None), Urgency::Progress);
        order.push(start.object.key.name.to_string());
    }
    assert_eq!(order, ["m00", "o1", "m01", "o2", "m02", "m03"]);
}

#[test]
fn whoever_changes_an_object_again_and_again_ends_no_backoff_each_time() {
    let mut queue = queue();
    backoffs(&mut queue, "a", Urgency::Routine, &Ending::Refused, 6);
    let failed = queue.next_due().unwrap();
    queue.start(failed).unwrap();
    queue.finish(&object("a"), failed, Ending::Refused, Urgency::Routine);
    let began = failed + SignedDuration::from_secs(1);
    let mut tries = Vec::new();
    for second in 0..60 {
        let now = began + SignedDuration::from_secs(second);
        queue.change(&object("a"), now, Urgency::Routine);
        if queue.start(now).is_some() {
            queue.finish(&object("a"), now, Ending::Refused, Urgency::Routine);
            tries.push(second);
        }
    }
    assert_eq!(tries[0], 0, "a mistake that is mended is tried at once");
    assert!(tries[1] <= 2, "and another one soon: {tries:?}");
    assert!(tries.len() < 16, "{tries:?}");
}
