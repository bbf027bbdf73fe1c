//! What the AWS CLI is used for: a world is built with ordinary calls alone, and every answer is one that its service models
//! accept.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::bed::{own_moto, places};

use super::shell::Sim;

fn json(sim: &Sim, line: &str) -> Value {
    serde_json::from_str(&sim.run(&format!("aws {line} --output json"))).unwrap()
}

fn arn<'a>(answer: &'a Value, list: &str, field: &str) -> &'a str {
    answer[list][0][field].as_str().unwrap_or_else(|| panic!("{list}[0].{field} in {answer}"))
}

#[test]
fn a_world_is_built_and_looked_at_with_ordinary_calls() {
    let Some(sim) = Sim::start_with(&["--speed", "10"], &[]) else { return };
    let made = json(&sim, "ec2 create-vpc --cidr-block 10.0.0.0/16");
    let vpc = made["Vpc"]["VpcId"].as_str().unwrap();
    let subnet = |number: u32, zone: &str| {
        let range = format!("--cidr-block 10.0.{number}.0/24 --availability-zone eu-west-1{zone}");
        let made = json(&sim, &format!("ec2 create-subnet --vpc-id {vpc} {range}"));
        made["Subnet"]["SubnetId"].as_str().unwrap().to_owned()
    };
    let (first, second) = (subnet(1, "a"), subnet(2, "b"));
    let image = "--image-id ami-0123456789abcdef0 --instance-type t3.micro";
    let made = json(&sim, &format!("ec2 run-instances {image} --count 2 --subnet-id {first}"));
    let ids = [0, 1].map(|number| made["Instances"][number]["InstanceId"].as_str().unwrap());
    let group = |name: &str| {
        let made = format!("elbv2 create-target-group --name {name} --protocol HTTP --port 8080 --vpc-id {vpc}");
        arn(&json(&sim, &made), "TargetGroups", "TargetGroupArn").to_owned()
    };
    let (blue, green) = (group("blue"), group("green"));
    sim.run(&format!("aws ec2 wait instance-running --instance-ids {}", ids.join(" ")));
    for (group, id) in [(&blue, ids[0]), (&green, ids[1])] {
        sim.run(&format!("aws elbv2 register-targets --target-group-arn {group} --targets Id={id}"));
    }
    let made = json(&sim, &format!("elbv2 create-load-balancer --name public --subnets {first} {second}"));
    let balancer = arn(&made, "LoadBalancers", "LoadBalancerArn");
    sim.run(&format!("aws elbv2 wait load-balancer-available --load-balancer-arns {balancer}"));
    let listener = format!(
        "elbv2 create-listener --load-balancer-arn {balancer} --protocol HTTP --port 80 \
         --default-actions Type=forward,TargetGroupArn={blue}"
    );
    let made = json(&sim, &listener);
    let listener = arn(&made, "Listeners", "ListenerArn");
    let rule = format!(
        "elbv2 create-rule --listener-arn {listener} --priority 5 --conditions Field=path-pattern,Values=/api/* --actions \
         '[{{\"Type\":\"forward\",\"ForwardConfig\":{{\"TargetGroups\":[{{\"TargetGroupArn\":\"{blue}\",\"Weight\":9}},\
         {{\"TargetGroupArn\":\"{green}\",\"Weight\":1}}]}}}}]'"
    );
    let made = json(&sim, &rule);
    let rule = arn(&made, "Rules", "RuleArn");
    sim.run(&format!("aws elbv2 add-tags --resource-arns {rule} --tags Key=team,Value=shop"));
    let tags = json(&sim, &format!("elbv2 describe-tags --resource-arns {rule}"));
    assert_eq!(tags["TagDescriptions"][0]["Tags"][0]["Value"], "shop", "{tags}");
    let rules = json(&sim, &format!("elbv2 describe-rules --listener-arn {listener}"));
    assert_eq!(rules["Rules"].as_array().map(Vec::len), Some(2), "{rules}");
    assert_eq!(rules["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"][1]["Weight"], 1, "{rules}");
    sim.run(&format!("aws elbv2 wait target-in-service --target-group-arn {blue}"));
    let health = json(&sim, &format!("elbv2 describe-target-health --target-group-arn {green}"));
    assert_eq!(health["TargetHealthDescriptions"][0]["Target"]["Id"], ids[1], "{health}");
    sim.run(&format!("aws elbv2 delete-rule --rule-arn {rule}"));
    sim.run(&format!("aws elbv2 delete-load-balancer --load-balancer-arn {balancer}"));
    sim.run(&format!("aws elbv2 delete-target-group --target-group-arn {green}"));
    sim.run(&format!("aws ec2 terminate-instances --instance-ids {}", ids.join(" ")));
    sim.run(&format!("aws ec2 wait instance-terminated --instance-ids {}", ids.join(" ")));
    for subnet in [&first, &second] {
        sim.run(&format!("aws ec2 delete-subnet --subnet-id {subnet}"));
    }
    sim.run(&format!("aws ec2 delete-vpc --vpc-id {vpc}"));
    let who = json(&sim, "sts get-caller-identity");
    assert_eq!(who["Account"], "123456789012", "{who}");
}

