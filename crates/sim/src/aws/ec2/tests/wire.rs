//! Tests of the protocol, and of what any operation may refuse.

use serde_json::json;

use super::*;

#[test]
fn answers_have_no_result_and_errors_their_own_form() {
    world(async |aws| {
        let answer = call(&aws, "DescribeVpcs").await;
        let start = "<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>";
        assert!(answer.text.contains(start), "{}", answer.text);
        assert!(answer.text.contains("</requestId><vpcSet><item><vpcId>"), "{}", answer.text);
        let answer = call(&aws, "DeleteVpc&VpcId=vpc-1").await;
        let error = "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>The vpc ID &apos;vpc-1&apos; \
                     does not exist</Message></Error></Errors><RequestID>";
        let told = answer.text.replace('\'', "&apos;");
        assert!(told.contains(error) && answer.text.ends_with("</RequestID></Response>"), "{}", answer.text);
    });
}

#[test]
fn what_is_not_known_is_refused() {
    world(async |aws| {
        for (body, code) in [
            ("DescribeLlamas", "InvalidAction"),
            ("DescribeVpcs&Llama=1", "UnknownParameter"),
            ("RunInstances&KeyName=mine", "UnknownParameter"),
            ("DeleteVpc", "MissingParameter"),
            ("DescribeVpcs&Filter.1.Name=llama&Filter.1.Value.1=x", "InvalidParameterValue"),
            ("DescribeVpcs&Filter.1.Value.1=x", "InvalidParameterValue"),
            ("DescribeVpcs&Filter.1.Name=cidr", "InvalidParameterValue"),
            ("DescribeAvailabilityZones&Filter.1.Name=tag:x&Filter.1.Value.1=x", "InvalidParameterValue"),
            ("DescribeVpcs&DryRun=maybe", "InvalidParameterValue"),
            ("DescribeVpcs&DryRun=true", "DryRunOperation"),
            ("DescribeVpcs&MaxResults=4", "InvalidParameterValue"),
            ("DescribeVpcs&MaxResults=1001", "InvalidParameterValue"),
            ("DescribeVpcs&NextToken=llama", "InvalidNextToken"),
            ("DescribeVpcs&MaxResults=5&VpcId.1=vpc-0123456789abcdef0", "InvalidParameterCombination"),
        ] {
            assert_eq!(call(&aws, body).await.code(), code, "{body}");
        }
        assert_eq!(send(&aws, request("")).await.code(), "MissingAction");
        let many = (1..=201).map(|number| format!("&Filter.1.Value.{number}=x")).collect::<Vec<_>>().concat();
        assert_eq!(call(&aws, &format!("DescribeVpcs&Filter.1.Name=cidr{many}")).await.code(), "FilterLimitExceeded");
    });
}

#[test]
fn who_may_not_or_comes_too_often_is_told_so_in_the_words_of_ec2() {
    world(async |aws| {
        let statement = json!({"Sid": "Look", "Effect": "Allow", "Action": ["ec2:Describe*"], "Resource": "*"});
        let mine = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-0123456789abcdef0";
        let tags = json!({"Sid": "Tag", "Effect": "Allow", "Action": ["ec2:CreateTags"], "Resource": mine});
        aws.restrict("AKIDTEST", &json!({"Version": "2012-10-17", "Statement": [statement, tags]})).unwrap();
        let refused = call(&aws, "CreateVpc&CidrBlock=10.0.0.0/16").await;
        assert_eq!((refused.status, refused.code()), (403, "UnauthorizedOperation"));
        assert!(refused.one("Message").contains("not authorized to perform: ec2:CreateVpc"), "{}", refused.text);
        let tag = "Tag.1.Key=team&Tag.1.Value=shop";
        assert_eq!(call(&aws, &format!("CreateTags&ResourceId.1={DEFAULT_VPC}&{tag}")).await.code(), "OK");
        let subnet = DEFAULT_SUBNETS[0];
        assert_eq!(
            call(&aws, &format!("CreateTags&ResourceId.1={subnet}&{tag}")).await.code(),
            "UnauthorizedOperation"
        );
        let calls = (0..120).map(|_| call(&aws, "DescribeVpcs"));
        let codes: Vec<(u16, String)> = futures::future::join_all(calls)
            .await
            .iter()
            .map(|reply| (reply.status, reply.code().to_owned()))
            .collect();
        assert_eq!(codes.iter().filter(|(_, code)| code == "OK").count(), 100);
        assert!(codes.contains(&(503, "RequestLimitExceeded".to_owned())));
        assert_eq!(call(&aws, "DescribeSubnets").await.code(), "OK", "each operation has its own bucket");
        let mut elsewhere = request("Action=DescribeVpcs");
        let header = elsewhere.headers()[header::AUTHORIZATION].to_str().unwrap().replace("eu-west-1", "mars-1");
        elsewhere.headers_mut().insert(header::AUTHORIZATION, header.parse().unwrap());
        let refused = send(&aws, elsewhere).await;
        assert_eq!((refused.status, refused.code()), (401, "AuthFailure"));
    });
}

#[test]
fn a_request_says_itself_what_it_asks_for() {
    let body = "Action=RunInstances&SubnetId=s&TagSpecification.1.Tag.1.Key=team&TagSpecification.1.Tag.1.Value=shop";
    let sent = crate::aws::Sent::read(&request(body));
    assert_eq!((sent.operation.as_str(), sent.is_write, sent.asks.creates), ("RunInstances", true, true));
    assert_eq!((&*sent.asks.resources[0], sent.asks.tags["team"].as_str()), ("s", "shop"));
    let sent = crate::aws::Sent::read(&request("Action=TerminateInstances&InstanceId.1=i-1&InstanceId.2=i-2"));
    assert!(sent.asks.removes && !sent.asks.creates && sent.asks.resources.len() == 2);
}
