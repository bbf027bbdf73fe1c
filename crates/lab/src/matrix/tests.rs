//! The page says what comes of each thing that somebody does.

use std::{env, fs};

use super::{Cell, Phase, ROWS, differences, page, play_all, read};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/drift.md");
/// With this variable set the whole table is played and the page is written, not compared.
const UPDATE: &str = "WEIR_UPDATE";
/// From which the phases are drawn in which each row is played.
const SEED: &str = "WEIR_LAB_SEED";

#[test]
fn the_page_says_what_comes_of_each_thing_that_somebody_does() {
    if env::var_os(UPDATE).is_some() {
        let (table, wrong) = play_all(&Cell::all());
        fs::write(PAGE, page(&table)).unwrap();
        assert!(wrong.is_empty(), "{} things must not happen:\n{}", wrong.len(), wrong.join("\n"));
        return;
    }
    let kept = fs::read_to_string(PAGE).unwrap();
    let table = read(&kept);
    assert!(page(&table) == kept, "docs/drift.md is not as it is written; write it with {UPDATE}=1");
    let number = env::var(SEED).map_or(0, |seed| seed.parse().unwrap());
    println!("{SEED}={number}");
    let (played, wrong) = play_all(&Cell::sample(number));
    assert!(wrong.is_empty(), "{} things must not happen:\n{}", wrong.len(), wrong.join("\n"));
    let found = differences(&table, &played);
    assert!(found.is_empty(), "write the page anew with {UPDATE}=1, or mend what is wrong:\n{}", found.join("\n"));
}

#[test]
fn a_page_is_read_as_it_was_written() {
    let verdict = |cell: &Cell| match (cell.row % 3, cell.phase) {
        (0, Phase::Verifying | Phase::AfterEnd) => "held (RuleGone)".to_owned(),
        (1, Phase::RollingBack) => "went back".to_owned(),
        _ => "left (Drifted, ForeignChange)".to_owned(),
    };
    let table = Cell::all().into_iter().map(|cell| (cell, verdict(&cell))).collect();
    let text = page(&table);
    assert_eq!(read(&text), table);
    assert!(text.contains("<br>verifying, after the end: held (RuleGone)"), "{text}");
}

#[test]
fn a_sample_has_each_row_once_under_each_policy_and_all_of_them_have_everything() {
    let sample = Cell::sample(0);
    assert_eq!(sample.len(), ROWS.len() * 4);
    let all: Vec<Cell> = (0..6).flat_map(Cell::sample).collect();
    assert!(Cell::all().iter().all(|cell| all.contains(cell)));
}