/// The records of the zone of the examples, without the two that every zone has: name, type, and the name of the balancer.
fn aliases(sim: &Sim) -> Vec<(String, String, String)> {
    let told = json(sim, "route53 list-resource-record-sets --hosted-zone-id Z0123456789ABCDEFGHIJ");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let balancer = |record: &Value| {
        let target = text(&record["AliasTarget"]["DNSName"]);
        let all = json(sim, "elbv2 describe-load-balancers");
        let found = all["LoadBalancers"].as_array().unwrap().iter().find(|balancer| {
            let name = text(&balancer["DNSName"]).to_ascii_lowercase();
            target.trim_end_matches('.').eq_ignore_ascii_case(&name)
        });
        found.map(|balancer| text(&balancer["LoadBalancerName"])).unwrap_or_default()
    };
    let records = told["ResourceRecordSets"].as_array().unwrap().iter().skip(2);
    records.map(|record| (text(&record["Name"]), text(&record["Type"]), balancer(record))).collect()
}

#[test]
fn names_of_files_are_there_for_the_cli() {
    for (file, balancer) in
        [("examples/sim/dns.yaml", "api-blue"), ("examples/dns", "api-blue"), ("examples/lockstep", "blue-lb")]
    {
        let Some(sim) = Sim::start(&[file]) else { return };
        let expected = [("api.shop.example.org.", "A", balancer)];
        let expected = expected.map(|(name, kind, balancer)| (name.to_owned(), kind.to_owned(), balancer.to_owned()));
        assert_eq!(aliases(&sim), expected, "{file}");
    }
}

#[test]
fn zones_and_records_are_built_and_read_back_with_ordinary_calls() {
    // Where time goes fast, changes are in sync when the CLI asks for the first time; it asks again after half a minute.
    let Some(sim) = Sim::start_with(&["--speed", "100"], &["examples/sim/release.yaml"]) else { return };
    let balancer = json(&sim, "elbv2 describe-load-balancers");
    let balancer = &balancer["LoadBalancers"][0];
    let made = json(&sim, "route53 create-hosted-zone --name shop.weir.test --caller-reference once");
    let zone = made["HostedZone"]["Id"].as_str().unwrap();
    assert_eq!(made["DelegationSet"]["NameServers"].as_array().map(Vec::len), Some(4), "{made}");
    let record = |environment: &str, weight: u32| {
        serde_json::json!({
            "Name": "api.shop.weir.test", "Type": "A", "SetIdentifier": environment, "Weight": weight,
            "AliasTarget": {
                "HostedZoneId": balancer["CanonicalHostedZoneId"], "DNSName": balancer["DNSName"],
                "EvaluateTargetHealth": false,
            },
        })
    };
    let change = |action: &str, record: &Value| serde_json::json!({"Action": action, "ResourceRecordSet": record});
    let changes = [change("CREATE", &record("blue", 95)), change("CREATE", &record("green", 5))];
    let batch = |changes: &[Value]| {
        let batch = serde_json::json!({"Changes": changes});
        format!("route53 change-resource-record-sets --hosted-zone-id {zone} --change-batch '{batch}'")
    };
    let made = json(&sim, &batch(&changes));
    let id = made["ChangeInfo"]["Id"].as_str().unwrap();
    assert_eq!(made["ChangeInfo"]["Status"], "PENDING", "{made}");
    let told = json(&sim, &format!("route53 list-resource-record-sets --hosted-zone-id {zone}"));
    let found: Vec<&Value> = told["ResourceRecordSets"].as_array().unwrap().iter().skip(2).collect();
    let weights: Vec<_> = found.iter().map(|record| (&record["SetIdentifier"], record["Weight"].as_u64())).collect();
    assert_eq!(weights, [(&Value::from("blue"), Some(95)), (&Value::from("green"), Some(5))], "{told}");
    let again = sim.fails(&format!("aws {}", batch(&changes)));
    assert!(again.contains("InvalidChangeBatch") && again.contains("but it already exists"), "{again}");
    sim.run(&format!("aws route53 wait resource-record-sets-changed --id {id}"));
    let told = json(&sim, &format!("route53 get-change --id {id}"));
    assert_eq!(told["ChangeInfo"]["Status"], "INSYNC", "{told}");
    // What was told can be given back.
    let deletes: Vec<Value> = found.into_iter().map(|record| change("DELETE", record)).collect();
    json(&sim, &batch(&deletes));
    sim.run(&format!("aws route53 delete-hosted-zone --id {zone}"));
    let said = sim.fails(&format!("aws route53 get-hosted-zone --id {zone}"));
    assert!(said.contains("NoSuchHostedZone"), "{said}");
}

