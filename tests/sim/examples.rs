//! The page of the examples, word for word, on a simulated AWS. Pauses of minutes are ended by `promote`, as the page says; everything
//! else is typed as it stands.

use crate::bed::pages::{Step, plain, steps};
use crate::bed::server::Server;
use crate::bed::{eventually, own_cluster};

use super::shell::Sim;

/// The page.
const PAGE: &str = "examples/README.md";
/// How long a watch may take to tell what the page shows.
const WATCH_SECONDS: u32 = 120;

fn world() -> Option<Sim> {
    Sim::start_with(&["--speed", "10"], &["examples/sim/examples.yaml"])
}

/// Plays on a real cluster, with a simulated AWS.
fn beside_a_cluster(story: fn(Sim)) {
    let Some(cluster) = own_cluster() else { return };
    let Some(sim) = world() else { return };
    let sim = sim.beside(&cluster);
    sim.run(&format!("{} crds | kubectl apply --server-side -f -", env!("CARGO_BIN_EXE_weir")));
    sim.run("kubectl wait crd --all --for=condition=Established --timeout=1m");
    story(sim);
}

#[test]
fn the_examples_of_one_team_are_played_word_for_word() {
    if let Some(sim) = world() {
        one_team(sim);
    }
}

#[test]
fn those_of_several_teams_too() {
    if let Some(sim) = world() {
        several_teams(sim);
    }
}

#[test]
fn and_all_on_a_real_cluster_with_a_simulated_aws() {
    beside_a_cluster(one_team);
    beside_a_cluster(several_teams);
}

/// Types a command, until it prints what the page shows where the page shows anything.
fn play(sim: &Sim, step: &Step) -> String {
    let line = &step.command;
    if step.shown.is_empty() {
        return sim.run(line);
    }
    // An object is made once.
    if line.contains(" apply ") {
        let said = sim.run(line);
        assert_eq!(plain(&said), plain(&step.shown), "{line}");
        return said;
    }
    until_shown(sim, line, &[&step.shown])
}

/// Types a command until it prints one of these.
fn until_shown(sim: &Sim, line: &str, shown: &[&str]) -> String {
    eventually(line, || {
        let said = sim.try_run(line)?;
        if shown.iter().any(|shown| plain(&said) == plain(shown)) { Ok(said) } else { Err(said) }
    })
}

/// The only steps of a section, by their number.
fn section<const N: usize>(heading: &str) -> [Step; N] {
    let found = steps(PAGE, heading);
    found.try_into().unwrap_or_else(|found: Vec<Step>| panic!("{PAGE}, {heading}: {N} commands, found {found:#?}"))
}

/// Waits for a moment of the shift `checkout`, as its line of columns tells it.
fn until(sim: &Sim, moment: &str) {
    eventually(moment, || {
        let said = sim.try_run("kubectl -n shop get ts checkout --no-headers")?;
        if plain(&said).contains(moment) { Ok(()) } else { Err(said) }
    });
}

fn one_team(mut sim: Sim) {
    sim.start_controller();
    a_release(&sim);
    the_way_back(&sim);
    commands(&sim);
    a_rule(&sim);
    let [begin, wait, end] = section("## Previews, and names with a suffix");
    play(&sim, &begin);
    play(&sim, &wait);
    assert_eq!(sim.run("kubectl -n shop get wr checkout-pr7 -o jsonpath='{.status.live}'"), "checkout-pr7 100");
    play(&sim, &end);
    let [leave] = section("## Taking leave");
    play(&sim, &leave);
    assert_eq!(sim.run("kubectl -n shop get weir -o name"), "");
}

fn a_release(sim: &Sim) {
    let [namespace, apply, watch, describe, events, wait, reason] = section("## A release");
    play(sim, &namespace);
    play(sim, &apply);
    let mut watching = sim.start_beside("kubectl", &watch.command);
    for moment in ["Paused 1/4 blue 95, green 5", "Paused 2/4 blue 75, green 25", "Paused 3/4 blue 50, green 50"] {
        until(sim, moment);
        play(sim, &describe);
        assert!(play(sim, &events).contains("Paused"), "{}", events.command);
        promote(sim);
    }
    play(sim, &wait);
    play(sim, &reason);
    tells(&mut watching, &watch.shown);
}

