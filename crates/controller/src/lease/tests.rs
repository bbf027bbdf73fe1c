//! What a candidate sees, when, and what it does next; and many of them together, whatever befalls them.

mod crowd;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::time::Instant;

use super::{Elector, LeaseConfig, LeaseRequest, LeaseResponse, Moment};

const LEASE: Duration = Duration::from_secs(15);
/// What a write takes at most.
const WRITE: Duration = Duration::from_secs(5);

fn config(identity: &str) -> LeaseConfig {
    LeaseConfig {
        namespace: "system".to_owned(),
        name: "weir".to_owned(),
        identity: identity.to_owned(),
        duration: LEASE,
    }
}

/// A candidate, and the moments at which a test asks it.
struct Desk {
    elector: Elector,
    began: Instant,
    /// By how much the wall's clock is wrong.
    skew: Duration,
}

impl Desk {
    fn new(identity: &str) -> Self {
        let began = Instant::now();
        Self { elector: Elector::new(config(identity), began), began, skew: Duration::ZERO }
    }

    /// One that has made the Lease at the first moment, as its version 1.
    fn leading() -> Self {
        let mut desk = Self::new("a");
        desk.handle(0, 0, LeaseResponse::Found(None));
        desk.claim(0, 0, "1");
        desk
    }

    fn at(&self, ms: u64) -> Moment {
        let span = Duration::from_millis(ms);
        let start: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        Moment { steady: self.began + span, wall: start + span + self.skew }
    }

    fn next(&self, ms: u64) -> LeaseRequest {
        self.elector.next(self.at(ms))
    }

    /// An answer at an instant to what was sent at another.
    fn handle(&mut self, sent: u64, now: u64, response: LeaseResponse) {
        let (sent, now) = (self.at(sent), self.at(now).steady);
        self.elector.handle(sent, now, response);
    }

    fn due_ms(&self) -> u128 {
        self.elector.due().duration_since(self.began).as_millis()
    }

    fn leads(&self, ms: u64, span: Duration) -> bool {
        self.elector.hold().is_some_and(|hold| hold.lasts(self.at(ms), span))
    }

    /// Sends what is to be sent to a server that grants it as its version.
    fn claim(&mut self, sent: u64, now: u64, version: &str) -> Lease {
        let (LeaseRequest::Create(mut lease) | LeaseRequest::Replace(mut lease)) = self.next(sent) else {
            panic!("{:?} is no claim", self.next(sent))
        };
        lease.metadata.resource_version = Some(version.to_owned());
        self.handle(sent, now, LeaseResponse::Granted(lease.clone()));
        lease
    }
}

fn held(holder: &str, version: &str, seconds: i32) -> Lease {
    let spec = LeaseSpec {
        holder_identity: Some(holder.to_owned()),
        lease_duration_seconds: Some(seconds),
        lease_transitions: Some(3),
        ..LeaseSpec::default()
    };
    let metadata = ObjectMeta { resource_version: Some(version.to_owned()), ..ObjectMeta::default() };
    Lease { metadata, spec: Some(spec) }
}

fn spec(lease: &Lease) -> &LeaseSpec {
    lease.spec.as_ref().unwrap()
}

#[test]
fn who_finds_no_lease_makes_one_and_renews_it() {
    let mut desk = Desk::new("a");
    assert_eq!((desk.next(0), desk.due_ms()), (LeaseRequest::Read, 0), "first of all it looks");
    desk.handle(0, 100, LeaseResponse::Found(None));
    assert_eq!(desk.due_ms(), 100, "and claims at once");
    let made = desk.claim(100, 300, "1");
    assert_eq!(spec(&made).holder_identity.as_deref(), Some("a"));
    assert_eq!((spec(&made).lease_duration_seconds, spec(&made).lease_transitions), (Some(15), Some(0)));
    assert_eq!(desk.due_ms(), 2_100, "it is renewed two seconds after it was asked for");
    let renewed = desk.claim(2_100, 2_200, "2");
    assert_eq!(renewed.metadata.resource_version.as_deref(), Some("2"));
    assert_eq!(spec(&renewed).acquire_time, spec(&made).acquire_time, "it is still the same term");
    assert_ne!(spec(&renewed).renew_time, spec(&made).renew_time);
}

#[test]
fn our_own_lease_counts_from_before_the_request() {
    let mut desk = Desk::new("a");
    desk.handle(0, 0, LeaseResponse::Found(None));
    desk.claim(1_000, 3_500, "1");
    assert!(desk.leads(10_999, WRITE), "a write may be begun ten seconds after the claim was sent, but not later");
    assert!(!desk.leads(11_000, WRITE));
    assert!(desk.leads(15_999, Duration::ZERO));
    assert!(!desk.leads(16_000, Duration::ZERO));
}

