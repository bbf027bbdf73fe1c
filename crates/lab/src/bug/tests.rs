//! Each planted bug is found, and it is the bug that is found.

use crate::search::hunt_all;

use super::table;

#[test]
fn every_planted_bug_is_caught_by_its_judge_and_nothing_is_without_it() {
    let escaped: Vec<String> = hunt_all().into_iter().filter_map(|(_, escaped)| escaped).collect();
    assert!(escaped.is_empty(), "{}", escaped.join("\n"));
}

#[test]
fn the_readme_has_the_table() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&table()), "put this table into crates/lab/README.md:\n{}", table());
}
