//! Who leads, who stands by, and what is written when that changes.

use std::pin::pin;

use super::*;

const LEASE: &str = "leases";

/// A process of a name.
fn process(fake: &Fake, name: &str) -> Controller<Scripted> {
    controller_of(fake, Settings { identity: name.to_owned(), instance: name.to_owned(), ..Settings::new("test") })
}

fn holder(fake: &Fake) -> Value {
    fake.object(LEASE, "weir").map(|lease| lease["spec"]["holderIdentity"].clone()).unwrap_or_default()
}

/// Somebody else has the Lease, and renews it now.
fn take(fake: &Fake, holder: &str) {
    let renewed = fake.count("PUT leases/weir");
    fake.edit(LEASE, "weir", |lease| {
        lease["spec"]["holderIdentity"] = json!(holder);
        lease["spec"]["renewTime"] = json!(format!("2026-11-21T10:00:00.{renewed:06}Z"));
    });
}

/// How a metric stands.
fn metric(metrics: &Metrics, name: &str) -> String {
    let text = metrics.render();
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_renewed_every_two_seconds_and_nothing_else_is_asked() {
    let fake = Fake::default();
    let (controller, metrics, _) = watched(&fake);
    during(controller, seconds(61)).await;
    let election = fake.election();
    assert_eq!(election[..2], ["GET leases/weir", "POST leases"]);
    assert_eq!(election[2..], ["PUT leases/weir"; 30]);
    assert_eq!(metric(&metrics, "weir_leader"), "weir_leader 1");
    assert_eq!(metric(&metrics, "weir_lease_failures_total"), "weir_lease_failures_total 0");
}

#[tokio::test(start_paused = true)]
async fn of_two_one_leads_and_the_other_writes_nothing_and_is_ready() {
    let fake = Fake::default();
    let (first, second) = (process(&fake, "a"), process(&fake, "b"));
    let (metrics, health) = (second.metrics(), second.health());
    let later = Box::pin(during(second, async {
        seconds(400).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
        assert_eq!((fake.count(STATUS), fake.events().len()), (2, 2));
        assert!(fake.events().iter().all(|event| event["reportingInstance"] == "a"));
        assert_eq!(health.ready(), Ok(()));
        assert_eq!(metric(&metrics, "weir_leader"), "weir_leader 0");
        assert_eq!(metric(&metrics, "weir_queue_depth"), "weir_queue_depth 0");
    }));
    during(first, async {
        seconds(1).await;
        fake.apply(SHIFTS, "checkout", spec("later"));
        later.await;
    })
    .await;
}

/// How long it takes until something is decided about a new shift.
async fn time_until_decided(fake: &Fake) -> Duration {
    fake.apply(SHIFTS, "checkout", spec("green"));
    let began = Instant::now();
    while phase(fake, "checkout") == Value::Null {
        sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn when_the_leader_dies_the_other_leads_after_the_lease() {
    let fake = Fake::default();
    let (first, mut second) = (process(&fake, "a"), pin!(process(&fake, "b").run(std::future::pending())));
    let script = async {
        during(first, seconds(100)).await;
        time_until_decided(&fake).await
    };
    tokio::select! {
        biased;
        took = script => {
            assert!(took >= Duration::from_secs(13) && took <= Duration::from_secs(16), "{took:?}");
        }
        ended = &mut second => panic!("{ended:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_the_other_lead_within_two_seconds() {
    let fake = Fake::default();
    let mut second = pin!(process(&fake, "b").run(std::future::pending()));
    let script = async {
        process(&fake, "a").run(seconds(100)).await.unwrap();
        assert_eq!(holder(&fake), "", "it was given up");
        time_until_decided(&fake).await
    };
    tokio::select! {
        biased;
        took = script => assert!(took <= Duration::from_secs(2), "{took:?}"),
        ended = &mut second => panic!("{ended:?}"),
    }
    assert_eq!(fake.object(LEASE, "weir").unwrap()["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_release_waits_for_the_write_in_flight_and_does_not_come_where_it_is_given_up() {
    for (delay_s, holder_after) in [(3, ""), (60, "weir")] {
        let fake = Fake::default();
        fake.apply(SHIFTS, "checkout", spec("green"));
        fake.fault(STATUS, Fault::Delay(Duration::from_secs(delay_s)));
        let mut controller = controller(&fake);
        controller.settings.grace = Duration::from_secs(3);
        controller.run(seconds(1)).await.unwrap();
        assert_eq!(holder(&fake), holder_after, "a write of {delay_s} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_outrun_by_our_own_renewal_is_tried_again() {
    let fake = Fake::default();
    let controller = controller(&fake);
    fake.fault("PUT leases/weir", Fault::Delay(Duration::from_secs(1)));
    controller.run(sleep(Duration::from_millis(2_500))).await.unwrap();
    assert_eq!(holder(&fake), "");
    let fake = Fake::default();
    let controller = self::controller(&fake);
    let edited = async {
        sleep(Duration::from_millis(2_500)).await;
        fake.edit(LEASE, "weir", |lease| lease["metadata"]["labels"] = json!({"team": "platform"}));
    };
    controller.run(edited).await.unwrap();
    assert_eq!(holder(&fake), "");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_once_the_lease_cannot_be_renewed() {
    let fake = Fake::default();
    let (controller, metrics, _) = watched(&fake);
    during(controller, async {
        sleep(Duration::from_millis(100)).await;
        // The claim was sent within the first tenth of a second: until ten seconds later writes may be begun.
        for _ in 0..80 {
            fake.fault("PUT leases/weir", Fault::Refuse(503));
            fake.fault("GET leases/weir", Fault::Refuse(503));
        }
        sleep(Duration::from_millis(9_800)).await;
        fake.apply(SHIFTS, "checkout", spec("green"));
        sleep(Duration::from_millis(50)).await;
        assert_eq!((phase(&fake, "checkout"), fake.count(STATUS)), (json!("Succeeded"), 1), "there was time for it");
        sleep(Duration::from_millis(150)).await;
        fake.apply(SHIFTS, "another", spec("green"));
        assert_eq!(metric(&metrics, "weir_leader"), "weir_leader 0");
        seconds(60).await;
        assert_eq!(phase(&fake, "another"), Value::Null, "nothing more was written");
        assert_ne!(metric(&metrics, "weir_lease_failures_total"), "weir_lease_failures_total 0");
        seconds(120).await;
        assert_eq!(phase(&fake, "another"), "Succeeded", "with the lease, work is taken up again");
        assert_eq!(metric(&metrics, "weir_leader_transitions_total"), "weir_leader_transitions_total 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_another_in_its_place_stands_by_at_once() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("later"));
    let (controller, metrics, _) = watched(&fake);
    during(controller, async {
        seconds(10).await;
        assert_eq!(phase(&fake, "checkout"), "Shifting");
        for _ in 0..300 {
            take(&fake, "another");
            seconds(2).await;
        }
        assert_eq!(metric(&metrics, "weir_leader"), "weir_leader 0");
        assert_eq!(phase(&fake, "checkout"), "Shifting", "what was due is for the other to do");
        seconds(20).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_stopped_begins_no_write_afterwards() {
    let fake = Fake::default();
    fake.apply(SHIFTS, "checkout", spec("later"));
    let mut stopped = Box::pin(process(&fake, "a").run(std::future::pending()));
    tokio::select! {
        biased;
        ended = &mut stopped => panic!("{ended:?}"),
        () = seconds(290) => {}
    }
    // Not polled, it is stopped; its timer is due meanwhile.
    let second = process(&fake, "b");
    during(second, seconds(400)).await;
    assert_eq!((phase(&fake, "checkout"), holder(&fake)), (json!("Succeeded"), json!("b")));
    fake.apply(SHIFTS, "another", spec("green"));
    let before = (fake.count(STATUS), fake.events().len());
    tokio::select! {
        biased;
        ended = &mut stopped => panic!("{ended:?}"),
        () = seconds(5) => {}
    }
    assert_eq!((fake.count(STATUS), fake.events().len()), before);
    assert_eq!(phase(&fake, "another"), Value::Null, "b died a moment ago, and its lease has not ended");
}

#[tokio::test(start_paused = true)]
async fn what_the_role_does_not_allow_is_said_and_waited_for() {
    for (request, code, expected) in [
        ("GET leases/weir", 403, "get, create and update on leases of coordination.k8s.io in the namespace default"),
        ("POST leases", 403, "get, create and update on leases of coordination.k8s.io in the namespace default"),
        ("POST leases", 404, "found no namespace default for the Lease weir"),
        ("POST leases", 422, "--lease-name and --lease-namespace"),
    ] {
        let fake = Fake::default();
        for _ in 0..30 {
            fake.fault(request, Fault::Refuse(code));
        }
        fake.apply(SHIFTS, "checkout", spec("green"));
        let (controller, _, health) = watched(&fake);
        during(controller, async {
            seconds(10).await;
            let why = health.ready().unwrap_err();
            assert!(why.contains(expected) && why.contains("as told"), "{request} {code}: {why}");
            assert!(health.live(), "it is no reason to start anew");
            let tries = fake.count(request);
            assert!((8..=12).contains(&tries), "{tries} times {request} in ten seconds");
            assert_eq!(phase(&fake, "checkout"), Value::Null);
            seconds(30).await;
            assert_eq!((phase(&fake, "checkout"), health.ready()), (json!("Succeeded"), Ok(())));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_does_not_hide_what_lasts() {
    let fake = Fake::default();
    for code in [403, 503, 403, 503] {
        fake.fault("POST leases", Fault::Refuse(code));
    }
    let (controller, _, health) = watched(&fake);
    during(controller, async {
        for tries in 1..=4 {
            while fake.count("POST leases") < tries {
                sleep(Duration::from_millis(10)).await;
            }
            sleep(Duration::from_millis(10)).await;
            let why = health.ready().expect_err(&format!("after {tries} tries"));
            assert!(why.contains("get, create and update on leases"), "{why}");
        }
        seconds(10).await;
        assert_eq!(health.ready(), Ok(()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_is_no_reason_not_to_be_ready() {
    let fake = Fake::default();
    for _ in 0..5 {
        fake.fault("PUT leases/weir", Fault::Refuse(503));
    }
    let (controller, metrics, health) = watched(&fake);
    during(controller, async {
        seconds(5).await;
        assert_eq!(health.ready(), Ok(()));
        assert_ne!(metric(&metrics, "weir_lease_failures_total"), "weir_lease_failures_total 0");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_deletes_is_made_again() {
    let fake = Fake::default();
    let (controller, metrics, _) = watched(&fake);
    during(controller, async {
        seconds(10).await;
        fake.remove(LEASE, "weir");
        seconds(5).await;
        fake.apply(SHIFTS, "checkout", spec("green"));
        seconds(1).await;
        assert_eq!(phase(&fake, "checkout"), "Succeeded");
        assert_eq!(metric(&metrics, "weir_leader_transitions_total"), "weir_leader_transitions_total 2");
    })
    .await;
}