#[test]
fn mistakes_are_told_as_aws_tells_them() {
    let Some(sim) = Sim::start(&[]) else { return };
    let said = sim.fails("aws elbv2 describe-load-balancers --names nobody");
    assert!(said.contains("LoadBalancerNotFound"), "{said}");
    let said = sim.fails("aws elbv2 describe-ssl-policies");
    assert!(said.contains("InvalidAction"), "{said}");
    let said = sim.fails("aws elbv2 create-target-group --name 'not a name' --protocol HTTP --port 80 --vpc-id vpc-1");
    assert!(said.contains("ValidationError"), "{said}");
    let said = sim.fails("aws ec2 describe-key-pairs");
    assert!(said.contains("InvalidAction"), "{said}");
    let said = sim.fails("aws ec2 delete-vpc --vpc-id vpc-1");
    assert!(said.contains("InvalidVpcID.NotFound"), "{said}");
}

#[test]
fn boto3_walks_every_operation_and_finds_the_shapes_and_errors_of_the_models() {
    let Some(sim) = Sim::start_with(&["--speed", "10"], &["examples/sim/release.yaml"]) else { return };
    let told: Value = serde_json::from_str(&sim.run("python tests/sim/walk.py i-checkout-blue-1")).unwrap();
    let called = told["called"].as_array().unwrap().iter().filter_map(Value::as_str);
    let refused = told["refused"].as_object().unwrap().keys().map(String::as_str);
    let walked: BTreeSet<&str> = called.chain(refused).collect();
    let named = |(service, operations): (&str, Vec<&str>)| -> Vec<String> {
        operations.into_iter().map(|operation| format!("{service}:{operation}")).collect()
    };
    let all: Vec<String> = weir_sim::aws::operations().into_iter().flat_map(named).collect();
    assert_eq!(walked, all.iter().map(String::as_str).collect());
    // The AWS CLI chooses the same protocol of CloudWatch as boto3; `conformance::counts` has it speak the other one.
    let queries = r#"[{"Id":"all","MetricStat":{"Metric":{"Namespace":"AWS/ApplicationELB","MetricName":"RequestCount"},"Period":60,"Stat":"Sum"}}]"#;
    let told = json(
        &sim,
        &format!(
            "cloudwatch get-metric-data --start-time 2026-01-01T00:00:00Z --end-time 2026-01-02T00:00:00Z \
             --metric-data-queries '{queries}'"
        ),
    );
    assert_eq!(told["MetricDataResults"][0]["Values"], serde_json::json!([]), "{told}");
}

#[test]
fn a_zone_that_is_busy_takes_nothing_else() {
    let Some(sim) = Sim::start(&[]) else { return };
    let told: Value = serde_json::from_str(&sim.run("python tests/sim/walk_dns.py")).unwrap();
    let refused = told.as_object().unwrap();
    assert!(refused.len() == 6 && refused.values().all(|codes| codes[0] == "PriorRequestNotComplete"), "{told}");
}

#[test]
fn a_policy_binds_whoever_is_restricted_and_nobody_else() {
    let file = places::scratch("sim-policy").unwrap().join("policy.json");
    let policy = Command::new(env!("CARGO_BIN_EXE_weir")).args(["iam-policy", "--owner-id", "sim"]).output().unwrap();
    fs::write(&file, policy.stdout).unwrap();
    let arguments = ["--iam", &file.to_string_lossy()];
    let Some(sim) = Sim::start_with(&arguments, &["examples/sim/release.yaml"]) else { return };
    let balancer = json(&sim, "elbv2 describe-load-balancers");
    let balancer = arn(&balancer, "LoadBalancers", "LoadBalancerArn");
    sim.run("AWS_ACCESS_KEY_ID=restricted aws elbv2 describe-load-balancers");
    let deletes = format!("aws elbv2 delete-load-balancer --load-balancer-arn {balancer}");
    let said = sim.fails(&format!("AWS_ACCESS_KEY_ID=restricted {deletes}"));
    assert!(said.contains("AccessDenied") && said.contains("elasticloadbalancing:DeleteLoadBalancer"), "{said}");
    sim.run(&deletes);
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

#[test]
fn random_requests_get_the_answers_that_moto_gives_where_moto_is_right() {
    let Some(moto) = own_moto() else { return };
    // Where time goes slowly, random requests are throttled.
    let Some(sim) = Sim::start_with(&["--speed", "100"], &[]) else { return };
    let line =
        |seed, count| format!("python tests/sim/differential.py $AWS_ENDPOINT_URL {} {seed} {count}", moto.endpoint());
    let told: Value = serde_json::from_str(&sim.run(&line(1, 150))).unwrap();
    assert_eq!(told["requests"], 150, "{told}");
    // It finds a difference where there is one.
    let said = sim.fails(&format!("DIFFERENTIAL_LIE=tags {}", line(101, 60)));
    assert!(said.contains("tags"), "{said}");
}