/// Ends the present pause, as the page says.
fn promote(sim: &Sim) {
    let token = sim.run("kubectl -n shop get ts checkout -o jsonpath='{.metadata.resourceVersion}'");
    sim.run(&format!("kubectl -n shop annotate ts checkout --overwrite weir.dev/command=promote/{token}"));
}

/// A watch tells all lines of the page, in their order, and between them others.
fn tells(watching: &mut Server, shown: &str) {
    let expected: Vec<String> = shown.lines().filter(|line| *line != "…").map(line).collect();
    let told = watching.wait_until(WATCH_SECONDS, |server| {
        let log = server.log();
        let mut told = log.lines().map(line);
        let all = expected.iter().all(|line| {
            // A long message is cut on the page.
            let (begin, end) = line.split_once('…').unwrap_or((line, ""));
            told.any(|told| told.starts_with(begin) && told.ends_with(end))
        });
        all.then_some(())
    });
    told.unwrap_or_else(|said| panic!("{expected:#?}\n{said}"));
}

/// A line of a table, without ages and instants.
fn line(text: &str) -> String {
    let is_instant = |word: &str| word.len() == 20 && word.ends_with('Z');
    let words: Vec<String> = plain(text)
        .split(' ')
        .map(|word| if is_instant(word) { "INSTANT".to_owned() } else { word.to_owned() })
        .collect();
    words.join(" ")
}

fn the_way_back(sim: &Sim) {
    let [to_red, to_green, glass] = section("## The next release, and the way back");
    play(sim, &to_red);
    until(sim, "Paused 1/4 green 95, red 5");
    play(sim, &to_green);
    until(sim, "Succeeded");
    until(sim, "green 100, red 0");
    play(sim, &glass);
}

fn commands(sim: &Sim) {
    let [pause, resume, promote, abort, retry, again, taken, complete] = section("## Commands");
    let [to_red, ..]: [Step; 3] = section("## The next release, and the way back");
    play(sim, &to_red);
    until(sim, "Paused 1/4 green 95, red 5");
    play(sim, &pause);
    until(sim, "Held 1/4");
    play(sim, &resume);
    until(sim, "Paused 1/4");
    play(sim, &promote);
    until(sim, "Paused 2/4 green 75, red 25");
    play(sim, &abort);
    until(sim, "RolledBack");
    play(sim, &retry);
    until(sim, "Paused 1/4 green 95, red 5");
    sim.run("kubectl -n shop annotate ts checkout --overwrite weir.dev/command=abort/again");
    until(sim, "RolledBack");
    play(sim, &again);
    play(sim, &taken);
    for moment in ["Paused 1/4 green 95, red 5", "Paused 2/4 green 75, red 25", "Paused 3/4 green 50, red 50"] {
        until(sim, moment);
        self::promote(sim);
    }
    play(sim, &complete);
    until(sim, "Succeeded");
    until(sim, "green 0, red 100");
}

fn a_rule(sim: &Sim) {
    let [apply, get] = section("## A rule of its own");
    play(sim, &apply);
    play(sim, &get);
    let events = sim.run("kubectl -n shop events --for ts/search");
    assert!(events.contains("gets all of it at once, healthy or not"), "{events}");
    sim.run(r#"kubectl -n shop patch ts search --type merge -p '{"spec":{"to":"search-2"}}'"#);
    eventually("a fifth of search is moved", || {
        let live = sim.try_run("kubectl -n shop get wr search -o jsonpath='{.status.live}'")?;
        if live == "search-1 80, search-2 20" { Ok(()) } else { Err(live) }
    });
}

fn several_teams(mut sim: Sim) {
    sim.start_controller();
    let all = steps(PAGE, "## One balancer, several teams");
    for step in &all {
        // Who is older is told by whole seconds, as the page says.
        let other = "by the older WeightedRoute team-search/search;";
        let same = "by the WeightedRoute team-search/search, which has its place already;";
        if step.shown.contains(other) {
            until_shown(&sim, &step.command, &[&step.shown, &step.shown.replace(other, same)]);
        } else {
            play(&sim, step);
        }
    }
    assert!(all.len() >= 15, "only {} commands were found", all.len());
}
