//! Tokens that come and go, and rates that follow.

use super::*;

const LIMIT: Limit = Limit { per_second: 10, ceiling: 10, burst: 40, reserve: 8, rise: Duration::from_mins(5) };
/// What writes of ELBv2 have.
const MODIFY: Limit = Limit { per_second: 3, ceiling: 10, burst: 15, reserve: 5, rise: Duration::from_mins(1) };

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// How many calls of an urgency go at one instant.
fn at_once(bucket: &mut Bucket, now: Instant, urgency: Urgency) -> u32 {
    (0..1000).take_while(|_| bucket.take(now, 1, urgency).is_ok()).count().try_into().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_last_tokens_are_for_rollbacks() {
    let now = Instant::now();
    for urgency in [Urgency::Progress, Urgency::Repair, Urgency::Routine] {
        let mut bucket = Bucket::new(LIMIT, now);
        assert_eq!(at_once(&mut bucket, now, urgency), 32);
        assert_eq!(bucket.take(now, 1, urgency), Err(seconds(0.1)));
        assert_eq!(at_once(&mut bucket, now, Urgency::Rollback), 8);
        assert_eq!(bucket.take(now, 1, Urgency::Rollback), Err(seconds(0.1)));
        assert_eq!(bucket.take(now, 1, urgency), Err(seconds(0.9)), "the reserve is filled first");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_that_is_told_is_the_time_it_takes() {
    let start = Instant::now();
    let mut bucket = Bucket::new(LIMIT, start);
    at_once(&mut bucket, start, Urgency::Routine);
    let wait = bucket.take(start, 1, Urgency::Routine).unwrap_err();
    assert!(bucket.take(start + wait - Duration::from_millis(1), 1, Urgency::Routine).is_err());
    assert_eq!(bucket.take(start + wait, 1, Urgency::Routine), Ok(()));
    assert_eq!(at_once(&mut bucket, start + seconds(3600.0), Urgency::Routine), 32, "no more than the burst");
}

#[tokio::test(start_paused = true)]
async fn what_is_put_back_is_there() {
    let now = Instant::now();
    let mut bucket = Bucket::new(LIMIT, now);
    bucket.put_back(now, 1);
    assert_eq!(bucket.tokens(now), 40);
    bucket.take(now, 1, Urgency::Routine).unwrap();
    bucket.put_back(now, 1);
    assert_eq!(bucket.tokens(now), 40);
}

#[tokio::test(start_paused = true)]
async fn what_is_worth_many_tokens_waits_for_all_of_them() {
    let start = Instant::now();
    let mut bucket = Bucket::new(LIMIT, start);
    assert_eq!(bucket.take(start, 30, Urgency::Progress), Ok(()));
    assert_eq!(bucket.available(start), 2);
    assert_eq!(bucket.take(start, 12, Urgency::Progress), Err(seconds(1.0)));
    assert_eq!(bucket.time_until(start, 12), seconds(1.0));
    assert_eq!(bucket.take(start + seconds(1.0), 12, Urgency::Progress), Ok(()));
    // What turns out to be more is taken as far as it is there, and what is worth more than all of them goes with all of them.
    bucket.take_more(start + seconds(1.0), 100);
    assert_eq!(bucket.tokens(start + seconds(1.0)), 0);
    assert_eq!(bucket.time_until(start + seconds(1.0), 1_000), seconds(4.0));
    assert_eq!(bucket.take(start + seconds(5.0), 1_000, Urgency::Progress), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn throttling_halves_the_rate_once_for_what_was_sent_before() {
    let start = Instant::now();
    let mut bucket = Bucket::new(LIMIT, start);
    for _ in 0..5 {
        bucket.throttled(start, start + seconds(0.1));
    }
    let now = start + seconds(0.1);
    assert_eq!(bucket.rate_at(now), 5_000_000);
    assert_eq!(bucket.tokens(now), 4, "the reserve shrinks with the rate");
    assert_eq!(bucket.take(now, 1, Urgency::Progress), Err(seconds(0.5)), "all others keep still");
    assert_eq!(bucket.take(now, 1, Urgency::Rollback), Ok(()));
    // A rollback that is throttled meanwhile says nothing new about the rate, but the others go on waiting.
    bucket.throttled(now, now + seconds(0.2));
    assert_eq!(bucket.rate_at(now), 5_000_000);
    assert_eq!(bucket.take(now + seconds(0.2), 1, Urgency::Progress), Err(seconds(0.5)));
    // What is sent later says that the rate is still too high.
    bucket.throttled(now + seconds(0.7), now + seconds(0.8));
    assert!((2_500_000..2_550_000).contains(&bucket.rate_at(now + seconds(0.8))), "it had risen a little");
}

#[tokio::test(start_paused = true)]
async fn rollbacks_that_are_throttled_one_after_the_other_do_not_slow_themselves_down() {
    let start = Instant::now();
    let mut bucket = Bucket::new(LIMIT, start);
    // Each is sent more than the pause after the first one, and while the others keep still for the one before.
    for tenths in [0, 3, 6, 9, 12] {
        let now = start + Duration::from_millis(100 * tenths);
        bucket.throttled(now, now);
        assert_eq!(bucket.take(now, 1, Urgency::Progress), Err(seconds(0.5)));
    }
    let now = start + seconds(1.2);
    assert!((5_000_000..5_050_000).contains(&bucket.rate_at(now)), "{}", bucket.rate_at(now));
}

#[tokio::test(start_paused = true)]
async fn the_rate_has_a_floor_and_rises_again() {
    let start = Instant::now();
    let mut bucket = Bucket::new(LIMIT, start);
    let mut now = start;
    for _ in 0..20 {
        now += seconds(0.6);
        bucket.throttled(now, now);
    }
    let lowest = bucket.rate_at(now);
    assert!((500_000..=540_000).contains(&lowest), "{lowest}");
    assert_eq!(bucket.rate_at(now + seconds(150.0)), lowest + 5_000_000);
    assert_eq!(bucket.rate_at(now + seconds(600.0)), 10_000_000);
    assert_eq!(bucket.tokens(now + seconds(600.0)), 40);
}

#[tokio::test(start_paused = true)]
async fn even_at_the_floor_something_is_kept_and_something_is_left() {
    let start = Instant::now();
    let mut bucket = Bucket::new(MODIFY, start);
    let mut now = start;
    for _ in 0..20 {
        now += seconds(0.6);
        bucket.throttled(now, now);
    }
    assert_eq!(at_once(&mut bucket, now, Urgency::Rollback), 2);
    let later = now + seconds(9.0);
    assert_eq!(at_once(&mut bucket, later, Urgency::Routine), 1);
    assert_eq!(at_once(&mut bucket, later, Urgency::Rollback), 2);
}

/// Sends a call whenever one may go, for so many seconds; tells how many went. `takes` says whether AWS takes the call.
fn drain(bucket: &mut Bucket, now: &mut Instant, span: f64, mut takes: impl FnMut(Instant) -> bool) -> (u32, u32) {
    let (end, mut sent, mut throttled) = (*now + seconds(span), 0, 0);
    while *now < end {
        match bucket.take(*now, 1, Urgency::Progress) {
            Ok(()) => {
                sent += 1;
                if !takes(*now) {
                    throttled += 1;
                    bucket.throttled(*now, *now);
                }
            }
            Err(wait) => *now += wait.max(Duration::from_millis(1)),
        }
    }
    (sent, throttled)
}

#[tokio::test(start_paused = true)]
async fn where_aws_takes_more_more_is_sent_up_to_the_ceiling() {
    let (start, mut now) = (Instant::now(), Instant::now());
    let mut bucket = Bucket::new(MODIFY, start);
    let (sent, _) = drain(&mut bucket, &mut now, 6.0, |_| true);
    assert!((50..=60).contains(&sent), "{sent} calls in the first six seconds");
    drain(&mut bucket, &mut now, 8.0, |_| true);
    assert_eq!(bucket.rate_at(now), 10_000_000);
    // It is remembered, and the burst stays what it was.
    let rested = now + seconds(600.0);
    assert_eq!((bucket.rate_at(rested), at_once(&mut bucket, rested, Urgency::Progress)), (10_000_000, 10));
}

#[tokio::test(start_paused = true)]
async fn who_seldom_sends_learns_nothing() {
    let start = Instant::now();
    let mut bucket = Bucket::new(MODIFY, start);
    for second in 0..100 {
        bucket.take(start + seconds(f64::from(second)), 1, Urgency::Progress).unwrap();
    }
    assert_eq!(bucket.rate_at(start + seconds(100.0)), 3_000_000);
}

#[tokio::test(start_paused = true)]
async fn where_aws_takes_no_more_that_is_learned_once() {
    let (start, mut now) = (Instant::now(), Instant::now());
    let mut bucket = Bucket::new(MODIFY, start);
    // What AWS has: twenty at once, three a second.
    let (mut level, mut at) = (20.0_f64, start);
    let mut aws = move |now: Instant| {
        level = (level + (now - at).as_secs_f64() * 3.0).min(20.0);
        at = now;
        let takes = level >= 1.0;
        level -= f64::from(u8::from(takes));
        takes
    };
    let (sent, throttled) = drain(&mut bucket, &mut now, 343.0, &mut aws);
    assert!(
        sent - throttled >= 1000,
        "{sent} calls, {throttled} throttled: a thousand take a twentieth longer at most"
    );
    let (sent, throttled) = drain(&mut bucket, &mut now, 600.0, &mut aws);
    assert!(throttled * 100 <= sent, "{throttled} of {sent} are throttled once the rate has settled");
    assert!(bucket.rate_at(now) <= 4_000_000, "{}", bucket.rate_at(now));
}
