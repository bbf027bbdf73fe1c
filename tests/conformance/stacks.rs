//! What docs/terraform.md tells its reader to type, where another tool has made listener, rule and groups.

use serde_json::Value;

use crate::bed::pages::steps;
use crate::bed::places;

use super::bed::{Bed, condition_of};
use super::examples::type_in;
use super::manifests::{environment, shift_named};
use super::process::{Listener, Process};

const PAGE: &str = "docs/terraform.md";

/// A balancer with one listener that forwards to the first of two groups, `blue` and `green` of the release.
struct Stacks {
    bed: Process,
    listener: String,
    groups: [String; 2],
}

impl Stacks {
    fn open() -> Option<Self> {
        let bed = Process::open()?;
        let groups = ["blue-stack", "green-stack"].map(|name| bed.add_group(&bed.name(name)));
        let listeners = [Listener { port: 80, forward: &[(&groups[0], 1)] }];
        let listener = bed.add_balancer(&bed.name("lasting"), &listeners).remove(0);
        Some(Self { bed, listener, groups })
    }

    fn things(&self) -> String {
        let entry_point = format!(
            "---
apiVersion: weir.dev/v1alpha1
kind: EntryPoint
metadata: {{name: lasting}}
spec:
  existing: {{name: {}}}
  listeners: [{{name: http, port: 80}}]
",
            self.bed.name("lasting")
        );
        let stack = |name: &str| environment(name, &self.bed.name(&format!("{name}-stack")));
        [entry_point, stack("blue"), stack("green")].concat()
    }

    fn user(&mut self) -> &mut dyn Bed {
        &mut self.bed
    }

    /// What the AWS CLI says when it makes or changes something.
    fn elbv2(&self, operation: &str, arguments: &[&str]) -> Result<Value, String> {
        self.bed.moto.try_aws(&[&["elbv2", operation], arguments].concat())
    }
}

/// A route over `place`, adopted.
fn route(place: &str) -> String {
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {{name: checkout}}
spec:
  listener: {{entryPoint: {{name: lasting}}, listener: http{place}}}
  backends: [{{environment: blue}}, {{environment: green}}]
  adopt: true
"
    )
}

#[test]
fn an_old_stack_can_be_destroyed() {
    let Some(mut stacks) = Stacks::open() else { return };
    let manifests = [stacks.things(), route(""), shift_named("checkout", "green", "{allAtOnce: {}}", "")].concat();
    stacks.bed.start();
    stacks.user().apply(&manifests);
    stacks.bed.await_condition("trafficshifts", "checkout", "Complete");
    let old = stacks.groups[0].clone();
    let refused = stacks.elbv2("delete-target-group", &["--target-group-arn", &old]).unwrap_err();
    assert!(refused.contains("in use by a listener or a rule"), "{refused}");

    for step in steps(PAGE, "### An old stack, after a run") {
        type_in(&stacks.bed, &step.words());
    }
    stacks.elbv2("delete-target-group", &["--target-group-arn", &old]).unwrap();
    stacks.user().until("the shift is content again", |bed| {
        let shift = bed.get("trafficshifts", "checkout");
        (shift["status"]["phase"] == "Succeeded" && condition_of(&shift, "Ready")?.holds).then_some(())
    });
}

#[test]
fn a_secret_in_a_condition_can_be_rotated() {
    let Some(mut stacks) = Stacks::open() else { return };
    let conditions = |values: &[&str]| {
        format!(
            r#"[{{"Field":"http-header","HttpHeaderConfig":{{"HttpHeaderName":"X-Origin","Values":["{}"]}}}}]"#,
            values.join(r#"",""#)
        )
    };
    let place = |values: &str| format!(", match: {{headers: [{{name: X-Origin, values: [{values}]}}]}}");
    let action = format!("Type=forward,TargetGroupArn={}", stacks.groups[0]);
    let made = ["--listener-arn", &stacks.listener, "--priority", "7", "--conditions", &conditions(&["old"])];
    let made = stacks.elbv2("create-rule", &[&made[..], &["--actions", &action]].concat()).unwrap();
    let rule = made["Rules"][0]["RuleArn"].as_str().unwrap().to_owned();
    let manifests = [stacks.things(), route(&place("old"))].concat();
    stacks.bed.start();
    stacks.user().apply(&manifests);
    stacks.bed.await_condition("weightedroutes", "checkout", "Ready");

    let both = conditions(&["old", "new"]);
    stacks.elbv2("modify-rule", &["--rule-arn", &rule, "--conditions", &both]).unwrap();
    let told = stacks.user().until_true("weightedroutes", "checkout", "Stalled");
    assert_eq!(told.reason, "ConditionsChanged", "{told:?}");
    let file = places::scratch("rotation").unwrap().join("route.yaml");
    std::fs::write(&file, route(&place("old, new"))).unwrap();
    stacks.bed.kubernetes.kubectl(&["replace", "--force", "-f", &file.to_string_lossy()]);
    stacks.bed.await_condition("weightedroutes", "checkout", "Ready");
    let status = stacks.user().get("weightedroutes", "checkout")["status"].clone();
    assert_eq!(
        (status["listenerRule"]["arn"].as_str(), status["live"].as_str()),
        (Some(rule.as_str()), Some("blue 100")),
        "{status}"
    );
}
