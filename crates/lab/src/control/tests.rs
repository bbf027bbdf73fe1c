//! What may befall a world that anybody asks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use weir_sim::aws::{AppBehaviour, Aws, AwsOptions, RuleAction, TargetStickiness};
use weir_sim::clock::Clock;
use weir_sim::kube::{Kube, KubeOptions};
use weir_sim::traffic::TrafficSettings;

use super::Control;
use crate::account::{make_group, make_listener};
use crate::fault::{Absence, Fault, Illness, ManualChange};
use crate::stage::on_virtual_time;

fn control() -> (Control, Arc<Aws>) {
    let clock = Clock::starting_at(jiff::Timestamp::UNIX_EPOCH).that_can_be_set();
    let aws = Aws::new(clock, 1, AwsOptions::default());
    let kube = Kube::new(clock, 1, KubeOptions::default());
    make_group(&aws, "blue", 2, TargetStickiness::Off).unwrap();
    aws.add_balancer("shop").unwrap();
    make_listener(&aws, "shop", 80, &RuleAction::forward(&[("blue", 1)])).unwrap();
    (Control::new(&aws, &kube), aws)
}

async fn describe(control: &Control) -> Option<(StatusCode, String)> {
    let body = Bytes::from_static(b"Action=DescribeTargetGroups&Version=2015-12-01");
    let signed = "AWS4-HMAC-SHA256 Credential=sim/20260101/eu-west-1/elasticloadbalancing/aws4_request, SignedHeaders=host, Signature=0";
    let request = Request::post("/").header("authorization", signed).body(body).unwrap();
    let answer = control.ask_aws(request).await?;
    Some((answer.status(), String::from_utf8_lossy(answer.body()).into_owned()))
}

#[test]
fn faults_befall_whoever_asks_and_end() {
    on_virtual_time(async {
        let (control, _) = control();
        assert_eq!(describe(&control).await.unwrap().0, StatusCode::OK);
        control.befall(&Fault::Throttled(1)).unwrap();
        let (status, said) = describe(&control).await.unwrap();
        assert!(status == StatusCode::BAD_REQUEST && said.contains("Throttling"), "{status} {said}");
        assert_eq!(describe(&control).await.unwrap().0, StatusCode::OK);
        control.befall(&Fault::AwsAway(Absence::Refused, 60)).unwrap();
        assert_eq!(describe(&control).await, None, "the connection breaks");
        control.heal();
        assert_eq!(describe(&control).await.unwrap().0, StatusCode::OK);
        control.befall(&Fault::KubeAway(Absence::Failing, 10)).unwrap();
        let ask = || Request::get("/api/v1/namespaces").body(Bytes::new()).unwrap();
        assert_eq!(control.ask_kube(ask()).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert_eq!(control.ask_kube(ask()).await.unwrap().status(), StatusCode::OK);
    });
}

#[test]
fn what_cannot_befall_a_world_is_refused_with_a_way_out() {
    on_virtual_time(async {
        let (control, _) = control();
        assert!(control.befall(&Fault::Crash(5)).unwrap_err().contains("signals"));
        assert!(control.befall(&Fault::Manual(ManualChange::Remove)).unwrap_err().contains("kubectl"));
        let ill = |group: &str| control.befall(&Fault::Ill(group.to_owned(), Illness::All, 5));
        assert!(ill("nobody").unwrap_err().contains("nobody"));
        ill("blue").unwrap();
        // What ends later ends also where its group is gone by then.
        control.befall(&Fault::Ill("blue".to_owned(), Illness::Empty, 2)).unwrap();
        control.befall(&Fault::Conflict(u32::MAX)).unwrap();
        for fault in control.faults() {
            control.befall(&fault).unwrap_or_else(|said| panic!("{fault}: {said}"));
        }
    });
}

#[test]
fn clients_meet_what_targets_do_and_the_clock_can_be_set_forward() {
    on_virtual_time(async {
        let (control, aws) = control();
        assert_eq!(control.met(), None);
        assert!(control.set_forward(Duration::from_mins(2)));
        assert_eq!(aws.clock().now().as_second(), 120);
        let to = |balancer: &str| TrafficSettings {
            requests_per_second: 10,
            ..TrafficSettings::to(balancer, 80, "shop.test")
        };
        assert!(control.send(1, to("nobody")).unwrap_err().contains("nobody"));
        control.send(1, to("shop")).unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
        let met = control.met().unwrap();
        assert_eq!((met.sent, met.failed, met.by_group["blue"]), (600, 0, 10), "{met:?}");
        assert_eq!(control.set_app("blue", 1, AppBehaviour::failing_requests(1_000)), Ok(1));
        tokio::time::sleep(Duration::from_mins(1)).await;
        let met = control.met().unwrap();
        assert!((250..=350).contains(&met.failed), "{met:?}");
        assert!(control.set_app("nobody", 1, AppBehaviour::well()).is_err());
        control.send_nothing();
        assert_eq!(control.met(), None);
    });
}
