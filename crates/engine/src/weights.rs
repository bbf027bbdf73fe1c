//! Arithmetic on the weights of environments. Weights are relative: only their proportions matter.

use std::collections::{BTreeMap, BTreeSet};

use weir_api::weighted_route::EnvironmentWeight;

/// The weight of one environment; 0 where it is not among them.
pub fn of(weights: &[EnvironmentWeight], environment: &str) -> i64 {
    weights.iter().find(|entry| entry.environment == environment).map_or(0, |entry| i64::from(entry.weight))
}

/// The sum of all weights.
pub fn total(weights: &[EnvironmentWeight]) -> i64 {
    weights.iter().map(|entry| i64::from(entry.weight)).sum()
}

/// The part of one environment in percent, rounded down; 0 where all weights are zero.
pub fn percent(weights: &[EnvironmentWeight], environment: &str) -> i32 {
    match total(weights) {
        0 => 0,
        total => i32::try_from(of(weights, environment) * 100 / total).unwrap_or(100),
    }
}

/// The part of one environment in percent, rounded up; 0 where all weights are zero.
pub fn percent_up(weights: &[EnvironmentWeight], environment: &str) -> i32 {
    match total(weights) {
        0 => 0,
        total => i32::try_from((of(weights, environment) * 100 + total - 1) / total).unwrap_or(100),
    }
}

/// The weights that are not zero.
pub fn carrying(weights: &[EnvironmentWeight]) -> Vec<EnvironmentWeight> {
    weights.iter().filter(|entry| entry.weight > 0).cloned().collect()
}

/// The weights without one environment.
pub fn without(weights: &[EnvironmentWeight], environment: &str) -> Vec<EnvironmentWeight> {
    weights.iter().filter(|entry| entry.environment != environment).cloned().collect()
}

/// Whether one environment, and no other, carries traffic.
pub fn carries_all(weights: &[EnvironmentWeight], environment: &str) -> bool {
    of(weights, environment) > 0 && total(weights) == of(weights, environment)
}

/// Whether both split the traffic alike. Environments without weight do not matter.
pub fn same_split(a: &[EnvironmentWeight], b: &[EnvironmentWeight]) -> bool {
    let (total_a, total_b) = (total(a), total(b));
    if total_a == 0 || total_b == 0 {
        return total_a == total_b;
    }
    let alike = |entry: &EnvironmentWeight| of(a, &entry.environment) * total_b == of(b, &entry.environment) * total_a;
    a.iter().all(alike) && b.iter().all(alike)
}

/// Whether both split the traffic alike over the very same environments, those without weight included.
pub fn same_action(a: &[EnvironmentWeight], b: &[EnvironmentWeight]) -> bool {
    let names = |weights: &[EnvironmentWeight]| -> Vec<String> { sorted(weights).into_keys().collect() };
    names(a) == names(b) && same_split(a, b)
}

/// The weights with the candidate at a percentage and the rest shared by those that carried the traffic before, in
/// their proportions. The sum is 100, or what it was before where the candidate gets nothing. Where nothing carried
/// the traffic, the candidate gets all of it, since no other weights are possible.
///
/// Sharing is by the divisor method of Sainte-Laguë, under which no environment gains when less is left to share.
pub fn blend(from: &[EnvironmentWeight], candidate: &str, percent: i32) -> Vec<EnvironmentWeight> {
    let others = carrying(&without(from, candidate));
    let percent = percent.clamp(0, 100);
    if others.is_empty() {
        return vec![EnvironmentWeight { environment: candidate.to_owned(), weight: 100 }];
    }
    if percent == 0 {
        let mut weights = others;
        weights.push(EnvironmentWeight { environment: candidate.to_owned(), weight: 0 });
        return normal(weights);
    }
    let mut weights = portion(&others, 100 - percent);
    weights.push(EnvironmentWeight { environment: candidate.to_owned(), weight: percent });
    normal(weights)
}

/// So many percent, shared by those that carry traffic in their proportions.
pub fn portion(weights: &[EnvironmentWeight], percent: i32) -> Vec<EnvironmentWeight> {
    let others = carrying(weights);
    let mut shared: Vec<EnvironmentWeight> =
        others.iter().map(|entry| EnvironmentWeight { environment: entry.environment.clone(), weight: 0 }).collect();
    for _ in 0..percent {
        // The one with the highest quotient weight / (2 × seats + 1); the first of equals, by name.
        let mut best = 0;
        for index in 1..shared.len() {
            let quotient = |at: usize| (i64::from(others[at].weight), 2 * i64::from(shared[at].weight) + 1);
            let ((weight, divisor), (best_weight, best_divisor)) = (quotient(index), quotient(best));
            if weight * best_divisor > best_weight * divisor {
                best = index;
            }
        }
        if let Some(entry) = shared.get_mut(best) {
            entry.weight += 1;
        }
    }
    shared
}

