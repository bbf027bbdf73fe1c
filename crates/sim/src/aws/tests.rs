//! Tests of the wire: what a client sends and reads, on a paused clock.

use http::header;
use jiff::Timestamp;

use super::elbv2::VERSION;
use super::*;

mod accounts;
mod actions;
mod describe;
mod groups;
mod life;
mod tags;
mod turnover;

const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260102/eu-west-1/elasticloadbalancing/aws4_request, \
     SignedHeaders=host;x-amz-date, Signature=0000";

/// An answer: its status and its text.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Reply {
    /// The texts of all elements of this name, in order.
    pub(super) fn all(&self, element: &str) -> Vec<&str> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let parts = self.text.split(open.as_str()).skip(1);
        parts.map(|part| part.split(close.as_str()).next().unwrap()).collect()
    }

    pub(super) fn one(&self, element: &str) -> &str {
        let all = self.all(element);
        assert_eq!(all.len(), 1, "{element} in {}", self.text);
        all[0]
    }

    pub(super) fn code(&self) -> &str {
        if self.status < 300 { "OK" } else { self.one("Code") }
    }
}

/// A world on its own paused clock.
pub(super) fn world(test: impl AsyncFnOnce(Arc<Aws>)) {
    world_with(AwsOptions::default(), test);
}

pub(super) fn world_with(options: AwsOptions, test: impl AsyncFnOnce(Arc<Aws>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        test(Aws::new(Clock::starting_at(start), 7, options)).await;
    });
}

fn request(body: &str) -> Request<Bytes> {
    Request::post("https://elasticloadbalancing.eu-west-1.amazonaws.com/")
        .header(header::AUTHORIZATION, AUTHORIZATION)
        .body(Bytes::from(format!("Version={VERSION}&{body}")))
        .unwrap()
}

pub(super) async fn send(aws: &Arc<Aws>, request: Request<Bytes>) -> Reply {
    let response = aws.handle(request).await;
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    Reply { status: response.status().as_u16(), text }
}

async fn call(aws: &Arc<Aws>, body: &str) -> Reply {
    send(aws, request(body)).await
}

/// One balancer with a listener on port 80 that forwards to `blue`; `green` is not used. Returns the listener.
fn blue_green(aws: &Aws) -> String {
    aws.add_balancer("public").unwrap();
    aws.add_target_group(GroupSettings::named("blue"), &[("i-b1", 8080), ("i-b2", 8080)]).unwrap();
    aws.add_target_group(GroupSettings::named("green"), &[("i-g1", 8080)]).unwrap();
    aws.add_listener("public", "HTTP", 80, &RuleAction::forward(&[("blue", 1)])).unwrap()
}

/// The parameters of a forward to these groups.
fn forward(aws: &Aws, list: &str, groups: &[(&str, i64)]) -> String {
    let mut parameters = vec![format!("{list}.member.1.Type=forward")];
    for (number, (name, weight)) in groups.iter().enumerate() {
        let arn = aws.group_arn(name).unwrap_or_else(|| (*name).to_owned());
        let tuple = format!("{list}.member.1.ForwardConfig.TargetGroups.member.{}", number + 1);
        parameters.push(format!("{tuple}.TargetGroupArn={arn}&{tuple}.Weight={weight}"));
    }
    parameters.join("&")
}

fn weights(pairs: &[(&str, u32)]) -> BTreeMap<String, u32> {
    pairs.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
}

/// Every change of weights: where, and what they are since.
fn splits(aws: &Aws) -> Vec<(String, BTreeMap<String, u32>)> {
    let split = |effect: Effect| match effect.change {
        Change::Weights { place, after, .. } => Some((place, after)),
        Change::Tags { .. } => None,
    };
    aws.effects().into_iter().filter_map(split).collect()
}

