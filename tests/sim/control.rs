//! What may be done to the world over plain HTTP: faults, applications, clients, the clock.

use super::shell::Sim;
use crate::bed::eventually;

fn told(line: &str) -> String {
    format!("curl --silent --show-error --fail-with-body {line}")
}

#[test]
fn a_world_is_controlled_by_plain_requests() {
    let Some(sim) = Sim::start(&["examples/sim/release.yaml"]) else { return };
    if sim.try_run("curl --version").is_err() {
        return;
    }
    let help = sim.run(&told("$WEIR_SIM_CONTROL"));
    assert!(help.contains("POST   /faults"), "{help}");
    // Every fault that is offered is taken as it is offered.
    let faults = sim.run(&told("$WEIR_SIM_CONTROL/faults"));
    assert!(faults.lines().count() > 30 && faults.contains(r#"{"throttled":8}"#), "{faults}");
    let fault = faults.lines().find(|line| line.contains("checkout-green")).unwrap();
    let fault = fault.split("  ").next().unwrap();
    sim.run(&told(&format!("$WEIR_SIM_CONTROL/faults -d '{fault}'")));
    sim.run(&told("$WEIR_SIM_CONTROL/faults -X DELETE"));
    // The AWS CLI tries again where it is throttled; without that it is told so.
    sim.run(&told(r#"$WEIR_SIM_CONTROL/faults -d '{"throttled":1}'"#));
    let said = sim.fails("AWS_MAX_ATTEMPTS=1 aws elbv2 describe-load-balancers");
    assert!(said.contains("Throttling"), "{said}");
    sim.run("aws elbv2 describe-load-balancers");
    sim.run(&told(r#"$WEIR_SIM_CONTROL/faults -d '{"kubeAway":["failing",60]}'"#));
    sim.fails("kubectl get namespaces");
    sim.run(&told("$WEIR_SIM_CONTROL/faults -X DELETE"));
    sim.run("kubectl get namespaces");

    sim.run(&told(r#"$WEIR_SIM_CONTROL/clock -d '{"forward":"2m"}'"#));
    sim.run(&told(r#"$WEIR_SIM_CONTROL/traffic -X PUT -d '{"balancer":"shop-public","port":443}'"#));
    let line = told("--max-time 3 $WEIR_SIM_CONTROL/traffic/follow || true");
    eventually("clients are answered", || {
        let said = sim.run(&line);
        if said.contains("checkout-blue 100.0 %") && said.contains(" 0 failed") { Ok(()) } else { Err(said) }
    });
    sim.run(&told(r#"$WEIR_SIM_CONTROL/groups/checkout-blue -X PUT -d '{"errorPermille":1000}'"#));
    eventually("clients meet errors", || {
        let said = sim.run(&told("$WEIR_SIM_CONTROL/traffic"));
        if said.contains("the application answered 500") { Ok(()) } else { Err(said) }
    });
}

#[test]
fn what_cannot_be_done_is_told_with_what_can() {
    let Some(sim) = Sim::start(&["examples/sim/release.yaml"]) else { return };
    if sim.try_run("curl --version").is_err() {
        return;
    }
    for (request, words) in [
        (r#"$WEIR_SIM_CONTROL/faults -d '{"crash":5}'"#, "signals do the same"),
        (r#"$WEIR_SIM_CONTROL/faults -d '{"nonsense":5}'"#, "unknown variant"),
        (r#"$WEIR_SIM_CONTROL/faults -d '{"ill":["nobody","all",5]}'"#, "there is no target group nobody"),
        (r"$WEIR_SIM_CONTROL/groups/nobody -X PUT -d '{}'", "there is no target group nobody"),
        (r#"$WEIR_SIM_CONTROL/groups/checkout-blue -X PUT -d '{"errors":5}'"#, "unknown field"),
        (r#"$WEIR_SIM_CONTROL/groups/checkout-blue -X PUT -d '{"errorPermille":5000}'"#, "expected 0 to 1000"),
        (r#"$WEIR_SIM_CONTROL/traffic -X PUT -d '{"balancer":"b","port":1,"requestsPerSecond":0}'"#, "expected 1 to"),
        (r#"$WEIR_SIM_CONTROL/traffic -X PUT -d '{"balancer":"b","port":1}'"#, "there is no balancer b"),
        (r#"$WEIR_SIM_CONTROL/traffic -X PUT -d '{"balancer":"b","port":1,"clients":4000000000}'"#, "expected clients"),
        (r#"$WEIR_SIM_CONTROL/clock -d '{"forward":"40d"}'"#, "7d at most"),
        ("$WEIR_SIM_CONTROL/traffic", "PUT /traffic lets them come"),
        (r#"$WEIR_SIM_CONTROL/clock -d '{"forward":"soon"}'"#, "soon"),
        ("$WEIR_SIM_CONTROL/elsewhere", "there is no such thing here"),
    ] {
        let said = sim.fails(&told(request));
        assert!(said.contains(words) && said.contains("PUT    /groups/NAME"), "{request}: {said}");
    }
}
