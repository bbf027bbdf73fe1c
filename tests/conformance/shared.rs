//! The story of `examples/shared` as its README tells it: each command is run, and what is shown must come out.
//!
//! Weir looks at all namespaces here, so the API server is this test's own: in the shared one it would meddle with the
//! objects of other cases.

use std::thread;
use std::time::Duration;

use crate::bed::pages::{Step, plain, steps};
use crate::bed::server::Server;
use crate::bed::{Cluster, Moto, own_cluster, own_moto, places};

use super::kubernetes::define_kinds;
use super::process::{self, Listener, weir_run};

/// The heading of the story in the README.
const STORY: &str = "## One balancer, several teams";
/// The balancer of the platform team, as its manifest names it.
const BALANCER: &str = "shop-public";
/// The access key by which moto knows the account of `weir run`.
const ACCOUNT: &str = "testing";
/// The target groups of the teams.
const GROUPS: [&str; 3] = ["cart-1", "search-1", "deals-1"];
/// How often a look is taken until what is shown is there: a minute at least.
const LOOKS: u32 = 300;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

#[test]
fn three_teams_share_a_balancer_as_the_readme_tells() {
    let (Some(moto), Some(cluster)) = (own_moto(), own_cluster()) else { return };
    furnish(&moto);
    define_kinds(&cluster);
    let mut weir = weir_run(&moto);
    weir.arg("--kubeconfig").arg(cluster.kubeconfig()).args(["--listen", "127.0.0.1:0"]);
    let weir =
        Server::start("weir run", places::scratch("weir").unwrap(), &weir).unwrap_or_else(|said| panic!("{said}"));
    let steps = steps("examples/README.md", STORY);
    assert!(steps.len() > 10, "the story was found: {steps:?}");
    for step in steps {
        play(&cluster, &weir, &step);
    }
}

fn furnish(moto: &Moto) {
    let groups = GROUPS.map(|group| process::add_group(moto, ACCOUNT, group));
    let default = [(groups[0].as_str(), 1)];
    process::add_balancer(moto, ACCOUNT, BALANCER, &[Listener { port: 443, forward: &default }]);
}

/// Runs a command until it shows what the README shows; what the README leaves out is left open.
fn play(cluster: &Cluster, weir: &Server, step: &Step) {
    let (words, shown) = (step.words(), &step.shown);
    assert_eq!(words[0], "kubectl", "{words:?}");
    let examples = places::top().join("examples/").to_string_lossy().into_owned();
    let arguments: Vec<String> = words[1..].iter().map(|word| word.replace("examples/", &examples)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // A command that changes something is given once.
    let repeats = ["get", "wait"].iter().any(|verb| arguments.contains(verb));
    if arguments.contains(&"apply") {
        // Kubernetes tells ages by whole seconds, and nobody types faster.
        thread::sleep(Duration::from_millis(1_100));
    }
    for look in 1.. {
        let said = cluster.try_kubectl(&arguments, "");
        let as_shown = said.as_ref().is_ok_and(|said| shown.is_empty() || plain(said) == plain(shown));
        if as_shown {
            return;
        }
        if !repeats || look == LOOKS {
            let all = cluster.kubectl(&["get", "wr,ts,wep,wenv", "--all-namespaces", "-o", "wide"]);
            panic!("{}\nsaid {said:?}\nexpected {shown}\n{all}\n{}", words.join(" "), weir.log());
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}