#[test]
fn a_request_without_authorization_is_refused() {
    world(async |aws| {
        let mut bare = request("Action=DescribeLoadBalancers");
        bare.headers_mut().remove(header::AUTHORIZATION);
        let answer = send(&aws, bare).await;
        assert_eq!((answer.status, answer.code()), (403, "MissingAuthenticationToken"));
        assert_eq!(answer.one("Type"), "Sender");
    });
}

#[test]
fn the_scope_must_name_service_and_region() {
    world(async |aws| {
        for (wrong, part) in [
            (AUTHORIZATION.replace("elasticloadbalancing", "route53"), "correct service"),
            (AUTHORIZATION.replace("eu-west-1", "us-east-1"), "valid region, not"),
        ] {
            let mut request = request("Action=DescribeLoadBalancers");
            request.headers_mut().insert(header::AUTHORIZATION, wrong.parse().unwrap());
            let answer = send(&aws, request).await;
            assert_eq!((answer.status, answer.code()), (403, "SignatureDoesNotMatch"));
            assert!(answer.one("Message").contains(part), "{}", answer.text);
        }
    });
}

#[test]
fn unknown_operations_and_versions_are_refused() {
    world(async |aws| {
        let answer = call(&aws, "Action=DescribeLlamas").await;
        assert_eq!((answer.status, answer.code()), (400, "InvalidAction"));
        assert_eq!(answer.one("Message"), "Could not find operation DescribeLlamas for version 2015-12-01");
        let mut classic = request("");
        *classic.body_mut() = Bytes::from_static(b"Action=DescribeLoadBalancers&Version=2012-06-01");
        assert_eq!(send(&aws, classic).await.code(), "InvalidAction");
        assert_eq!(call(&aws, "Names.member.1=x").await.code(), "MissingAction");
    });
}

#[test]
fn a_write_takes_effect_half_way_and_although_its_caller_has_gone() {
    let options =
        AwsOptions { latency: Duration::from_millis(40)..=Duration::from_millis(40), ..AwsOptions::default() };
    world_with(options, async |aws| {
        let listener = blue_green(&aws);
        let body = format!(
            "Action=ModifyListener&ListenerArn={listener}&{}",
            forward(&aws, "DefaultActions", &[("green", 1)])
        );
        let mut write = Box::pin(aws.handle(request(&body)));
        assert!(futures::poll!(&mut write).is_pending());
        drop(write);
        tokio::time::sleep(Duration::from_millis(19)).await;
        assert_eq!(aws.weights(&listener), weights(&[("blue", 1)]));
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(aws.weights(&listener), weights(&[("green", 1)]), "the request belongs to the world");
        let start = aws.clock().now();
        call(&aws, "Action=DescribeLoadBalancers").await;
        assert_eq!(aws.clock().now(), start + Duration::from_millis(40));
    });
}

#[test]
fn calls_and_changes_are_written_down() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let body = forward(&aws, "DefaultActions", &[("blue", 95), ("green", 5)]);
        call(&aws, &format!("Action=ModifyListener&ListenerArn={listener}&{body}")).await;
        call(&aws, "Action=DescribeLoadBalancers&Names.member.1=other").await;
        let calls = aws.calls();
        let brief: Vec<_> = calls.iter().map(|call| (call.operation, call.write, call.outcome)).collect();
        assert_eq!(brief, [("ModifyListener", true, "OK"), ("DescribeLoadBalancers", false, "LoadBalancerNotFound")]);
        assert_eq!(*calls[0].resources[0], listener);
        assert_eq!(*calls[1].resources[0], *"other");
        assert_eq!(aws.call_counts()[&("ModifyListener", "OK")], 1);
        let last = aws.effects().pop().unwrap();
        let author = Author::Caller(Arc::from("AKIDTEST"));
        assert_eq!((last.at, &*last.account, last.author), (calls[0].at, "123456789012", author));
        assert!(last.request_id.is_some());
        let (before, after) = (weights(&[("blue", 1)]), weights(&[("blue", 95), ("green", 5)]));
        assert_eq!(last.change, Change::Weights { place: listener.clone(), before, after });
        let effects = aws.effects().len();
        aws.edit_weights(&listener, &[("blue", 95), ("green", 5)]).unwrap();
        assert_eq!(aws.effects().len(), effects, "the same again is no change");
        aws.edit_weights(&listener, &[("blue", 100)]).unwrap();
        let last = aws.effects().pop().unwrap();
        assert_eq!((last.author, last.request_id), (Author::Hand, None));
    });
}

