//! Bars of text: how a whole is divided between environments.

use console::{Color, Style};

/// The colours of the environments, in their order.
const COLORS: [Color; 6] = [Color::Blue, Color::Green, Color::Red, Color::Yellow, Color::Magenta, Color::Cyan];
/// What tells the parts apart where there is no colour.
const FILLS: [char; 6] = ['█', '▒', '░', '▓', '▚', '▞'];
/// What a bar of nothing is made of.
const EMPTY: char = '·';

/// The style of the environment with a number.
pub fn style(index: usize) -> Style {
    Style::new().fg(COLORS[index % COLORS.len()]).bright()
}

/// A bar of so many cells, divided by parts of any common measure. A part that is not nothing gets a cell.
pub fn divided(parts: &[u64], cells: usize) -> String {
    let widths = cells_of(parts, cells);
    if widths.iter().sum::<usize>() == 0 {
        return EMPTY.to_string().repeat(cells);
    }
    let colored = console::colors_enabled();
    let mut bar = String::new();
    for (index, width) in widths.into_iter().enumerate().filter(|(_, width)| *width > 0) {
        let fill = if colored { FILLS[0] } else { FILLS[index % FILLS.len()] };
        bar.push_str(&style(index).apply_to(fill.to_string().repeat(width)).to_string());
    }
    bar
}

/// A key to the bars: the mark of an environment.
pub fn mark(index: usize) -> String {
    let fill = if console::colors_enabled() { FILLS[0] } else { FILLS[index % FILLS.len()] };
    style(index).apply_to(fill).to_string()
}

/// Divides cells by the largest remainder, after each part that is not nothing has got one.
fn cells_of(parts: &[u64], cells: usize) -> Vec<usize> {
    let whole: u64 = parts.iter().sum();
    if whole == 0 {
        return vec![0; parts.len()];
    }
    let exact = |part: u64| part * cells as u64;
    let mut widths: Vec<usize> = parts
        .iter()
        .map(|part| usize::try_from(exact(*part) / whole).unwrap_or(cells).max(usize::from(*part > 0)))
        .collect();
    while widths.iter().sum::<usize>() > cells {
        let Some(widest) = (0..widths.len()).max_by_key(|index| widths[*index]) else { break };
        widths[widest] -= 1;
    }
    while widths.iter().sum::<usize>() < cells {
        let missing = |index: &usize| exact(parts[*index]).saturating_sub(widths[*index] as u64 * whole);
        let Some(next) = (0..widths.len()).max_by_key(missing) else { break };
        widths[next] += 1;
    }
    widths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::cells_of;

    #[test]
    fn cells_follow_the_parts() {
        assert_eq!(cells_of(&[75, 25], 40), [30, 10]);
        assert_eq!(cells_of(&[95, 5, 0], 10), [9, 1, 0]);
        assert_eq!(cells_of(&[999, 1], 10), [9, 1]);
        assert_eq!(cells_of(&[1, 1, 1], 10).iter().sum::<usize>(), 10);
        assert_eq!(cells_of(&[0, 0], 10), [0, 0]);
    }

    proptest! {
        #[test]
        fn a_bar_is_full_and_leaves_nobody_out(parts in prop::collection::vec(0_u64..2_000, 1..6), cells in 6_usize..80) {
            let widths = cells_of(&parts, cells);
            let whole: u64 = parts.iter().sum();
            prop_assert_eq!(widths.iter().sum::<usize>(), if whole == 0 { 0 } else { cells });
            for (part, width) in parts.iter().zip(widths) {
                prop_assert_eq!(*part > 0, width > 0);
            }
        }
    }
}
