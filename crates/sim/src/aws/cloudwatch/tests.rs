//! `GetMetricData` on the wire: what it refuses, what it tells, and how late.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, header};

use super::super::{Aws, AwsOptions, GroupSettings, RecordEdit, RecordSays, RecordType, RuleAction};
use super::*;
use crate::clock::Clock;
use crate::traffic::{Traffic, TrafficSettings};

const PREFIX: &str = "/service/GraniteServiceVersion20100801/operation/";
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260102/eu-west-1/monitoring/aws4_request, \
     SignedHeaders=host;x-amz-date, Signature=0000";

/// A world with `public` in front of `blue` and `green`, three to one, at a whole minute; and its clients.
fn world(options: AwsOptions, test: impl AsyncFnOnce(Arc<Aws>, Traffic)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let aws = Aws::new(Clock::starting_at("2026-01-02T03:00:00Z".parse().unwrap()), 7, options);
        aws.add_balancer("public").unwrap();
        for group in ["blue", "green"] {
            aws.add_target_group(GroupSettings::named(group), &[("i-1", 80)]).unwrap();
        }
        aws.add_listener("public", "HTTP", 80, &RuleAction::forward(&[("blue", 3), ("green", 1)])).unwrap();
        let settings = TrafficSettings { requests_per_second: 10, ..TrafficSettings::to("public", 80, "shop.test") };
        let traffic = Traffic::new(Arc::clone(&aws), 3, settings);
        test(aws, traffic).await;
    });
}

fn prompt() -> AwsOptions {
    AwsOptions { arrival: Arrival::prompt(), ..AwsOptions::default() }
}

async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A call in the making.
#[derive(Clone)]
struct Ask {
    queries: Vec<(String, String, String)>,
    period: i32,
    start: i64,
    end: i64,
    most: Option<i32>,
    token: Option<String>,
}

impl Ask {
    /// The requests of all groups and of each one, over so many minutes from the beginning on.
    fn of(aws: &Aws, minutes: i64) -> Self {
        let start = "2026-01-02T03:00:00Z".parse::<Timestamp>().unwrap().as_second();
        let group = |name: &str| aws.group_arn(name).unwrap().rsplit(':').next().unwrap().to_owned();
        let queries = [("all", String::new()), ("blue", group("blue")), ("green", group("green"))];
        let balancer = aws.balancer_arn("public").unwrap().split("loadbalancer/").last().unwrap().to_owned();
        let queries = queries.map(|(id, group)| (id.to_owned(), balancer.clone(), group)).to_vec();
        Self { queries, period: 60, start, end: start + minutes * 60, most: None, token: None }
    }

    fn body(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        encoder.begin_map();
        encoder.str("MetricDataQueries").array(self.queries.len());
        for (id, balancer, group) in &self.queries {
            let dimensions = [("LoadBalancer", balancer), ("TargetGroup", group)];
            let dimensions: Vec<_> = dimensions.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            encoder.begin_map().str("Id").str(id).str("MetricStat").begin_map().str("Metric").begin_map();
            encoder.str("Namespace").str("AWS/ApplicationELB").str("MetricName").str("RequestCount");
            encoder.str("Dimensions").array(dimensions.len());
            for (name, value) in dimensions {
                encoder.begin_map().str("Name").str(name).str("Value").str(value).end();
            }
            encoder.end().str("Period").integer(self.period).str("Stat").str("Sum").end().end();
        }
        encoder.str("StartTime").timestamp(&DateTime::from_secs(self.start));
        encoder.str("EndTime").timestamp(&DateTime::from_secs(self.end));
        encoder.str("ScanBy").str("TimestampAscending");
        if let Some(most) = self.most {
            encoder.str("MaxDatapoints").integer(most);
        }
        if let Some(token) = &self.token {
            encoder.str("NextToken").str(token);
        }
        encoder.end();
        encoder.into_writer()
    }
}

fn request(body: Vec<u8>) -> Request<Bytes> {
    Request::post(format!("https://monitoring.eu-west-1.amazonaws.com{PREFIX}{GET_METRIC_DATA}"))
        .header(header::AUTHORIZATION, AUTHORIZATION)
        .header("smithy-protocol", "rpc-v2-cbor")
        .header(header::CONTENT_TYPE, "application/cbor")
        .body(Bytes::from(body))
        .unwrap()
}

