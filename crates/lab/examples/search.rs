//! Plays every single fault of the courses.

use std::sync::atomic::{AtomicUsize, Ordering};

use weir_lab::course::Course;
use weir_lab::search;

#[expect(clippy::disallowed_methods, reason = "real time is what is measured here")]
fn main() {
    if std::env::args().nth(1).as_deref() == Some("--plan") {
        let plan: weir_lab::plan::Plan = serde_json::from_str(&std::env::args().nth(2).unwrap()).unwrap();
        let played = plan.play();
        println!("{plan}{}", weir_lab::timeline::timeline(&played.evidence));
        for failure in &played.failures {
            println!("{failure}");
        }
        return;
    }
    let step: usize = std::env::args().nth(1).and_then(|step| step.parse().ok()).unwrap_or(1);
    let offset: usize = std::env::args().nth(2).and_then(|step| step.parse().ok()).unwrap_or(0);
    let course = match std::env::args().nth(3).as_deref() {
        Some("first") => Course::first(),
        Some("short") => Course::short(),
        Some("sticky") => Course::sticky(),
        _ => Course::release(),
    };
    let all = search::singles(1, &course);
    println!("{} plans", all.len());
    let plans: Vec<_> = all.into_iter().skip(offset).step_by(step).collect();
    let began = std::time::Instant::now();
    let played = AtomicUsize::new(0);
    let found = search::play_all(&plans, |_, _| {
        let played = played.fetch_add(1, Ordering::Relaxed) + 1;
        if played.is_multiple_of(200) {
            println!("{played} of {}", plans.len());
        }
    });
    let mut kinds = std::collections::BTreeMap::<(String, String), (usize, String)>::new();
    for found in &found {
        for failure in &found.failures {
            let class = found.plan.faults.first().map_or("none", |planned| planned.fault.class());
            let wrong = format!("{:?}", failure.wrong);
            let entry = kinds.entry((class.to_owned(), wrong)).or_insert((0, String::new()));
            entry.0 += 1;
            if entry.0 <= 2 {
                entry.1 += &format!("   {} {}\n", serde_json::to_string(&found.plan).unwrap(), failure);
            }
        }
    }
    for ((class, wrong), (count, example)) in kinds {
        println!("{class} {wrong} {count}\n{}", example);
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{} plans, {} failed, {:.1} a second", plans.len(), found.len(), plans.len() as f64 / seconds);
}
