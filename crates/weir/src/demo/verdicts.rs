//! What is expected of the play, held against what the simulated world recorded.

use std::collections::BTreeMap;
use std::io::Write;

use weir_api::TrafficShift;
use weir_api::traffic_shift::{Outcome, PastRun};
use weir_lab::judge::judge;
use weir_lab::sim::traffic::Cause;

use super::story::Story;
use super::summary::{Summary, Verdict};
use crate::figures::{span, tenths, thousands};

/// Sums the play up.
pub fn sum_up<W: Write>(story: &Story<'_, W>) -> Summary {
    let runs = runs(story);
    let mut verdicts = vec![first(story, &runs), second(story, &runs), third(story, &runs), fourth(story)];
    verdicts.extend([requests(story), invariants(story)]);
    let mut calls = BTreeMap::new();
    let mut refused = 0;
    for call in story.world.evidence().calls {
        refused += u64::from(call.code != "OK");
        *calls.entry(call.operation).or_insert(0) += 1;
    }
    let count = |part: &super::cast::Part| (part.name.clone(), story.counts(part));
    Summary {
        played_seconds: story.played().as_secs(),
        runs,
        requests: story.cast.sides.iter().map(count).collect(),
        calls,
        refused,
        verdicts,
    }
}

/// The runs that ended, oldest first, with what their candidates carried.
fn runs<W: Write>(story: &Story<'_, W>) -> Vec<(PastRun, Vec<u32>)> {
    let history = story.shift().and_then(|shift| shift.status).map(|status| status.history).unwrap_or_default();
    let trail = |run: &PastRun| story.trails.iter().find(|trail| trail.run == run.id);
    history
        .into_iter()
        .rev()
        .map(|run| (run.clone(), trail(&run).map(|trail| trail.weights.clone()).unwrap_or_default()))
        .collect()
}

fn first<W: Write>(story: &Story<'_, W>, runs: &[(PastRun, Vec<u32>)]) -> Verdict {
    let wanted = wanted_weights(story.shift().as_ref());
    let words: Vec<String> = wanted.iter().map(u32::to_string).collect();
    let to = &story.cast.first;
    let run = runs.first();
    let took = run.map(|(_, weights)| weights.iter().copied().filter(|weight| *weight > 0).collect::<Vec<_>>());
    let is_so = run.is_some_and(|(run, _)| run.to == *to && run.outcome == Outcome::Succeeded) && took == Some(wanted);
    Verdict::expect(format!("{to} took over in steps of {} %", words.join(", ")), is_so, || found(run))
}

fn second<W: Write>(story: &Story<'_, W>, runs: &[(PastRun, Vec<u32>)]) -> Verdict {
    let (to, back) = (&story.second().name, &story.cast.first);
    let run = runs.get(1);
    let is_so = story.brought_back && run.is_some_and(|(run, _)| run.to == *to && run.outcome == Outcome::RolledBack);
    let after = story.broken_at.zip(run.map(|(run, _)| run.ended_at)).map_or_else(String::new, |(broken, ended)| {
        format!(", {} later", span(broken.duration_until(ended).as_secs()))
    });
    let text = format!("{to} broke half way, and Weir brought it all back to {back} by itself{after}");
    Verdict::expect(text, is_so, || found(run))
}

fn third<W: Write>(story: &Story<'_, W>, runs: &[(PastRun, Vec<u32>)]) -> Verdict {
    let to = &story.before().name;
    let run = runs.get(2);
    let at_once = run.is_some_and(|(_, weights)| weights.iter().all(|weight| [0, 100].contains(weight)));
    let is_so = at_once && run.is_some_and(|(run, _)| run.to == *to && run.outcome == Outcome::Succeeded);
    let after = run.map_or_else(String::new, |(run, _)| {
        format!(", in {}", span(run.started_at.duration_until(run.ended_at).as_secs()))
    });
    let text = format!("{to}, which had carried all the traffic before, got everything back at once{after}");
    Verdict::expect(text, is_so, || found(run))
}

/// How far the share may be from the weight, in thousandths: requests fall by chance.
const NEAR: u32 = 50;

fn fourth<W: Write>(story: &Story<'_, W>) -> Verdict {
    let (old, first) = (&story.before().name, &story.first().name);
    let shares: Vec<String> = story
        .by_hand
        .iter()
        .map(|(part, share)| format!("{part} % were {} % of the requests", tenths(u64::from(*share))))
        .collect();
    let is_so = story.by_hand.len() == 2
        && story.by_hand.iter().all(|(part, share)| share.abs_diff(part * 10) <= NEAR)
        && story.percent(story.before()) == Some(100);
    let text = format!("{first} got by hand what it was given, and {old} has it all again: {}", shares.join(", "));
    Verdict::expect(text, is_so, || format!("{:?}", story.by_hand))
}

fn found(run: Option<&(PastRun, Vec<u32>)>) -> String {
    run.map_or_else(
        || "there is no such run".to_owned(),
        |(run, weights)| format!("run {} to {} over {weights:?} %: {:?}, {}", run.id, run.to, run.outcome, run.message),
    )
}

/// The weights of the strategy, in percent.
fn wanted_weights(shift: Option<&TrafficShift>) -> Vec<u32> {
    let steps = shift.and_then(|shift| shift.spec.strategy.steps.as_ref()).into_iter().flatten();
    steps.filter_map(|step| step.weight.and_then(|weight| u32::try_from(weight).ok())).collect()
}

/// Who failed requests, and why: the second release alone should have, by answering with errors once it was broken.
fn requests<W: Write>(story: &Story<'_, W>) -> Verdict {
    let broken = story.second();
    let expected = (Some(broken.group.clone()), Cause::AppError);
    let failures = story.traffic.failures().into_iter().filter(|(who_and_why, _)| *who_and_why != expected);
    let mut instead: Vec<String> = failures
        .map(|((group, cause), count)| {
            format!("{}: {cause}, {count} times", group.unwrap_or_else(|| "nobody".to_owned()))
        })
        .collect();
    if story.failed_before > 0 {
        instead.push(format!("{} had failed before anything was broken", thousands(story.failed_before)));
    }
    let failed = thousands(story.counts(broken).failed);
    Verdict {
        text: format!("{} failed {failed} requests while it was broken; nobody else failed one", broken.name),
        instead,
    }
}

fn invariants<W: Write>(story: &Story<'_, W>) -> Verdict {
    let breaches = judge(&story.world.evidence());
    Verdict {
        text: "no invariant was broken, as the world's own records tell".to_owned(),
        instead: breaches.iter().map(ToString::to_string).collect(),
    }
}