async fn send(aws: &Arc<Aws>, request: Request<Bytes>) -> (u16, BTreeMap<String, Cbor>) {
    let response = aws.handle(request).await;
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    match Cbor::parse(response.body()).unwrap() {
        Cbor::Map(members) => (response.status().as_u16(), members),
        other => panic!("{other:?}"),
    }
}

/// The values of each series and the token of the next page.
async fn ask(aws: &Arc<Aws>, ask: &Ask) -> (BTreeMap<String, Vec<f64>>, Option<String>) {
    let (status, mut answer) = send(aws, request(ask.body())).await;
    assert_eq!(status, 200, "{answer:?}");
    let Some(Cbor::List(results)) = answer.remove("MetricDataResults") else { panic!("{answer:?}") };
    let series = results.into_iter().map(|result| {
        let Cbor::Map(result) = result else { panic!("{result:?}") };
        let (Some(Cbor::Text(id)), Some(Cbor::List(values))) = (result.get("Id"), result.get("Values")) else {
            panic!("{result:?}")
        };
        let values = values.iter().map(|value| if let Cbor::Float(value) = value { *value } else { f64::NAN });
        (id.clone(), values.collect())
    });
    let token = answer.remove("NextToken").map(|token| if let Cbor::Text(token) = token { token } else { panic!() });
    (series.collect(), token)
}

async fn refused(aws: &Arc<Aws>, body: Vec<u8>) -> String {
    let (status, answer) = send(aws, request(body)).await;
    assert_eq!(status, 400);
    let Some(Cbor::Text(code)) = answer.get("__type") else { panic!("{answer:?}") };
    code.rsplit('#').next().unwrap().to_owned()
}

#[test]
fn requests_are_counted_by_minute_and_group() {
    world(prompt(), async |aws, mut traffic| {
        wait(180).await;
        let (series, token) = ask(&aws, &Ask::of(&aws, 3)).await;
        assert_eq!((&series["all"], token), (&vec![600.0; 3], None));
        let sums: Vec<f64> = series["blue"].iter().zip(&series["green"]).map(|(blue, green)| blue + green).collect();
        assert_eq!(sums, [600.0; 3]);
        assert!(series["green"].iter().all(|count| (100.0..=200.0).contains(count)), "{series:?}");
        // It is what the clients themselves have counted, though nobody had asked them to go on.
        traffic.advance_to(Timestamp::MAX);
        let green: f64 = series["green"].iter().sum();
        assert!((float(traffic.by_group()["green"].sent) - green).abs() < 5.0);
        let (halves, _) = ask(&aws, &Ask { period: 120, ..Ask::of(&aws, 2) }).await;
        assert_eq!(halves["all"], [1_200.0]);
    });
}

#[test]
fn requests_by_a_name_are_counted_where_the_balancer_is() {
    world(prompt(), async |aws, _traffic| {
        let away = aws.elsewhere("210987654321", "us-east-1");
        let zone = away.add_zone("shop.test").unwrap();
        let says = RecordSays::Balancer { name: aws.balancer_dns("public").unwrap().0, evaluates: false };
        away.add_records(&zone, &[RecordEdit::simple("a.shop.test", RecordType::A, says)]).unwrap();
        let settings = TrafficSettings { requests_per_second: 5, ..TrafficSettings::to_name(zone, "a.shop.test", 80) };
        let _by_name = Traffic::new(away, 3, settings);
        wait(120).await;
        let (series, _) = ask(&aws, &Ask::of(&aws, 2)).await;
        assert_eq!(series["all"], [900.0; 2]);
    });
}

