//! Roles and their credentials, and that accounts and regions are kept apart.

use std::time::Duration;

use super::*;

const OTHER: &str = "222222222222";

/// Signs for a service and region with an access key, and with a token where there is one.
fn signed(key: &str, token: Option<&str>, (service, region): (&str, &str), body: &str) -> Request<Bytes> {
    let credential = format!("{key}/20260102/{region}/{service}/aws4_request");
    let header = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00");
    let request = Request::post("https://aws.example/").header(header::AUTHORIZATION, header);
    let request = token.into_iter().fold(request, |request, token| request.header("x-amz-security-token", token));
    request.body(Bytes::from(body.to_owned())).unwrap()
}

async fn sts(aws: &Arc<Aws>, body: &str) -> Reply {
    let body = format!("Version=2011-06-15&{body}");
    send(aws, signed("AKIDTEST", None, ("sts", "eu-west-1"), &body)).await
}

async fn assume(aws: &Arc<Aws>, role: &str, extra: &str) -> Reply {
    sts(aws, &format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=weir-test{extra}")).await
}

/// The access key and the token of an answer of STS.
fn credentials(answer: &Reply) -> (String, String) {
    (answer.one("AccessKeyId").to_owned(), answer.one("SessionToken").to_owned())
}

async fn balancers(aws: &Arc<Aws>, (key, token): &(String, String), region: &str) -> Reply {
    let body = format!("Version={VERSION}&Action=DescribeLoadBalancers");
    send(aws, signed(key, Some(token), ("elasticloadbalancing", region), &body)).await
}

#[test]
fn a_role_leads_to_its_account_and_a_signature_to_its_region() {
    world(async |aws| {
        let (there, further) = (aws.elsewhere(OTHER, "eu-west-1"), aws.elsewhere(OTHER, "us-east-1"));
        aws.add_balancer("own").unwrap();
        there.add_balancer("theirs").unwrap();
        further.add_balancer("far").unwrap();
        let role = there.add_role("weir", Some("acme"));
        assert_eq!(role, "arn:aws:iam::222222222222:role/weir");
        let answer = assume(&aws, &role, "&ExternalId=acme").await;
        assert_eq!(answer.one("Arn"), "arn:aws:sts::222222222222:assumed-role/weir/weir-test");
        assert_eq!(answer.one("Expiration"), "2026-01-02T04:04:05Z");
        let session = credentials(&answer);
        assert_eq!(balancers(&aws, &session, "eu-west-1").await.one("LoadBalancerName"), "theirs");
        assert_eq!(balancers(&aws, &session, "us-east-1").await.one("LoadBalancerName"), "far");
        assert_eq!(call(&aws, "Action=DescribeLoadBalancers").await.one("LoadBalancerName"), "own");
        assert!(balancers(&aws, &session, "eu-west-1").await.one("LoadBalancerArn").contains(":222222222222:"));
        assert_eq!(balancers(&aws, &session, "eu-nowhere-1").await.code(), "SignatureDoesNotMatch");
    });
}

#[test]
fn sts_refuses_whom_a_role_does_not_trust() {
    world(async |aws| {
        let role = aws.elsewhere(OTHER, "eu-west-1").add_role("weir", Some("acme"));
        for (role, extra) in
            [(role.as_str(), ""), (&role, "&ExternalId=other"), ("arn:aws:iam::222222222222:role/no", "")]
        {
            let answer = assume(&aws, role, extra).await;
            assert_eq!((answer.status, answer.code()), (403, "AccessDenied"));
            let said = format!(
                "User: arn:aws:iam::123456789012:user/AKIDTEST is not authorized to perform: sts:AssumeRole on resource: {role}"
            );
            assert_eq!(answer.one("Message"), said);
        }
        let invalid = [
            ("Action=AssumeRole&RoleSessionName=weir".to_owned(), "roleArn"),
            (format!("Action=AssumeRole&RoleArn={role}"), "roleSessionName"),
            (format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=w"), "roleSessionName"),
            (format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=a/b"), "roleSessionName"),
            (format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=weir&ExternalId=x"), "externalId"),
            (format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=weir&DurationSeconds=60"), "durationSeconds"),
        ];
        for (body, field) in invalid {
            let answer = sts(&aws, &body).await;
            assert_eq!(answer.code(), "ValidationError", "{body}");
            assert!(answer.one("Message").contains(field), "{}", answer.text);
        }
        let longer = assume(&aws, &role, "&ExternalId=acme&DurationSeconds=7200").await;
        assert!(longer.one("Message").contains("MaxSessionDuration"), "{}", longer.text);
        assert_eq!(sts(&aws, "Action=GetFederationToken").await.code(), "InvalidAction");
    });
}

#[test]
fn credentials_end_on_the_worlds_clock() {
    world(async |aws| {
        let role = aws.elsewhere(OTHER, "eu-west-1").add_role("weir", None);
        let session = credentials(&assume(&aws, &role, "&DurationSeconds=900").await);
        assert_eq!(balancers(&aws, &session, "eu-west-1").await.code(), "OK");
        tokio::time::sleep(Duration::from_mins(15)).await;
        let answer = balancers(&aws, &session, "eu-west-1").await;
        assert_eq!((answer.status, answer.code()), (403, "ExpiredToken"));
        let wrong = (session.0.clone(), "another".to_owned());
        assert_eq!(balancers(&aws, &wrong, "eu-west-1").await.code(), "InvalidClientTokenId");
        let unknown = ("ASIA0000".to_owned(), session.1);
        assert_eq!(balancers(&aws, &unknown, "eu-west-1").await.code(), "InvalidClientTokenId");
    });
}

#[test]
fn a_revoked_role_is_worth_nothing_and_a_restored_one_must_be_assumed_again() {
    world(async |aws| {
        let role = aws.elsewhere(OTHER, "eu-west-1").add_role("weir", None);
        let before = credentials(&assume(&aws, &role, "").await);
        aws.revoke_role(&role);
        assert_eq!(balancers(&aws, &before, "eu-west-1").await.code(), "AccessDenied");
        assert_eq!(assume(&aws, &role, "").await.code(), "AccessDenied");
        aws.restore_role(&role);
        assert_eq!(balancers(&aws, &before, "eu-west-1").await.code(), "AccessDenied");
        let after = credentials(&assume(&aws, &role, "").await);
        assert_eq!(balancers(&aws, &after, "eu-west-1").await.code(), "OK");
    });
}

#[test]
fn a_session_may_do_what_its_own_policy_says_too_and_no_more() {
    world(async |aws| {
        let there = aws.elsewhere(OTHER, "eu-west-1");
        let role = there.add_role("weir", None);
        let extra = |policy: &str| {
            let policy: String = form_urlencoded::byte_serialize(policy.as_bytes()).collect();
            format!("&Policy={policy}")
        };
        let allowing = |action: &str| {
            let statement = format!(r#"{{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}"#);
            extra(&format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#))
        };
        let reading = credentials(&assume(&aws, &role, &allowing("elasticloadbalancing:Describe*")).await);
        assert_eq!(balancers(&aws, &reading, "eu-west-1").await.code(), "OK");
        let other = credentials(&assume(&aws, &role, &allowing("cloudwatch:GetMetricData")).await);
        assert_eq!(balancers(&aws, &other, "eu-west-1").await.code(), "AccessDenied");
        assert_eq!(assume(&aws, &role, &extra("{}")).await.code(), "MalformedPolicyDocument");
        assert_eq!(assume(&aws, &role, &extra(&" ".repeat(2_049))).await.code(), "ValidationError");
    });
}

#[test]
fn a_caller_can_ask_who_it_is() {
    world(async |aws| {
        assert_eq!(sts(&aws, "Action=GetCallerIdentity").await.one("Account"), "123456789012");
        let role = aws.elsewhere(OTHER, "eu-west-1").add_role("weir", None);
        let (key, token) = credentials(&assume(&aws, &role, "").await);
        let body = "Version=2011-06-15&Action=GetCallerIdentity";
        let answer = send(&aws, signed(&key, Some(&token), ("sts", "eu-west-1"), body)).await;
        assert_eq!(answer.one("Account"), OTHER);
        assert_eq!(answer.one("Arn"), "arn:aws:sts::222222222222:assumed-role/weir/weir-test");
    });
}

#[test]
fn calls_are_written_down_where_they_take_effect() {
    world(async |aws| {
        let there = aws.elsewhere(OTHER, "eu-west-1");
        let role = there.add_role("weir", None);
        let session = credentials(&assume(&aws, &role, "").await);
        balancers(&aws, &session, "eu-west-1").await;
        let operations = |aws: &Aws| aws.calls().into_iter().map(|call| call.operation).collect::<Vec<_>>();
        assert_eq!(operations(&aws), ["AssumeRole"]);
        assert_eq!(operations(&there), ["DescribeLoadBalancers"]);
        assert_eq!(operations(&aws.beside("arn:aws:elasticloadbalancing:eu-west-1:222222222222:x")).len(), 1);
    });
}