/// The environments whose part is higher in what is wanted than in what is live.
pub fn gaining<'a>(live: &[EnvironmentWeight], wanted: &'a [EnvironmentWeight]) -> Vec<&'a str> {
    let gains = |environment: &str| of(wanted, environment) * total(live) > of(live, environment) * total(wanted);
    wanted.iter().map(|entry| entry.environment.as_str()).filter(|environment| gains(environment)).collect()
}

/// Whether a change gives no environment that gains more than it had by earlier weights.
pub fn goes_back(live: &[EnvironmentWeight], wanted: &[EnvironmentWeight], earlier: &[EnvironmentWeight]) -> bool {
    let had = |name: &str| of(wanted, name) * total(earlier) <= of(earlier, name) * total(wanted);
    total(earlier) > 0 && gaining(live, wanted).into_iter().all(had)
}

/// The next weights on the way from what is live to a goal, when no part may change by more than so many percent
/// points (and what rounding adds). The goal itself where that is near enough; else the sum is 100, and every part
/// goes the same fraction of its way. The environments of both are in it, those that carry nothing and are not in the
/// goal left out.
pub fn towards(live: &[EnvironmentWeight], goal: &[EnvironmentWeight], max_step: i32) -> Vec<EnvironmentWeight> {
    let (live_total, goal_total) = (total(live), total(goal));
    let names: BTreeSet<&str> =
        carrying_names(live).chain(goal.iter().map(|entry| entry.environment.as_str())).collect();
    let way = |name: &str| of(goal, name) * live_total - of(live, name) * goal_total;
    let longest = names.iter().map(|name| way(name).abs()).max().unwrap_or(0);
    let step = i64::from(max_step.max(1));
    if live_total == 0 || goal_total == 0 || longest * 100 <= step * live_total * goal_total {
        return normal(goal.to_vec());
    }
    // Each part in percent, as a fraction: floors first, and what is left to those that were cut most.
    let denominator = live_total * longest;
    let exact = |name: &str| 100 * of(live, name) * longest + step * live_total * way(name);
    let mut parts: Vec<(&str, i64, i64)> =
        names.iter().map(|name| (*name, exact(name) / denominator, exact(name) % denominator)).collect();
    let left = 100 - parts.iter().map(|(_, whole, _)| whole).sum::<i64>();
    parts.sort_by_key(|(name, _, rest)| (std::cmp::Reverse(*rest), *name));
    let left = usize::try_from(left).unwrap_or(0);
    let weights = parts.into_iter().enumerate().map(|(index, (name, whole, _))| EnvironmentWeight {
        environment: name.to_owned(),
        weight: i32::try_from(whole).unwrap_or(0) + i32::from(index < left),
    });
    normal(weights.collect())
}

fn carrying_names(weights: &[EnvironmentWeight]) -> impl Iterator<Item = &str> {
    weights.iter().filter(|entry| entry.weight > 0).map(|entry| entry.environment.as_str())
}

/// The weights with further environments attached that carry nothing.
pub fn with_attached(weights: &[EnvironmentWeight], others: &[EnvironmentWeight]) -> Vec<EnvironmentWeight> {
    let missing = others.iter().filter(|other| !weights.iter().any(|entry| entry.environment == other.environment));
    let missing = missing.map(|other| EnvironmentWeight { environment: other.environment.clone(), weight: 0 });
    normal(weights.iter().cloned().chain(missing).collect())
}

/// The weights in the order of the names.
pub fn normal(weights: Vec<EnvironmentWeight>) -> Vec<EnvironmentWeight> {
    sorted(&weights).into_iter().map(|(environment, weight)| EnvironmentWeight { environment, weight }).collect()
}

fn sorted(weights: &[EnvironmentWeight]) -> BTreeMap<String, i32> {
    weights.iter().map(|entry| (entry.environment.clone(), entry.weight)).collect()
}

/// The weights in words, in percent of all of them: for example `blue 75, green 25`.
pub fn words(weights: &[EnvironmentWeight]) -> String {
    if weights.is_empty() {
        return "nothing".to_owned();
    }
    let total = total(weights).max(1);
    let entry = |entry: &EnvironmentWeight| format!("{} {}", entry.environment, percent_words(entry.weight, total));
    weights.iter().map(entry).collect::<Vec<_>>().join(", ")
}

/// A part in percent with two decimals at most, which is enough for the smallest that ELBv2 can tell: one of 4995.
fn percent_words(weight: i32, total: i64) -> String {
    let hundredths = (i64::from(weight) * 10_000 + total / 2) / total;
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match rest {
        0 => whole.to_string(),
        rest if rest % 10 == 0 => format!("{whole}.{}", rest / 10),
        rest => format!("{whole}.{rest:02}"),
    }
}

/// How many healthy targets a part of the traffic needs: that part of the baseline, times the percentage asked for,
/// rounded up, and at least one where the part is not zero.
pub fn needed(part_percent: i32, baseline: i32, min_healthy_percent: i32) -> i64 {
    if part_percent <= 0 {
        return 0;
    }
    let product = i64::from(part_percent) * i64::from(baseline.max(0)) * i64::from(min_healthy_percent.max(0));
    ((product + 9_999) / 10_000).max(1)
}

#[cfg(test)]
mod tests;