/// The same question in JSON, whose answer is told as it stands.
async fn in_json(aws: &Arc<Aws>, target: &str, asked: &serde_json::Value) -> (u16, serde_json::Value) {
    let request = Request::post("https://monitoring.eu-west-1.amazonaws.com/")
        .header(header::AUTHORIZATION, AUTHORIZATION)
        .header("x-amz-target", target)
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
        .body(Bytes::from(asked.to_string()))
        .unwrap();
    let response = aws.handle(request).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/x-amz-json-1.0");
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

#[test]
fn json_tells_what_cbor_tells() {
    const TARGET: &str = "GraniteServiceVersion20100801.GetMetricData";
    world(prompt(), async |aws, _traffic| {
        wait(180).await;
        let in_cbor = Ask::of(&aws, 3);
        let (series, _) = ask(&aws, &in_cbor).await;
        let dimension = serde_json::json!({"Name": "LoadBalancer", "Value": in_cbor.queries[0].1});
        let metric = serde_json::json!({
            "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": [dimension],
        });
        let query = serde_json::json!({"Id": "all", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}});
        let mut asked = serde_json::json!({
            "MetricDataQueries": [query], "StartTime": in_cbor.start, "EndTime": float(in_cbor.end.unsigned_abs()) + 0.5,
            "ScanBy": "TimestampAscending", "MaxDatapoints": 2,
        });
        let (status, told) = in_json(&aws, TARGET, &asked).await;
        assert_eq!((status, &told["NextToken"]), (200, &"after-2".into()), "{told}");
        let result = &told["MetricDataResults"][0];
        assert_eq!(result["Values"], serde_json::json!(series["all"][..2]));
        assert_eq!(result["Timestamps"], serde_json::json!([in_cbor.start, in_cbor.start + 60]));
        asked["StartTime"] = "yesterday".into();
        for (target, code) in
            [(TARGET, "SerializationException"), ("GraniteServiceVersion20100801.Get", "UnknownOperationException")]
        {
            let (status, told) = in_json(&aws, target, &asked).await;
            assert!(status >= 400 && told["__type"] == format!("com.amazonaws.cloudwatch#{code}"), "{told}");
        }
    });
}

#[test]
fn a_minute_without_requests_has_no_data_point() {
    world(prompt(), async |aws, traffic| {
        wait(50).await;
        let _ = ask(&aws, &Ask::of(&aws, 1)).await;
        drop(traffic);
        wait(120).await;
        let (series, _) = ask(&aws, &Ask::of(&aws, 3)).await;
        assert_eq!(series["all"].len(), 1, "{series:?}");
        let mut stranger = Ask::of(&aws, 3);
        stranger.queries = vec![("none".to_owned(), "app/other/0123456789abcdef".to_owned(), String::new())];
        assert_eq!(ask(&aws, &stranger).await.0["none"], [] as [f64; 0]);
    });
}

#[test]
fn minutes_come_late_and_may_be_corrected_or_missing_but_alike_for_everyone_who_asks() {
    let arrival = Arrival { incomplete_permille: 300, missing_permille: 100, ..Arrival::default() };
    world(AwsOptions { arrival, ..AwsOptions::default() }, async |aws, _traffic| {
        wait(60).await;
        assert!(ask(&aws, &Ask::of(&aws, 1)).await.0["all"].is_empty(), "nothing arrives at once");
        let (mut incomplete, mut known) = (0, BTreeMap::new());
        for _ in 0..120 {
            wait(30).await;
            let (series, _) = ask(&aws, &Ask::of(&aws, 60)).await;
            assert_eq!(ask(&aws, &Ask::of(&aws, 60)).await.0.keys().count(), 3);
            let sum: f64 = series["green"].iter().sum();
            assert!(known.insert("green", sum).is_none_or(|before| before <= sum), "what was told is not taken back");
            incomplete += u32::from(series["all"].iter().any(|count| *count < 600.0));
        }
        wait(600).await;
        let (series, _) = ask(&aws, &Ask::of(&aws, 60)).await;
        assert!((45..60).contains(&series["all"].len()), "{} minutes arrived", series["all"].len());
        assert!(series["all"].iter().all(|count| (count - 600.0).abs() < 0.5), "{series:?}");
        assert_eq!(series["all"].len(), series["green"].len(), "a missing minute is missing for all groups");
        assert!(incomplete > 5, "{incomplete}");
    });
}

