//! `weir plan` beside what then happens, and `weir simulate`.

use std::process::{Command, Output};

use serde_json::Value;

use crate::bed::{eventually, places};

use super::shell::Sim;

const PLAN: &str = "--owner-id sim --namespace shop -o json";

fn weir(line: &str) -> String {
    format!("{} {line}", env!("CARGO_BIN_EXE_weir"))
}

/// The weights that a plan says are made live, one after the other.
fn weights(plan: &Value) -> Vec<Value> {
    let entries = plan["entries"].as_array().into_iter().flatten();
    entries
        .map(|entry| entry["weights"].clone())
        .filter(|weights| weights.as_object().is_some_and(|all| !all.is_empty()))
        .collect()
}

#[test]
fn a_release_is_planned_and_then_goes_as_planned() {
    let Some(mut sim) = Sim::start_with(&["--speed", "10"], &["examples/sim/release.yaml"]) else { return };
    sim.run("kubectl create namespace shop");
    // The first thing that is planned is what manifests would do that nobody has applied yet.
    let planned = sim.run(&weir(&format!("plan -f examples/release {PLAN}")));
    let plan: Value = serde_json::from_str(&planned).unwrap();
    assert_eq!(plan["shifts"][0]["outcome"], "Succeeded", "{planned}");
    assert!(sim.run("kubectl --namespace shop get ts --output name").is_empty(), "nothing was stored");
    sim.start_controller();
    // Pauses last by the clock of the controller, which goes no faster than anybody's.
    let quick = places::scratch("plan-quick").unwrap();
    for file in ["entry-point.yaml", "environments.yaml", "route.yaml", "shift.yaml"] {
        let text = std::fs::read_to_string(places::top().join("examples/release").join(file)).unwrap();
        std::fs::write(quick.join(file), text.replace("duration: 2m", "duration: 2s")).unwrap();
    }
    sim.run(&format!("kubectl --namespace shop apply -f {}", quick.display()));
    std::fs::remove_dir_all(quick).unwrap();
    sim.run("kubectl --namespace shop wait ts/checkout --for=condition=Complete --timeout=5m");
    let said = sim.run(&weir(&format!("plan ts/checkout {}", PLAN.replace(" -o json", ""))));
    assert!(said.contains("nothing is to be done"), "{said}");
    let plan: Value = serde_json::from_str(&sim.run(&weir(&format!("plan ts/checkout --to red {PLAN}")))).unwrap();
    let expected = weights(&plan);
    assert!(expected.len() >= 4, "{plan:#}");
    sim.run(r#"kubectl --namespace shop patch ts checkout --type merge -p '{"spec":{"to":"red"}}'"#);
    sim.run("kubectl --namespace shop wait ts/checkout --for=jsonpath='{.status.run.to}'=red --timeout=2m");
    sim.run("kubectl --namespace shop wait ts/checkout --for=condition=Complete --timeout=5m");
    let last = expected.last().unwrap();
    eventually("the last weights of the plan are live", || {
        let route = sim.run("kubectl --namespace shop get wr checkout -o json");
        let route: Value = serde_json::from_str(&route).map_err(|error| error.to_string())?;
        let live = route["status"]["weights"].as_array().into_iter().flatten();
        let live: serde_json::Map<String, Value> =
            live.map(|entry| (entry["environment"].as_str().unwrap().to_owned(), entry["weight"].clone())).collect();
        if Value::Object(live.clone()) == *last { Ok(()) } else { Err(format!("{live:?}, planned was {last}")) }
    });
}

#[test]
fn names_are_planned_with_their_batches_and_rights() {
    let Some(sim) = Sim::start(&["examples/sim/lockstep.yaml"]) else { return };
    sim.run("kubectl create namespace shop");
    let planned = sim.run(&weir(&format!("plan -f examples/lockstep {PLAN}")));
    let plan: Value = serde_json::from_str(&planned).unwrap();
    assert_eq!(plan["shifts"][0]["outcome"], "Succeeded", "{planned}");
    // The name is taken over, moved three times, and the end of the run is remembered.
    assert_eq!(
        (plan["batches"].as_u64(), plan["recordChanges"].as_u64()),
        (Some(5), Some(3 + 3 + 4 + 3 + 2)),
        "{planned}"
    );
    let said = sim.run(&weir(&format!("plan -f examples/lockstep {}", PLAN.replace(" -o json", ""))));
    for words in [
        "  ChangeResourceRecordSets  blue 75, green 25",
        "5 batches go to Route 53, in which 15 records are made or deleted",
        "  route53:ChangeResourceRecordSets  arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
        "  route53:GetChange  arn:aws:route53:::change/*",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
}

#[test]
fn what_stands_in_the_way_of_a_plan_is_told() {
    let Some(sim) = Sim::start(&["examples/sim/release.yaml"]) else { return };
    sim.run("kubectl create namespace shop");
    let said = sim.fails(&weir(&format!("plan ts/checkout {PLAN}")));
    assert!(said.contains("there is no TrafficShift checkout in the namespace shop"), "{said}");
    let said = sim.fails(&weir(&format!("plan ts/checkout --to green {PLAN}")));
    assert!(said.contains("there is no TrafficShift checkout in the namespace shop"), "{said}");
    let said = sim.fails(&weir(&format!("plan -f charts/weir/Chart.yaml {PLAN}")));
    assert!(said.contains("found no TrafficShift"), "{said}");
    let said = sim.fails(&weir(&format!("plan -f Cargo.toml {PLAN}")));
    assert!(said.contains("Cargo.toml: "), "{said}");
    let scratch = places::scratch("plan").unwrap();
    let shift = std::fs::read_to_string(places::top().join("examples/release/shift.yaml")).unwrap();
    let file = scratch.join("shift.yaml");
    std::fs::write(&file, shift.replace("weight: 50", "weight: 150")).unwrap();
    let said = sim.fails(&weir(&format!("plan -f {} {PLAN}", file.display())));
    assert!(said.contains("shift.yaml") && said.contains("150"), "{said}");
    std::fs::remove_dir_all(scratch).unwrap();
}

/// A world of `examples/rule` whose balancer has so many rules already.
fn world_with_rules(count: u32) -> String {
    let text = std::fs::read_to_string(places::top().join("examples/sim/examples.yaml")).unwrap();
    let rule = |number| {
        format!("    - priority: {}\n      hosts: [h{number}.test]\n      forward: {{cart-1: 1}}\n", 100 + number)
    };
    format!("{text}    rules:\n{}", (0..count).map(rule).collect::<String>())
}

#[test]
fn quotas_and_rights_of_a_plan_are_told() {
    let scratch = places::scratch("plan-quotas").unwrap();
    let world = scratch.join("world.yaml");
    std::fs::write(&world, world_with_rules(100)).unwrap();
    let Some(sim) = Sim::start(&[&world.to_string_lossy()]) else { return };
    sim.run("kubectl create namespace shop");
    let plan = |form: &str| weir(&format!("plan -f examples/rule --owner-id sim --namespace shop {form}"));
    let said = sim.fails(&plan(""));
    let words =
        "the balancer shop-public would have 101 rules, and the quota rules-per-application-load-balancer is 100";
    assert!(said.contains("something stands in the way: AWS will refuse CreateRule") && said.contains(words), "{said}");
    // There is room for one again.
    let listener = "$(aws elbv2 describe-load-balancers --query 'LoadBalancers[0].LoadBalancerArn' --output text)";
    let listener = format!(
        "$(aws elbv2 describe-listeners --load-balancer-arn {listener} --query 'Listeners[0].ListenerArn' --output text)"
    );
    let rule =
        format!("$(aws elbv2 describe-rules --listener-arn {listener} --query 'Rules[0].RuleArn' --output text)");
    sim.run(&format!("aws elbv2 delete-rule --rule-arn {rule}"));
    let said = sim.run(&plan(""));
    for words in ["  elasticloadbalancing:CreateRule  arn:aws:", "  elasticloadbalancing:AddTags  arn:aws:"] {
        assert!(said.contains(words) && said.contains(":listener-rule/app/shop-public/"), "{said}");
    }
    let told: Value = serde_json::from_str(&sim.run(&plan("-o json"))).unwrap();
    let rights: Vec<&str> =
        told["rights"].as_array().unwrap().iter().map(|right| right["action"].as_str().unwrap()).collect();
    assert!(rights.contains(&"elasticloadbalancing:CreateRule"), "{told:#}");
    assert_eq!(told["unreadQuotas"], serde_json::json!([]));
    std::fs::remove_dir_all(scratch).unwrap();
}

#[test]
fn what_may_not_be_read_is_named_in_a_plan() {
    let scratch = places::scratch("plan-rights").unwrap();
    let file = scratch.join("policy.json");
    let policy = Command::new(env!("CARGO_BIN_EXE_weir")).args(["iam-policy", "--owner-id", "sim"]).output().unwrap();
    let policy = String::from_utf8(policy.stdout).unwrap();
    std::fs::write(&file, &policy).unwrap();
    let arguments = ["--iam", &file.to_string_lossy()];
    let Some(sim) = Sim::start_with(&arguments, &["examples/sim/examples.yaml"]) else { return };
    sim.run("kubectl create namespace shop");
    let plan = |folder: &str| {
        let plan = weir(&format!("plan -f examples/{folder} --owner-id sim --namespace shop"));
        format!("AWS_ACCESS_KEY_ID=restricted {plan}")
    };
    let said = sim.run(&plan("rule"));
    assert!(said.contains("cannot be read: DescribeAccountLimits: ") && said.contains("AccessDenied"), "{said}");
    std::fs::write(
        &file,
        policy.replace("elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeTags"),
    )
    .unwrap();
    let Some(sim) = Sim::start_with(&arguments, &["examples/sim/examples.yaml"]) else { return };
    sim.run("kubectl create namespace shop");
    let said = sim.fails(&plan("release"));
    assert!(
        said.contains("something stands in the way") && said.contains("elasticloadbalancing:DescribeTargetHealth"),
        "{said}"
    );
    std::fs::remove_dir_all(scratch).unwrap();
}

fn simulate(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let Output { status, stdout, stderr } =
        command.arg("simulate").args(arguments).current_dir(places::top()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_examples_are_sound_whatever_befalls_them() {
    for (folder, has_batches) in [("release", false), ("rule", false), ("lockstep", true), ("dns", false)]
        .map(|(name, has)| (format!("examples/{name}"), has))
    {
        let (code, told, said) = simulate(&["-f", &folder, "--seeds", "4", "--faults", "random"]);
        assert_eq!((code, said.as_str()), (Some(0), ""), "{folder}: {told}");
        assert!(told.contains("no invariant was broken") && told.contains("--timeline"), "{told}");
        assert_eq!(told.contains("batches to Route 53"), has_batches, "{told}");
    }
}

#[test]
fn what_programs_read_says_the_same() {
    let (code, told, _) = simulate(&["-f", "examples/release", "--seeds", "2", "--faults", "none", "-o", "json"]);
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &report["good"]), (Some(0), &Value::Bool(true)));
    assert_eq!(report["seeds"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["seeds"][0]["undisturbed"]["shifts"][0]["ended"], "Succeeded");
}

#[test]
fn manifests_that_cannot_be_used_end_with_a_code_of_their_own() {
    let (code, told, said) = simulate(&["-f", "Cargo.toml"]);
    assert!(code == Some(2) && told.is_empty() && said.contains("Cargo.toml: "), "{said}");
    let (code, _, said) = simulate(&["-f", "charts/weir/Chart.yaml"]);
    assert!(code == Some(2) && said.contains("found none of Weir's kinds"), "{said}");
    let (code, _, said) = simulate(&["-f", "nowhere"]);
    assert!(code == Some(2) && said.contains("cannot read nowhere"), "{said}");
    for (text, words) in [
        ("kind: Namespace\napiVersion: v1\nmetadata: x\n", "has no metadata.name"),
        ("kind: Environment\napiVersion: weir.dev/v1alpha1\nmetadata: {name: a, namespace: 5}\n", "expected a name"),
        ("- a: b\n", "found none of Weir's kinds"),
    ] {
        let scratch = places::scratch("simulate-odd").unwrap();
        std::fs::write(scratch.join("odd.yaml"), text).unwrap();
        let (code, _, said) = simulate(&["-f", &scratch.to_string_lossy()]);
        assert!(code == Some(2) && said.contains(words), "{text}: {said}");
        std::fs::remove_dir_all(scratch).unwrap();
    }
    let (code, _, said) = simulate(&["-f", "examples/release/shift.yaml", "-f", "examples/release"]);
    assert!(code == Some(2) && said.contains("both have TrafficShift default/checkout"), "{said}");
    let (code, _, said) = simulate(&["-f", "examples/release/environments.yaml"]);
    assert!(code == Some(2) && said.contains("nothing would move"), "{said}");
}

#[test]
fn the_worst_seed_is_told_line_by_line() {
    let (code, told, _) = simulate(&["-f", "examples/release", "--seed", "3", "--seeds", "1", "--timeline"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("controller 1") && told.contains("ModifyListener"), "{told}");
}
