//! What goes wrong before there is a world, and how it ends.

use std::fs;
use std::process::{Command, Output};

use crate::bed::places;

use super::shell::Sim;

/// What `weir sim` says of a file, which it must refuse.
fn refused(text: &str) -> String {
    let file = places::scratch("sim-mistake").unwrap().join("world.yaml");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let Output { status, stdout, stderr } = command.args(["sim", "-f"]).arg(&file).output().unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(1), 0), "it ends with a failure, and says nothing else");
    let said = String::from_utf8(stderr).unwrap();
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
    said
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_place() {
    let said = refused("balancers:\n- name: public\n  listener: []\n");
    for words in ["world.yaml", "line 3", "unknown field", "listener", "listeners"] {
        assert!(said.contains(words), "{words} in {said}");
    }
    let said = refused("balancers:\n- name: public\n  listeners:\n  - {port: 80, forward: {blue: 1}}\n");
    assert!(said.contains("listener 80 of balancer public cannot be made") && said.contains("blue"), "{said}");
    let said = refused("kind: [");
    assert!(said.contains("could not be read"), "{said}");
}

#[test]
fn what_is_not_there_is_named() {
    let Output { status, stderr, .. } =
        Command::new(env!("CARGO_BIN_EXE_weir")).args(["sim", "-f", "nowhere.yaml"]).output().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(String::from_utf8(stderr).unwrap().contains("cannot read nowhere.yaml"));
}

#[test]
fn it_ends_when_told_and_leaves_nothing_behind() {
    let Some(sim) = Sim::start(&[]) else { return };
    let env = sim.env();
    assert!(env.exists());
    assert_eq!(sim.terminate(), 0);
    assert!(!env.exists(), "it leads nowhere any more");
}
