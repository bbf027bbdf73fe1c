//! The whole demo, as plain lines, without its pace.

use super::plain::Plain;
use super::play;
use super::show::Show;
use super::summary::Summary;

fn played(seed: u64) -> (String, Summary) {
    let mut text = Vec::new();
    let mut show = Show::Plain(Plain::new(&mut text));
    let summary = play(seed, &mut show, || None).unwrap();
    show.line(&summary.to_string()).unwrap();
    drop(show);
    (String::from_utf8(text).unwrap(), summary)
}

#[test]
fn a_release_succeeds_and_the_next_one_comes_back() {
    let (text, summary) = played(1);
    insta::assert_snapshot!(console::strip_ansi_codes(&text));
    assert!(summary.is_good(), "{:#?}", summary.verdicts);
}

#[test]
fn every_seed_ends_as_expected() {
    for seed in 2..5 {
        let (text, summary) = played(seed);
        assert!(summary.is_good(), "seed {seed}\n{text}");
    }
}
