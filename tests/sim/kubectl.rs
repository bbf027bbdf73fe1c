//! What kubectl is used for.

use super::shell::Sim;

const SHOP: &str = "-n shop";

fn shop() -> Option<Sim> {
    let sim = Sim::start(&["examples/sim/release.yaml"])?;
    assert_eq!(sim.run("kubectl create namespace shop"), "namespace/shop created\n");
    Some(sim)
}

#[test]
fn kinds_are_found_and_explained() {
    let Some(sim) = shop() else { return };
    let kinds = sim.run("kubectl api-resources --api-group weir.dev -o name --sort-by name");
    let expected =
        ["entrypoints", "environments", "trafficshifts", "weightedroutes"].map(|kind| format!("{kind}.weir.dev\n"));
    assert_eq!(kinds, expected.concat());
    let explained = sim.run("kubectl explain trafficshift.spec.to");
    assert!(explained.contains("GROUP:      weir.dev") && explained.contains("FIELD: to <string>"), "{explained}");
    let tree = sim.run("kubectl explain trafficshift.spec --recursive");
    assert!(tree.contains("strategy\t<Object>"), "{tree}");
    assert!(sim.run("kubectl get crds").contains("trafficshifts.weir.dev"));
    assert!(sim.run("kubectl get namespaces").contains("shop"));
    assert!(sim.run("kubectl version").contains("Server Version: v1.36"));
}

#[test]
fn objects_are_made_shown_changed_and_deleted() {
    let Some(sim) = shop() else { return };
    let applied = sim.run(&format!("kubectl {SHOP} apply -f examples/release"));
    assert_eq!(applied.lines().filter(|line| line.ends_with(" created")).count(), 6, "{applied}");
    let again = sim.run(&format!("kubectl {SHOP} apply -f examples/release"));
    assert_eq!(again.lines().filter(|line| line.ends_with(" unchanged")).count(), 6, "{again}");
    let shown = sim.run(&format!("kubectl {SHOP} get ts"));
    assert!(shown.starts_with("NAME       READY") && shown.contains("\ncheckout"), "{shown}");
    assert_eq!(sim.run(&format!("kubectl {SHOP} get ts/checkout -o jsonpath='{{.spec.to}}'")), "green");
    assert!(
        sim.run(&format!("kubectl {SHOP} get weir")).contains("trafficshift.weir.dev/checkout"),
        "by their category"
    );
    sim.run(&format!("kubectl {SHOP} patch ts checkout --type merge -p '{{\"spec\":{{\"to\":\"red\"}}}}'"));
    sim.run(&format!("kubectl {SHOP} annotate ts/checkout weir.dev/command=abort/1"));
    sim.run(&format!("kubectl {SHOP} label ts/checkout team=shop"));
    sim.run(&format!("EDITOR='sed -i s/15m/20m/' kubectl {SHOP} edit ts checkout"));
    let described = sim.run(&format!("kubectl {SHOP} describe ts checkout"));
    for line in ["Labels:       team=shop", "weir.dev/command: abort/1", "Progress Deadline:  20m", "To:          red"]
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_there = |found: &str| found.split_whitespace().collect::<Vec<_>>().ends_with(&words);
        assert!(described.lines().any(is_there), "{line} in {described}");
    }
    assert!(described.lines().any(|line| line.starts_with("Events:") && line.ends_with("<none>")), "{described}");
    assert!(sim.run(&format!("kubectl {SHOP} get ts -l team=shop -o name")).contains("checkout"));
    assert!(sim.run(&format!("kubectl {SHOP} diff -f examples/release || true")).contains("+  to: green"));
    let deleted = sim.run(&format!("kubectl {SHOP} delete -f examples/release"));
    assert_eq!(deleted.lines().filter(|line| line.contains(" deleted")).count(), 6, "{deleted}");
    assert_eq!(sim.run(&format!("kubectl {SHOP} get ts -o name")), "");
}

#[test]
fn watches_tell_of_changes_in_columns() {
    let Some(sim) = shop() else { return };
    sim.run(&format!("kubectl {SHOP} apply -f examples/release"));
    let watch = format!("seen=$(mktemp); kubectl {SHOP} get ts -w > $seen & watch=$!");
    let until = |word: &str| format!("for i in $(seq 300); do grep -q {word} $seen && break; sleep 0.1; done");
    let change =
        format!("kubectl {SHOP} patch ts checkout --type merge -p '{{\"spec\":{{\"to\":\"red\"}}}}' >/dev/null");
    let (before, after) = (until("green"), until("red"));
    let seen = sim.run(&format!("{watch}; {before}; {change}; {after}; kill $watch; cat $seen; rm $seen"));
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines.len(), 3, "{seen}");
    assert!(lines[0].starts_with("NAME") && lines[1].contains("green") && lines[2].contains("red"), "{seen}");
}

#[test]
fn mistakes_are_told_as_a_real_server_tells_them() {
    let Some(sim) = shop() else { return };
    let typo = "sed s/onFailure/onFailures/ examples/release/shift.yaml";
    let said = sim.fails(&format!("{typo} | kubectl {SHOP} apply -f -"));
    assert!(said.contains(r#"strict decoding error: unknown field "spec.onFailures""#), "{said}");
    let wrong = "sed 's/weight: 25/weight: 250/' examples/release/shift.yaml";
    let said = sim.fails(&format!("{wrong} | kubectl {SHOP} apply -f -"));
    assert!(said.contains("spec.strategy.steps[1].weight") && said.contains("250"), "{said}");
    let said = sim.fails(&format!("kubectl {SHOP} apply --server-side -f examples/release"));
    assert!(said.contains("server-side apply") && said.contains("without --server-side"), "{said}");
    let said = sim.fails(&format!("kubectl {SHOP} get pods"));
    assert!(said.contains(r#"the server doesn't have a resource type "pods""#), "{said}");
    assert!(sim.fails("kubectl -n nowhere create -f examples/release").contains(r#"namespaces "nowhere" not found"#));
}