#[test]
fn pages_follow_each_other_to_the_last_data_point() {
    world(AwsOptions { datapoints_per_page: 4, ..prompt() }, async |aws, _traffic| {
        wait(300).await;
        let mut question = Ask::of(&aws, 5);
        let (mut all, mut pages) = (BTreeMap::<String, Vec<f64>>::new(), 0);
        loop {
            let (series, token) = ask(&aws, &question).await;
            pages += 1;
            for (id, values) in series {
                all.entry(id).or_default().extend(values);
            }
            if token.is_none() {
                break;
            }
            question.token = token;
        }
        assert_eq!(pages, 4);
        assert_eq!(all, ask_whole(&aws).await);
        question.token = Some("stolen".to_owned());
        assert_eq!(refused(&aws, question.body()).await, "InvalidNextToken");
    });
}

/// All data points of the first five minutes, asked for one at a time.
async fn ask_whole(aws: &Arc<Aws>) -> BTreeMap<String, Vec<f64>> {
    let mut all = BTreeMap::<String, Vec<f64>>::new();
    for minute in 0..5 {
        let base = Ask::of(aws, 1);
        let (start, end) = (base.start + minute * 60, base.end + minute * 60);
        for (id, values) in ask(aws, &Ask { start, end, ..base }).await.0 {
            all.entry(id).or_default().extend(values);
        }
    }
    all
}

#[test]
fn what_the_service_does_not_take_is_refused() {
    world(AwsOptions { rates: None, ..prompt() }, async |aws, _traffic| {
        wait(60).await;
        let good = Ask::of(&aws, 1);
        let many = good.queries[0].clone();
        let bad = [
            Ask { queries: Vec::new(), ..good.clone() },
            Ask {
                queries: (0..501).map(|id| (format!("q{id}"), many.1.clone(), String::new())).collect(),
                ..good.clone()
            },
            Ask { queries: vec![many.clone(), many.clone()], ..good.clone() },
            Ask { queries: vec![("Upper".to_owned(), many.1.clone(), String::new())], ..good.clone() },
            Ask { period: 30, ..good.clone() },
            Ask { end: good.start, ..good.clone() },
            Ask { end: good.start - 60, ..good.clone() },
            Ask { most: Some(0), ..good.clone() },
        ];
        for ask in bad {
            assert_eq!(refused(&aws, ask.body()).await, "ValidationError");
        }
        assert_eq!(refused(&aws, vec![0xbf]).await, "SerializationException");
        let whole =
            Ask { queries: (0..500).map(|id| (format!("q{id}"), many.1.clone(), String::new())).collect(), ..good };
        assert_eq!(ask(&aws, &whole).await.0.len(), 500);
    });
}

#[test]
fn callers_and_operations_that_are_not_known_are_refused() {
    world(prompt(), async |aws, _traffic| {
        let body = Ask::of(&aws, 1).body();
        let mut foreign = request(body.clone());
        let elb = AUTHORIZATION.replace("monitoring", "elasticloadbalancing");
        foreign.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_str(&elb).unwrap());
        assert_eq!(send(&aws, foreign).await.0, 403);
        let mut unknown = request(body.clone());
        *unknown.uri_mut() = format!("https://monitoring.eu-west-1.amazonaws.com{PREFIX}PutDashboard").parse().unwrap();
        assert_eq!(send(&aws, unknown).await.0, 404);
        let mut query = request(body);
        query.headers_mut().remove("smithy-protocol");
        assert_eq!(send(&aws, query).await.0, 404);
    });
}

#[test]
fn more_than_fifty_calls_a_second_are_throttled() {
    world(prompt(), async |aws, _traffic| {
        let body = Ask::of(&aws, 1).body();
        let calls = (0..80).map(|_| {
            let (aws, body) = (Arc::clone(&aws), body.clone());
            tokio::spawn(async move { aws.handle(request(body)).await.status().as_u16() })
        });
        let mut statuses = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            statuses.push(call.await.unwrap());
        }
        let throttled = statuses.iter().filter(|status| **status == 400).count();
        assert!((25..=30).contains(&throttled), "{throttled}");
        assert_eq!(aws.call_counts()[&(GET_METRIC_DATA, "Throttling")], u64::try_from(throttled).unwrap());
    });
}
