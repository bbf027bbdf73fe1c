//! The release of the README, word for word, without a cluster and without AWS.

use crate::bed::pages::{plain, steps};
use crate::bed::{eventually, own_cluster};

use super::shell::Sim;

/// The page of the README on which the story stands.
const STORY: &str = "## Install";

#[test]
fn the_readme_is_played_by_kubectl_and_weir_run() {
    let Some(sim) = Sim::start_with(&["--speed", "10"], &["examples/sim/release.yaml"]) else { return };
    play(sim);
}

#[test]
fn the_same_on_a_real_cluster_with_a_simulated_aws() {
    let Some(cluster) = own_cluster() else { return };
    let Some(sim) = Sim::start_with(&["--speed", "10"], &["examples/sim/release.yaml"]) else { return };
    let sim = sim.beside(&cluster);
    sim.run(&format!("{} crds | kubectl apply --server-side -f -", env!("CARGO_BIN_EXE_weir")));
    sim.run("kubectl wait crd --all --for=condition=Established --timeout=1m");
    play(sim);
}

#[test]
fn weights_are_set_by_hand_as_the_readme_says() {
    let Some(mut sim) = Sim::start_with(&["--speed", "10"], &["examples/sim/release.yaml"]) else { return };
    sim.start_controller();
    sim.run("kubectl apply -f examples/release");
    sim.run("kubectl wait ts/checkout --for=jsonpath='{.status.phase}'=Paused --timeout=5m");
    let found = steps("README.md", "## Weights by hand");
    let [by_hand, back, taken_away] = &found[..] else { panic!("{found:?}") };
    for (step, live) in [(by_hand, "blue 80, green 20"), (back, "blue 100, green 0")] {
        sim.run(&step.command);
        eventually(live, || {
            let said = sim.try_run("kubectl get wr checkout -o jsonpath='{.status.live}'")?;
            if said == live { Ok(()) } else { Err(said) }
        });
    }
    // A run that was cut short begins anew, and holds.
    sim.run(&taken_away.command);
    eventually("the shift has the route again", || {
        let said = sim.try_run("kubectl get ts checkout --no-headers")?;
        if plain(&said).contains("green Held") { Ok(()) } else { Err(said) }
    });
    sim.run("kubectl annotate ts/checkout weir.dev/command=resume/1");
    sim.run("kubectl wait ts/checkout --for=jsonpath='{.status.phase}'=Paused --timeout=5m");
}

fn play(mut sim: Sim) {
    sim.start_controller();
    let steps = steps("README.md", STORY);
    let mut played = 0;
    for step in steps {
        let line = step.command.clone();
        // The image and the chart are not needed: the kinds are there, and `weir run` is a process.
        if !line.starts_with("kubectl") || line.contains("weir-system") {
            continue;
        }
        if step.shown.is_empty() {
            sim.run(&line);
        } else {
            eventually(&line, || {
                let said = sim.try_run(&line)?;
                if plain(&said) == plain(&step.shown) { Ok(()) } else { Err(said) }
            });
        }
        played += 1;
    }
    assert!(played >= 7, "only {played} commands were found");
}