#[test]
fn a_wall_clock_that_jumps_ends_the_lease_but_never_lengthens_it() {
    let mut desk = Desk::new("a");
    desk.handle(0, 0, LeaseResponse::Found(None));
    desk.skew = Duration::from_hours(1);
    desk.claim(0, 10, "1");
    assert!(desk.leads(1_000, WRITE));
    desk.skew += Duration::from_secs(11);
    assert!(!desk.leads(1_000, WRITE), "the machine may have slept: the steady clock would not show it");
    desk.skew = Duration::ZERO;
    assert!(desk.leads(9_999, WRITE) && !desk.leads(10_000, WRITE), "set back, it changes nothing");
}

#[test]
fn somebody_elses_lease_counts_from_when_it_was_last_seen_to_change() {
    let mut desk = Desk::new("b");
    desk.handle(0, 400, LeaseResponse::Found(Some(held("a", "1", 15))));
    assert_eq!(desk.elector.leader(desk.at(400).steady), Some("a"));
    assert_eq!(desk.due_ms(), 1_400, "it is looked at every second");
    desk.handle(1_400, 1_500, LeaseResponse::Found(Some(held("a", "1", 15))));
    desk.handle(2_500, 2_600, LeaseResponse::Found(Some(held("a", "2", 15))));
    for second in 4..17 {
        let at = second * 1_000;
        assert_eq!(desk.next(at), LeaseRequest::Read, "{at}");
        desk.handle(at, at, LeaseResponse::Found(Some(held("a", "2", 15))));
    }
    assert_eq!(desk.due_ms(), 17_000);
    desk.handle(17_000, 17_000, LeaseResponse::Found(Some(held("a", "2", 15))));
    assert_eq!((desk.next(17_599), desk.due_ms()), (LeaseRequest::Read, 17_600), "its end is not slept through");
    let LeaseRequest::Replace(claim) = desk.next(17_600) else { panic!("{:?}", desk.next(17_600)) };
    assert_eq!(claim.metadata.resource_version.as_deref(), Some("2"), "whoever renews it meanwhile keeps it");
    assert_eq!((spec(&claim).holder_identity.as_deref(), spec(&claim).lease_transitions), (Some("b"), Some(4)));
}

#[test]
fn how_long_a_lease_lasts_is_for_its_holder_to_say() {
    let mut desk = Desk::new("b");
    desk.handle(0, 0, LeaseResponse::Found(Some(held("a", "1", 60))));
    assert_eq!(desk.next(59_999), LeaseRequest::Read);
    assert!(matches!(desk.next(60_000), LeaseRequest::Replace(_)));
}

#[test]
fn what_was_given_up_is_free_at_once() {
    let mut desk = Desk::new("b");
    desk.handle(0, 0, LeaseResponse::Found(Some(held("a", "1", 15))));
    desk.handle(1_000, 1_100, LeaseResponse::Found(Some(held("", "2", 1))));
    assert_eq!(desk.due_ms(), 1_100);
    let taken = desk.claim(1_100, 1_200, "3");
    assert_eq!(spec(&taken).lease_transitions, Some(4));
    assert!(desk.leads(1_200, WRITE));
}

#[test]
fn what_was_deleted_is_not_free_before_its_end() {
    let mut desk = Desk::new("b");
    desk.handle(0, 0, LeaseResponse::Found(Some(held("a", "1", 15))));
    desk.handle(1_000, 1_000, LeaseResponse::Found(None));
    assert_eq!(
        desk.next(15_999),
        LeaseRequest::Read,
        "whoever had it may have renewed it right before, and may still write"
    );
    assert!(matches!(desk.next(16_000), LeaseRequest::Create(_)));
    let mut desk = Desk::new("b");
    desk.handle(0, 0, LeaseResponse::Found(Some(held("a", "1", 60))));
    desk.handle(1_000, 1_000, LeaseResponse::Found(None));
    assert_eq!(desk.next(60_999), LeaseRequest::Read, "by its own word");
}

#[test]
fn who_was_stopped_while_it_was_deleted_waits_as_well() {
    let mut desk = Desk::new("b");
    desk.handle(0, 0, LeaseResponse::Found(Some(held("a", "1", 15))));
    desk.handle(100_000, 100_000, LeaseResponse::Conflict);
    desk.handle(101_000, 101_000, LeaseResponse::Found(None));
    assert_eq!(desk.next(115_999), LeaseRequest::Read);
    assert!(matches!(desk.next(116_000), LeaseRequest::Create(_)));
}

