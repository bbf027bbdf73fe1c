//! Tests of EC2 on the wire: what a client sends and reads, on a paused clock.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};

use super::super::tests::{Reply, send, world, world_with};
use super::super::{Aws, AwsOptions};
use super::{DEFAULT_SUBNETS, DEFAULT_VPC};

mod beside;
mod instances;
mod network;
mod random;
mod tags;
mod wire;

const IMAGE: &str = "ami-0123456789abcdef0";

/// A request that is signed for a service.
fn signed(service: &str, version: &str, body: &str) -> Request<Bytes> {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260102/eu-west-1/{service}/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature=0000"
    );
    Request::post("https://ec2.eu-west-1.amazonaws.com/")
        .header(header::AUTHORIZATION, authorization)
        .body(Bytes::from(format!("Version={version}&{body}")))
        .unwrap()
}

fn request(body: &str) -> Request<Bytes> {
    signed("ec2", "2016-11-15", body)
}

async fn call(aws: &Arc<Aws>, body: &str) -> Reply {
    send(aws, request(&format!("Action={body}"))).await
}

/// A call of ELBv2.
async fn balance(aws: &Arc<Aws>, body: &str) -> Reply {
    send(aws, signed("elasticloadbalancing", "2015-12-01", &format!("Action={body}"))).await
}

/// A world in which nobody is throttled.
fn patient(test: impl AsyncFnOnce(Arc<Aws>)) {
    world_with(AwsOptions { rates: None, ..AwsOptions::default() }, test);
}

/// Makes a network of two subnets in two zones; their identifiers.
async fn network(aws: &Arc<Aws>) -> (String, [String; 2]) {
    let vpc = call(aws, "CreateVpc&CidrBlock=10.0.0.0/16").await.one("vpcId").to_owned();
    let mut subnets = Vec::new();
    for (zone, range) in [("a", "10.0.1.0/24"), ("b", "10.0.2.0/24")] {
        let body = format!("CreateSubnet&VpcId={vpc}&CidrBlock={range}&AvailabilityZone=eu-west-1{zone}");
        subnets.push(call(aws, &body).await.one("subnetId").to_owned());
    }
    (vpc, subnets.try_into().unwrap())
}

/// Makes instances of a subnet; their identifiers.
async fn run(aws: &Arc<Aws>, subnet: &str, count: u32) -> Vec<String> {
    let body = format!("RunInstances&ImageId={IMAGE}&SubnetId={subnet}&MinCount={count}&MaxCount={count}");
    call(aws, &body).await.all("instanceId").into_iter().map(str::to_owned).collect()
}
