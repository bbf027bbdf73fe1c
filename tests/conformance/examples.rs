//! The examples as a reader of theirs tries them: applied by kubectl, watched by kubectl and by the AWS CLI.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bed::places;

use super::bed::{Bed, Weights, weights};
use super::process::{Listener, Process};

/// The balancer of the examples, as their manifests name it.
const BALANCER: &str = "shop-public";
/// Their groups.
const GROUPS: [&str; 5] = ["checkout-blue", "checkout-green", "checkout-red", "search-1", "search-2"];

#[test]
fn the_examples_move_traffic_as_they_say() {
    let Some(mut bed) = Process::open() else { return };
    let groups: BTreeMap<&str, String> = GROUPS.iter().map(|group| (*group, bed.add_group(group))).collect();
    let listener =
        bed.add_balancer(BALANCER, &[Listener { port: 443, forward: &[(&groups["checkout-blue"], 1)] }]).remove(0);
    bed.start();
    let shown = |bed: &Process, priority: &str| shown_by_cli(bed, &listener, priority, &groups);

    bed.kubernetes.kubectl(&["apply", "-f", &example("release")]);
    for (number, weight) in [5, 25, 50].into_iter().enumerate() {
        let user: &mut dyn Bed = &mut bed;
        user.until_phase("Paused", weight);
        assert_eq!(shown(&bed, "default"), weights(&[("checkout-blue", 100 - weight), ("checkout-green", weight)]));
        // The pauses of the example are for people; whoever has seen enough says so.
        let command = format!("weir.dev/command=promote/{number}");
        bed.kubernetes.kubectl(&["annotate", "--overwrite", "ts/checkout", &command]);
    }
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(shown(&bed, "default"), weights(&[("checkout-blue", 0), ("checkout-green", 100)]));

    bed.kubernetes.kubectl(&["apply", "-f", &example("rule")]);
    bed.await_condition("trafficshifts", "search", "Complete");
    assert_eq!(shown(&bed, "20"), weights(&[("search-1", 100)]));
}

/// The folder of an example.
fn example(name: &str) -> String {
    places::top().join("examples").join(name).to_string_lossy().into_owned()
}

/// The weights of a rule as `aws elbv2 describe-rules` shows them.
fn shown_by_cli(bed: &Process, listener: &str, priority: &str, groups: &BTreeMap<&str, String>) -> Weights {
    let query = format!("Rules[?Priority=='{priority}'].Actions[].ForwardConfig.TargetGroups[]");
    let shown = bed.moto.aws(&["elbv2", "describe-rules", "--listener-arn", listener, "--query", &query]);
    let weight = |tuple: &Value| {
        let group =
            groups.iter().find(|(_, arn)| tuple["TargetGroupArn"] == **arn).expect("it is one of the example's");
        ((*group.0).to_owned(), u32::try_from(tuple["Weight"].as_u64().unwrap()).unwrap())
    };
    shown.as_array().unwrap().iter().map(weight).collect()
}