#[test]
fn who_led_long_ago_and_finds_it_deleted_waits_as_well() {
    let mut desk = Desk::leading();
    desk.handle(60_000, 60_000, LeaseResponse::Found(None));
    assert_eq!(desk.next(74_999), LeaseRequest::Read, "another may have had it meanwhile");
    assert!(matches!(desk.next(75_000), LeaseRequest::Create(_)));
}

#[test]
fn who_leads_and_sees_it_deleted_leads_no_longer() {
    let mut desk = Desk::leading();
    desk.handle(2_000, 2_000, LeaseResponse::Conflict);
    assert!(desk.leads(2_000, WRITE), "that the version is another says nothing about the holder");
    assert_eq!((desk.next(3_000), desk.due_ms()), (LeaseRequest::Read, 3_000));
    desk.handle(3_000, 3_000, LeaseResponse::Found(None));
    assert!(!desk.leads(3_000, Duration::ZERO));
    assert!(matches!(desk.next(3_000), LeaseRequest::Create(_)));
}

#[test]
fn who_is_outrun_leads_no_longer() {
    let mut desk = Desk::leading();
    desk.handle(2_000, 2_100, LeaseResponse::Conflict);
    desk.handle(3_100, 3_200, LeaseResponse::Found(Some(held("b", "9", 15))));
    assert!(!desk.leads(3_200, Duration::ZERO));
    assert_eq!(desk.elector.release(desk.at(3_200)), None, "what is not ours is not given up");
    assert_eq!(desk.next(18_199), LeaseRequest::Read);
}

#[test]
fn what_others_write_into_the_metadata_stays_and_costs_a_second() {
    let mut desk = Desk::new("a");
    desk.handle(0, 0, LeaseResponse::Found(None));
    let mut lease = desk.claim(0, 0, "1");
    desk.handle(2_000, 2_000, LeaseResponse::Conflict);
    lease.metadata.resource_version = Some("2".to_owned());
    lease.metadata.labels = Some([("team".to_owned(), "platform".to_owned())].into());
    desk.handle(3_000, 3_000, LeaseResponse::Found(Some(lease)));
    assert!(desk.leads(3_000, WRITE));
    let renewed = desk.claim(3_000, 3_000, "3");
    assert!(renewed.metadata.labels.is_some() && spec(&renewed).lease_transitions == Some(0));
    assert!(desk.leads(12_999, WRITE));
}

#[test]
fn a_claim_without_an_answer_is_looked_after_and_does_not_count() {
    let mut desk = Desk::new("a");
    desk.handle(0, 0, LeaseResponse::Found(None));
    let lease = desk.claim(0, 0, "1");
    desk.handle(2_000, 5_000, LeaseResponse::Failed);
    assert_eq!((desk.next(5_000), desk.due_ms()), (LeaseRequest::Read, 5_000), "at once: it has taken long enough");
    let mut taken = lease;
    taken.metadata.resource_version = Some("2".to_owned());
    desk.handle(5_000, 5_100, LeaseResponse::Found(Some(taken)));
    assert!(!desk.leads(10_000, WRITE), "seen to be ours, it is not longer ours than what we know was granted");
    desk.claim(5_100, 5_200, "3");
    assert!(desk.leads(15_000, WRITE));
}

#[test]
fn what_is_refused_at_once_is_not_asked_again_at_once() {
    let mut desk = Desk::new("a");
    desk.handle(0, 5, LeaseResponse::Failed);
    assert_eq!(desk.due_ms(), 1_000);
    desk.handle(1_000, 1_005, LeaseResponse::Found(None));
    desk.handle(1_005, 1_010, LeaseResponse::Failed);
    assert_eq!(desk.due_ms(), 2_005);
}

#[test]
fn three_requests_fit_into_the_time_until_writes_must_stop() {
    for seconds in [10, 15, 60] {
        let config = LeaseConfig { duration: Duration::from_secs(seconds), ..config("a") };
        assert!(
            config.renew_period() + config.request_timeout() + WRITE < config.duration,
            "{seconds} s: one may go unanswered"
        );
        let three = config.renew_period() + config.request_timeout() * 2;
        assert!(seconds < 15 || three + WRITE < config.duration, "{seconds} s: two may go unanswered");
    }
}

#[test]
fn a_release_leaves_the_lease_to_anybody() {
    let mut desk = Desk::leading();
    let Some(LeaseRequest::Replace(mut lease)) = desk.elector.release(desk.at(500)) else {
        panic!("nothing is given up")
    };
    let given = spec(&lease).clone();
    assert_eq!((given.holder_identity.as_deref(), given.lease_duration_seconds), (Some(""), Some(1)));
    lease.metadata.resource_version = Some("2".to_owned());
    desk.handle(500, 600, LeaseResponse::Granted(lease));
    assert!(!desk.leads(600, Duration::ZERO));
    assert_eq!(desk.elector.release(desk.at(600)), None);
}
