//! The panel on terminals of several widths.

use weir_api::traffic_shift::Phase;

use super::super::scene::{Scene, ShiftState, Side};
use super::lines;

fn scene() -> Scene {
    let side = |name: &str, weight_percent, share_permille, rate_tenths, healthy| Side {
        name: name.to_owned(),
        weight_percent,
        share_permille,
        rate_tenths,
        failed: u64::from(rate_tenths == 101) * 1_204,
        healthy,
        targets: 6,
    };
    Scene {
        now: "2026-11-21T10:04:31Z".parse().unwrap(),
        shift: Some(ShiftState {
            name: "checkout".to_owned(),
            to: "red".to_owned(),
            phase: Some(Phase::Paused),
            step: "2/4".to_owned(),
            waiting: "green 75, red 25 until 2026-11-21T10:05:51Z".to_owned(),
            left_seconds: Some(80),
        }),
        sides: vec![
            side("blue", None, 0, 0, 0),
            side("green", Some(75), 748, 299, 6),
            side("red", Some(25), 252, 101, 2),
        ],
        sent: 12_034,
        failed: 1_204,
        rate_tenths: 400,
    }
}

#[test]
fn the_panel_says_how_things_stand() {
    insta::assert_snapshot!(console::strip_ansi_codes(&lines(&scene(), 80).join("\n")));
}

#[test]
fn before_the_first_manifest_there_is_no_shift() {
    let scene = Scene { shift: None, sides: Vec::new(), ..scene() };
    insta::assert_snapshot!(console::strip_ansi_codes(&lines(&scene, 60).join("\n")));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in 20..140 {
        for line in lines(&scene(), columns) {
            assert!(console::measure_text_width(&line) <= columns, "{columns}: {line}");
        }
    }
}
