//! A stage in another account: moto keeps accounts apart by the credentials that its STS gives out.

use super::bed::{Bed, Place, weights};
use super::manifests::{RELEASE, shift, stage};
use super::process::Process;

const ROLE: &str = "arn:aws:iam::222222222222:role/weir";

/// The stage's manifests with the role in them.
fn stage_there(bed: &dyn Bed) -> String {
    let aws = format!("aws: {{region: eu-west-1, roleArn: '{ROLE}', externalId: acme}}");
    stage(bed)
        .replace("spec:\n  existing", &format!("spec:\n  {aws}\n  existing"))
        .replace("spec: {targetGroups", &format!("spec: {{{aws}, targetGroups"))
}

#[test]
fn a_release_in_another_account() {
    let Some(mut process) = Process::open_in_role(ROLE) else { return };
    let namespace = process.kubernetes.namespace.clone();
    process.start();
    let bed: &mut dyn Bed = &mut process;
    bed.apply(&[stage_there(bed), shift("green", RELEASE, "")].concat());
    let stalled = bed.until_true("entrypoints", "public", "Stalled");
    assert_eq!(stalled.reason, "RoleNotAllowed");
    assert!(stalled.message.contains(&format!("--allow-role {namespace}={ROLE}")), "{}", stalled.message);
    assert_eq!(bed.calls().get("AssumeRole"), None, "a role that is not allowed is not used");
    bed.kill();

    process.arguments = vec!["--allow-role".to_owned(), format!("{namespace}=arn:aws:iam::*:role/weir")];
    process.start();
    let bed: &mut dyn Bed = &mut process;
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
    assert_eq!(bed.calls()["AssumeRole"], 1);
    let route = bed.get("weightedroutes", "checkout");
    assert_eq!(route["status"]["aws"]["roleArn"], ROLE);
    assert!(route["status"]["listenerRule"]["arn"].as_str().unwrap().contains(":222222222222:"));
}
