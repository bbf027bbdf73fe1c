//! The picture of one moment, as lines of a given width.

use console::{pad_str, style, truncate_str};
use weir_api::traffic_shift::Phase;

use super::bar;
use super::scene::{Scene, ShiftState, Side, clock_time};
use crate::figures::{span, tenths, thousands};

/// The panel is not drawn wider than this: eyes get lost on long lines.
const WIDEST: usize = 100;
/// The columns in front of the bars.
const LABEL: usize = 10;

/// The picture of a scene in at most so many columns.
pub fn lines(scene: &Scene, columns: usize) -> Vec<String> {
    let columns = columns.min(WIDEST);
    let mut lines = vec![style("─".repeat(columns)).dim().to_string()];
    lines.extend(heading(scene));
    lines.push(String::new());
    let cells = columns.saturating_sub(LABEL + 1);
    let weights: Vec<u64> = scene.sides.iter().map(|side| u64::from(side.weight_percent.unwrap_or(0))).collect();
    let shares: Vec<u64> = scene.sides.iter().map(|side| u64::from(side.share_permille)).collect();
    lines.push(format!("  weights {}", bar::divided(&weights, cells)));
    lines.push(format!("  seen    {}", bar::divided(&shares, cells)));
    lines.push(String::new());
    lines.push(style("             weight    seen  requests/s  failed  targets").dim().to_string());
    lines.extend(scene.sides.iter().enumerate().map(|(index, side)| row(index, side)));
    lines.push(String::new());
    let failed = thousands(scene.failed);
    let failed = if scene.failed == 0 { style(failed).green() } else { style(failed).red().bold() };
    lines.push(format!("  {} requests/s, {} sent, {failed} failed", tenths(scene.rate_tenths), thousands(scene.sent)));
    lines.into_iter().map(|line| truncate_str(&line, columns, "…").into_owned()).collect()
}

fn heading(scene: &Scene) -> Vec<String> {
    let time = style(clock_time(scene.now)).dim();
    let Some(shift) = &scene.shift else {
        return vec![format!("  {time}  {}", style("no TrafficShift yet").dim()), String::new()];
    };
    let ShiftState { name, to, step, waiting, left_seconds, .. } = shift;
    let left = left_seconds.map_or_else(String::new, |seconds| format!(" ({} left)", span(seconds)));
    vec![
        format!("  {time}  {} → {}   {}   step {step}", style(name).bold(), style(to).bold(), phase_word(shift)),
        if waiting.is_empty() {
            String::new()
        } else {
            format!("            {}", style(format!("{waiting}{left}")).dim())
        },
    ]
}

fn phase_word(shift: &ShiftState) -> String {
    let word = style(shift.phase()).bold();
    match shift.phase {
        Some(Phase::Succeeded) => word.green(),
        Some(Phase::RollingBack | Phase::RolledBack | Phase::Failed | Phase::Degraded) => word.red(),
        Some(Phase::Paused | Phase::Held) => word.yellow(),
        _ => word.cyan(),
    }
    .to_string()
}

fn row(index: usize, side: &Side) -> String {
    let name = pad_str(&side.name, LABEL - 4, console::Alignment::Left, Some("…"));
    let weight = side.weight_percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"));
    let share = format!("{} %", tenths(u64::from(side.share_permille)));
    let failed = format!("{:>8}", thousands(side.failed));
    let failed = if side.failed == 0 { style(failed).dim() } else { style(failed).red().bold() };
    format!(
        "  {} {} {weight:>9}  {share:>6}  {:>10}{failed}  {}",
        bar::mark(index),
        bar::style(index).apply_to(name),
        tenths(side.rate_tenths),
        targets(side)
    )
}

/// A dot for each target: full ones are healthy.
fn targets(side: &Side) -> String {
    let ill = side.targets.saturating_sub(side.healthy);
    let dots = |count: u32, dot: &str| dot.repeat(usize::try_from(count).unwrap_or_default());
    let healthy = style(dots(side.healthy, "●")).green();
    let ill_dots = dots(ill, "○");
    // A group that no listener uses is not checked.
    let ill_dots = if side.weight_percent.is_none() { style(ill_dots).dim() } else { style(ill_dots).red() };
    format!("{healthy}{ill_dots}")
}

#[cfg(test)]
mod tests;
