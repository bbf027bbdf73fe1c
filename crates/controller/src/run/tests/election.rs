//! Who leads, who stands by, and what is written when that changes.

use super::*;

/// A process of a name.
fn process(bed: &Bed, name: &str) -> Controller<Scripted> {
    controller_of(bed, Settings { identity: name.to_owned(), instance: name.to_owned(), ..Settings::new("test") })
}

fn holder(bed: &Bed) -> Value {
    bed.kube.get("leases", "default", "weir").map(|lease| lease["spec"]["holderIdentity"].clone()).unwrap_or_default()
}

/// Somebody changes the Lease.
fn edit(bed: &Bed, patch: &Value) {
    bed.kube.merge("leases", "default", "weir", patch).unwrap();
}

/// Somebody else has the Lease, and renews it now.
fn take(bed: &Bed, holder: &str) {
    edit(bed, &json!({"spec": {"holderIdentity": holder, "renewTime": format!("{:.6}", bed.clock.now())}}));
}

/// How a metric stands.
fn metric(metrics: &Metrics, name: &str) -> String {
    let text = metrics.render();
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_renewed_every_two_seconds_and_nothing_else_is_asked() {
    let bed = Bed::new();
    let (controller, metrics, _) = watched(&bed);
    during(controller, seconds(61)).await;
    let election = bed.election();
    assert_eq!(election[..2], ["GET leases/weir", "POST leases"]);
    assert_eq!(election[2..], ["PUT leases/weir"; 30]);
    assert_eq!(metric(&metrics, "weir_leader"), "weir_leader 1");
    assert_eq!(metric(&metrics, "weir_lease_failures_total"), "weir_lease_failures_total 0");
}

#[tokio::test(start_paused = true)]
async fn of_two_one_leads_and_the_other_writes_nothing_and_is_ready() {
    let bed = Bed::new();
    let (first, second) = (process(&bed, "a"), process(&bed, "b"));
    let (metrics, health) = (second.metrics(), second.health());
    let later = Box::pin(during(second, async {
        seconds(400).await;
        assert_eq!(bed.phase("checkout"), "Succeeded");
        assert_eq!((bed.count(STATUS), bed.events().len()), (2, 2));
        assert!(bed.events().iter().all(|event| event["reportingInstance"] == "a"));
        assert_eq!(health.ready(), Ok(()));
        assert_eq!(metric(&metrics, "weir_leader"), "weir_leader 0");
        assert_eq!(metric(&metrics, "weir_queue_depth"), "weir_queue_depth 0");
    }));
    during(first, async {
        seconds(1).await;
        bed.apply("checkout", "later");
        later.await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_release_waits_for_the_write_in_flight_and_does_not_come_where_it_is_given_up() {
    for (delay_s, holder_after) in [(3, ""), (60, "weir")] {
        let bed = Bed::with("green");
        bed.faults(STATUS, [Fault::Delay(Duration::from_secs(delay_s))]);
        let mut controller = controller(&bed);
        controller.settings.grace = Duration::from_secs(3);
        controller.run(seconds(1)).await.unwrap();
        assert_eq!(holder(&bed), holder_after, "a write of {delay_s} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_outrun_by_our_own_renewal_is_tried_again() {
    let bed = Bed::new();
    let controller = controller(&bed);
    bed.faults("PUT leases/weir", [Fault::Delay(Duration::from_secs(1))]);
    controller.run(sleep(Duration::from_millis(2_500))).await.unwrap();
    assert_eq!(holder(&bed), "");
    let bed = Bed::new();
    let controller = self::controller(&bed);
    let edited = async {
        sleep(Duration::from_millis(2_500)).await;
        edit(&bed, &json!({"metadata": {"labels": {"team": "platform"}}}));
    };
    controller.run(edited).await.unwrap();
    assert_eq!(holder(&bed), "");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_once_the_lease_cannot_be_renewed() {
    let bed = Bed::new();
    let (controller, metrics, _) = watched(&bed);
    during(controller, async {
        sleep(Duration::from_millis(100)).await;
        // The claim was sent within the first tenth of a second: until ten seconds later writes may be begun.
        for request in ["PUT leases/weir", "GET leases/weir"] {
            bed.faults(request, [Fault::Refuse(503); 80]);
        }
        sleep(Duration::from_millis(9_800)).await;
        bed.apply("checkout", "green");
        sleep(Duration::from_millis(50)).await;
        assert_eq!((bed.phase("checkout"), bed.count(STATUS)), (json!("Succeeded"), 1), "there was time for it");
        sleep(Duration::from_millis(150)).await;
        bed.apply("another", "green");
        assert_eq!(metric(&metrics, "weir_leader"), "weir_leader 0");
        seconds(60).await;
        assert_eq!(bed.phase("another"), Value::Null, "nothing more was written");
        assert_ne!(metric(&metrics, "weir_lease_failures_total"), "weir_lease_failures_total 0");
        seconds(120).await;
        assert_eq!(bed.phase("another"), "Succeeded", "with the lease, work is taken up again");
        assert_eq!(metric(&metrics, "weir_leader_transitions_total"), "weir_leader_transitions_total 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_another_in_its_place_stands_by_at_once() {
    let bed = Bed::with("later");
    let (controller, metrics, _) = watched(&bed);
    during(controller, async {
        seconds(10).await;
        assert_eq!(bed.phase("checkout"), "Shifting");
        for _ in 0..300 {
            take(&bed, "another");
            seconds(2).await;
        }
        assert_eq!(metric(&metrics, "weir_leader"), "weir_leader 0");
        assert_eq!(bed.phase("checkout"), "Shifting", "what was due is for the other to do");
        seconds(20).await;
        assert_eq!(bed.phase("checkout"), "Succeeded");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_stopped_begins_no_write_afterwards() {
    let bed = Bed::with("later");
    let mut stopped = Box::pin(process(&bed, "a").run(std::future::pending()));
    tokio::select! {
        biased;
        ended = &mut stopped => panic!("{ended:?}"),
        () = seconds(290) => {}
    }
    // Not polled, it is stopped; its timer is due meanwhile.
    let second = process(&bed, "b");
    during(second, seconds(400)).await;
    assert_eq!((bed.phase("checkout"), holder(&bed)), (json!("Succeeded"), json!("b")));
    bed.apply("another", "green");
    let before = (bed.count(STATUS), bed.events().len());
    tokio::select! {
        biased;
        ended = &mut stopped => panic!("{ended:?}"),
        () = seconds(5) => {}
    }
    assert_eq!((bed.count(STATUS), bed.events().len()), before);
    assert_eq!(bed.phase("another"), Value::Null, "b died a moment ago, and its lease has not ended");
}

#[tokio::test(start_paused = true)]
async fn what_the_role_does_not_allow_is_said_and_waited_for() {
    for (request, code, expected) in [
        ("GET leases/weir", 403, "get, create and update on leases of coordination.k8s.io in the namespace default"),
        ("POST leases", 403, "get, create and update on leases of coordination.k8s.io in the namespace default"),
        ("POST leases", 404, "found no namespace default for the Lease weir"),
        ("POST leases", 422, "--lease-name and --lease-namespace"),
    ] {
        let bed = Bed::new();
        bed.faults(request, [Fault::Refuse(code); 30]);
        bed.apply("checkout", "green");
        let (controller, _, health) = watched(&bed);
        during(controller, async {
            seconds(10).await;
            let why = health.ready().unwrap_err();
            assert!(why.contains(expected) && why.contains("as told"), "{request} {code}: {why}");
            assert!(health.live(), "it is no reason to start anew");
            let tries = bed.count(request);
            assert!((8..=12).contains(&tries), "{tries} times {request} in ten seconds");
            assert_eq!(bed.phase("checkout"), Value::Null);
            seconds(30).await;
            assert_eq!((bed.phase("checkout"), health.ready()), (json!("Succeeded"), Ok(())));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_does_not_hide_what_lasts() {
    let bed = Bed::new();
    bed.faults("POST leases", [403, 503, 403, 503].map(Fault::Refuse));
    let (controller, _, health) = watched(&bed);
    during(controller, async {
        for tries in 1..=4 {
            while bed.count("POST leases") < tries {
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
    let bed = Bed::new();
    bed.faults("PUT leases/weir", [Fault::Refuse(503); 5]);
    let (controller, metrics, health) = watched(&bed);
    during(controller, async {
        seconds(5).await;
        assert_eq!(health.ready(), Ok(()));
        assert_ne!(metric(&metrics, "weir_lease_failures_total"), "weir_lease_failures_total 0");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_deletes_is_made_again() {
    let bed = Bed::new();
    let (controller, metrics, _) = watched(&bed);
    during(controller, async {
        seconds(10).await;
        bed.kube.delete("leases", "default", "weir").unwrap();
        seconds(5).await;
        bed.apply("checkout", "green");
        seconds(1).await;
        assert_eq!(bed.phase("checkout"), "Succeeded");
        assert_eq!(metric(&metrics, "weir_leader_transitions_total"), "weir_leader_transitions_total 2");
    })
    .await;
}
