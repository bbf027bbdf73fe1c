//! What a user reads: the tables and descriptions of kubectl, half way and at the end, with the events between.

use std::fmt::Write as _;

use crate::bed::eventually;

use super::bed::Bed;
use super::manifests::{HELD_AT_25, route, shift, shift_named, stage};
use super::process::Process;

#[test]
fn tables_and_descriptions_read_well() {
    let Some(mut bed) = Process::open() else { return };
    bed.start();
    let search = route("search", ", match: {hosts: [shop.example.org]}, priority: 7", "");
    let manifests = [stage(&bed), search, shift("green", HELD_AT_25, "")].concat();
    play(&mut bed, &manifests);
    until_posted(&bed, "Paused");
    insta::assert_snapshot!("half_way", printed(&bed));
    let user: &mut dyn Bed = &mut bed;
    user.command("abort/1");
    user.await_condition("trafficshifts", "checkout", "Complete");
    user.rest();
    until_posted(&bed, "RolledBack");
    insta::assert_snapshot!("rolled_back", printed(&bed));
}

/// Brings the release to its pause, and a second shift to a stand.
fn play(bed: &mut dyn Bed, manifests: &str) {
    bed.apply(manifests);
    bed.until_phase("Paused", 25);
    bed.apply(&shift_named("late", "red", HELD_AT_25, ""));
    bed.until_true("trafficshifts", "late", "Stalled");
    bed.rest();
}

/// Waits until the API server has every event that was told, one of them for this reason: the log has them first.
fn until_posted(bed: &Process, reason: &str) {
    eventually("every event is posted", || {
        let log = bed.last_words();
        let posted = bed.kubernetes.kubectl(&["get", "events", "--output=name"]).lines().count();
        let all = log.contains(&format!(r#""reason":"{reason}""#)) && posted == log.matches(r#""reason":"#).count();
        all.then_some(()).ok_or(log)
    });
}

/// Everything that kubectl shows a user who looks.
fn printed(bed: &Process) -> String {
    let looks: [&[&str]; 3] =
        [&["get", "ts,wr,wep,wenv"], &["describe", "ts", "checkout"], &["describe", "wr", "checkout"]];
    let look = |arguments: &&[&str]| {
        let shown = plain(bed, &bed.kubernetes.kubectl(arguments));
        format!("$ kubectl {}\n{shown}", arguments.join(" "))
    };
    looks.iter().map(look).collect::<Vec<_>>().join("\n")
}

/// A text without what is different each time: names made for the case, identifiers, ages and instants.
fn plain(bed: &Process, text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let line = line.replace(bed.namespace(), "shop").replace(&bed.name(""), "shop-");
        lines += with_plain_age(&with_plain_values(&line)).trim_end();
        lines.push('\n');
    }
    lines
}

/// Instants, versions and identifiers of a description.
fn with_plain_values(line: &str) -> String {
    let Some((name, value)) = line.split_once(": ") else {
        let item = line.trim_start();
        let indent = &line[..line.len() - item.len()];
        return if item.starts_with("arn:") {
            format!("{indent}{}", without_identifiers(item))
        } else {
            line.to_owned()
        };
    };
    let plain = match name.trim() {
        "Resource Version" => "VERSION".to_owned(),
        "UID" => "UID".to_owned(),
        "Dns Name" => without_identifiers(value),
        _ if value.trim().starts_with("arn:") => without_identifiers(value),
        _ if is_instant(value.trim()) => "INSTANT".to_owned(),
        _ => return line.to_owned(),
    };
    let indent = &value[..value.len() - value.trim_start().len()];
    format!("{name}: {indent}{plain}")
}

fn without_identifiers(value: &str) -> String {
    value.trim().split('/').filter(|part| !is_identifier(part)).collect::<Vec<_>>().join("/")
}

fn is_instant(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && text.starts_with("20") && text.contains('T')
}

fn is_identifier(text: &str) -> bool {
    text.len() == 16 && text.chars().all(|letter| letter.is_ascii_hexdigit())
}

/// Ages in tables, in as much room as they had.
fn with_plain_age(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|letter| letter != ' ') {
        let (gap, word) = rest.split_at(start);
        let end = word.find(' ').unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        let room = word.len() + after.len() - after.trim_start_matches(' ').len();
        plain.push_str(gap);
        if is_age(word) {
            let _ = write!(plain, "{:room$}", "AGE");
            rest = after.trim_start_matches(' ');
        } else {
            plain.push_str(word);
            rest = after;
        }
    }
    plain
}

fn is_age(word: &str) -> bool {
    let digits = word.trim_end_matches('s');
    word.ends_with('s') && !digits.is_empty() && digits.chars().all(|letter| letter.is_ascii_digit() || letter == 'm')
}
