//! Counting requests: the simulated CloudWatch judged by the AWS CLI, which nobody here wrote, and Weir's own client
//! before an AWS that does not speak CloudWatch's protocol.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use weir_aws::{Accounts, CallPriority};
use weir_engine::fact::{Query, RequestCount};
use weir_engine::reader::{ANY_AGE, Ask};
use weir_engine::tick::Urgency;
use weir_engine::{Access, Arn};
use weir_sim::aws::{Arrival, Aws, AwsOptions, GroupSettings, RuleAction};
use weir_sim::clock::Clock;
use weir_sim::traffic::{Traffic, TrafficSettings};

use crate::bed::moto::REGION;
use crate::bed::{aws_cli, own_moto, places};

const START: &str = "2026-11-21T10:00:00Z";

/// A balancer in front of `blue` and `green`, four to one, and three minutes of ten requests a second.
async fn world() -> (Arc<Aws>, Traffic) {
    let start: Timestamp = START.parse().unwrap();
    let options = AwsOptions { region: REGION.to_owned(), arrival: Arrival::prompt(), ..AwsOptions::default() };
    let aws = Aws::new(Clock::starting_at(start), 7, options);
    aws.add_balancer("public").unwrap();
    for group in ["blue", "green"] {
        aws.add_target_group(GroupSettings::named(group), &[("i-1", 80)]).unwrap();
    }
    aws.add_listener("public", "HTTP", 80, &RuleAction::forward(&[("blue", 4), ("green", 1)])).unwrap();
    let settings = TrafficSettings { requests_per_second: 10, ..TrafficSettings::to("public", 80, "shop.test") };
    let traffic = Traffic::new(Arc::clone(&aws), 3, settings);
    tokio::time::sleep(Duration::from_mins(3)).await;
    (aws, traffic)
}

/// The end of an ARN that stands for a balancer or group in a metric.
fn dimension(arn: &str) -> String {
    let resource = arn.rsplit(':').next().unwrap();
    resource.strip_prefix("loadbalancer/").unwrap_or(resource).to_owned()
}

fn query(aws: &Aws, id: &str, group: Option<&str>) -> Value {
    let mut dimensions =
        vec![json!({"Name": "LoadBalancer", "Value": dimension(&aws.balancer_arn("public").unwrap())})];
    if let Some(group) = group {
        dimensions.push(json!({"Name": "TargetGroup", "Value": dimension(&aws.group_arn(group).unwrap())}));
    }
    let metric = json!({"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": dimensions});
    json!({"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}})
}

async fn answer(aws: Arc<Aws>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    aws.handle(axum::http::Request::from_parts(head, body)).await.map(Body::from)
}

/// The CLI prefers JSON where a service speaks several protocols. This puts its own description of CloudWatch into a home
/// folder, with CBOR as the only one, which is what the SDK for Rust speaks.
const SPEAK_CBOR: &str = "
import gzip, json, os, botocore
name = 'cloudwatch/2010-08-01/service-2.json'
with gzip.open(os.path.join(os.path.dirname(botocore.__file__), 'data', name + '.gz')) as described:
    service = json.load(described)
service['metadata']['protocols'] = ['smithy-rpc-v2-cbor']
kept = os.path.join(os.environ['HOME'], '.aws/models', name)
os.makedirs(os.path.dirname(kept), exist_ok=True)
with open(kept, 'w') as model:
    json.dump(service, model)
";

/// A home folder in which the CLI speaks CBOR to CloudWatch.
fn home(program: &Path) -> PathBuf {
    let home = places::scratch("counts").unwrap();
    let python = program.with_file_name("python");
    let status = Command::new(python).args(["-c", SPEAK_CBOR]).env("HOME", &home).status().unwrap();
    assert!(status.success(), "{status}");
    home
}

/// What the CLI says of the requests from the beginning to an instant.
fn ask(program: &Path, home: &Path, port: u16, queries: &[Value], end: &str) -> Result<Value, String> {
    let endpoint = format!("http://127.0.0.1:{port}");
    let output = Command::new(program)
        .args(["cloudwatch", "get-metric-data", "--output", "json", "--endpoint-url", &endpoint])
        .args(["--start-time", START, "--end-time", end, "--scan-by", "TimestampAscending"])
        .args(["--metric-data-queries", &Value::from(queries.to_vec()).to_string()])
        .env_clear()
        .env("HOME", home)
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs([("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing"), ("AWS_DEFAULT_REGION", REGION)])
        .envs([("AWS_PAGER", ""), ("AWS_EC2_METADATA_DISABLED", "true"), ("LC_ALL", "C.UTF-8")])
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_aws_cli_understands_the_simulated_cloudwatch() {
    let Some(program) = aws_cli() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (told, refused) = runtime.block_on(async {
        let (aws, _traffic) = world().await;
        // The client is a process, and does not wait by virtual time.
        tokio::time::resume();
        let queries =
            [query(&aws, "all", None), query(&aws, "blue", Some("blue")), query(&aws, "green", Some("green"))];
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = Router::new().fallback(move |request| answer(Arc::clone(&aws), request));
        let client = tokio::task::spawn_blocking(move || {
            let home = home(&program);
            let refused = ask(&program, &home, port, &queries, START);
            (ask(&program, &home, port, &queries, "2026-11-21T10:03:00Z").unwrap(), refused.unwrap_err())
        });
        tokio::select! {
            served = axum::serve(listener, routes).into_future() => panic!("the server has ended: {served:?}"),
            answers = client => answers.unwrap(),
        }
    });
    let values = |id: &str| -> Vec<f64> {
        let results = told["MetricDataResults"].as_array().unwrap();
        let found = results.iter().find(|result| result["Id"] == id).unwrap();
        assert_eq!(found["StatusCode"], "Complete");
        assert_eq!(found["Timestamps"].as_array().unwrap().len(), 3, "{told}");
        found["Values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    assert_eq!(values("all"), [600.0; 3]);
    let sums: Vec<f64> = values("blue").iter().zip(values("green")).map(|(blue, green)| blue + green).collect();
    assert_eq!(sums, [600.0; 3]);
    assert!(refused.contains("(ValidationError)") && refused.contains("must not equal parameter EndTime"), "{refused}");
}

#[test]
fn an_aws_that_does_not_speak_the_protocol_leaves_the_requests_unknown() {
    let Some(moto) = own_moto() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fact = runtime.block_on(async {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(moto.endpoint())
            .credentials_provider(Credentials::new("testing", "testing", None, None, "the bed"))
            .load()
            .await;
        let accounts = Accounts::new(&config, "bed", || START.parse().unwrap(), |_| ()).unwrap();
        let arn = |resource: &str| Arn::new(format!("arn:aws:elasticloadbalancing:{REGION}:123456789012:{resource}"));
        let group = Some(arn("targetgroup/blue/0123456789abcdef"));
        let balancer = arn("loadbalancer/app/public/0123456789abcdef");
        let query = Query::Requests(RequestCount { balancer, group });
        accounts.measure(&Access::default(), &BTreeSet::from([query.clone()])).await;
        accounts.answer_all(&[Ask::new(query, ANY_AGE)], &CallPriority::new(Urgency::Routine)).await.remove(0).1
    });
    let error = fact.found.unwrap_err();
    assert_eq!(error.operation, "GetMetricData", "{error}");
}