#[test]
fn what_is_tagged_is_an_effect_and_what_is_deleted_loses_its_tags() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let rule = aws.add_rule(&listener, 10, (&["a.test"], &[]), &RuleAction::forward(&[("green", 1)])).unwrap();
        let tags = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let body =
            format!("Action=AddTags&ResourceArns.member.1={rule}&Tags.member.1.Key=team&Tags.member.1.Value=shop");
        call(&aws, &body).await;
        call(&aws, &body).await;
        call(&aws, &format!("Action=DeleteRule&RuleArn={rule}")).await;
        let of_rule = |effect: Effect| match effect.change {
            Change::Tags { resource, before, after } if resource == rule => Some((before, after)),
            _ => None,
        };
        let found: Vec<_> = aws.effects().into_iter().filter_map(of_rule).collect();
        assert_eq!(found, [(tags(&[]), tags(&[("team", "shop")])), (tags(&[("team", "shop")]), tags(&[]))]);
    });
}

#[test]
fn a_request_says_itself_what_it_asks_for() {
    let body = "Action=CreateRule&ListenerArn=l&Actions.member.1.Type=forward\
                &Actions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn=blue\
                &Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=1000\
                &Actions.member.1.ForwardConfig.TargetGroupStickinessConfig.Enabled=true\
                &Actions.member.1.ForwardConfig.TargetGroupStickinessConfig.DurationSeconds=60\
                &Tags.member.1.Key=team&Tags.member.1.Value=shop";
    let Sent { operation, is_write, asks } = Sent::read(&request(body));
    assert_eq!((operation.as_str(), is_write, asks.creates, asks.removes), ("CreateRule", true, true, false));
    let split = Split { weights: weights(&[("blue", 1000)]), sticky_seconds: Some(60) };
    assert_eq!((&*asks.resources[0], asks.split), ("l", Some(split)), "also where AWS will not take it");
    assert_eq!(asks.tags, BTreeMap::from([("team".to_owned(), "shop".to_owned())]));
    let Sent { is_write, asks, .. } = Sent::read(&request("Action=DescribeTags&ResourceArns.member.1=l"));
    assert_eq!((is_write, asks.split), (false, None));
}

#[test]
fn too_many_calls_are_throttled() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let body = format!("Action=AddTags&ResourceArns.member.1={listener}&Tags.member.1.Key=k&Tags.member.1.Value=");
        // All at once: the latency of one call after the other would fill the bucket again.
        let calls = (0..30).map(|number| {
            let (aws, body) = (Arc::clone(&aws), format!("{body}{number}"));
            async move { call(&aws, &body).await }
        });
        let codes: Vec<String> =
            futures::future::join_all(calls).await.iter().map(|answer| answer.code().to_owned()).collect();
        assert_eq!(codes.iter().filter(|code| *code == "OK").count(), 20);
        assert_eq!(codes.iter().filter(|code| *code == "Throttling").count(), 10);
        assert_eq!(aws.call_counts()[&("AddTags", "Throttling")], 10);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(call(&aws, &format!("{body}later")).await.code(), "OK");
    });
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    let run = || {
        let mut texts = Vec::new();
        world(async |aws| {
            let listener = blue_green(&aws);
            for body in
                [format!("Action=DescribeRules&ListenerArn={listener}"), "Action=DescribeTargetGroups".to_owned()]
            {
                texts.push((call(&aws, &body).await.text, aws.clock().elapsed()));
            }
        });
        texts
    };
    assert_eq!(run(), run());
}
