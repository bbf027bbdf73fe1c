//! `docs/drift.md`: written from a table, and read back.

use std::collections::BTreeMap;

use super::{Cell, POLICIES, Phase, ROWS, Table};

const INTRODUCTION: &str = "\
# Changes that others make

What Weir does when somebody changes a rule, a listener, a group or one of Weir's objects under a route: in the console,
with Terraform, or with kubectl. `spec.drift` of the route says what becomes of weights that somebody else has set; the
rest is the same under every policy. Three things hold throughout:

- Weir makes nothing again that it has not made.
- What somebody has put there on purpose is overwritten only where `drift: Correct`, or the command `resume`, says so; and
  by a rollback, while the candidate carries traffic.
- Every run ends, or is held with a word that says why and what to do.

The table is played: each thing is done before a run, while the candidate is verified, at a step, paused by command, while
the traffic goes back, and after the end; twelve minutes later a cell says what came of it. Where a cell names no phase, it
is true of all that it does not name otherwise. In brackets stands the reason that the route shows in its conditions, and
then that of the shift, where it has another.

| word | what it means |
|---|---|
| left | what was put there is live, and is told |
| set again | what was there before is live again: Weir has written it |
| adopted | what was put there is live, and is what the route holds from now on |
| held | what was live stays live; nothing new begins until it is put right |
| went back | the run has ended, and the traffic is on what carried it before |
| goes on | nothing has to be met |

";

const AFTERWORD: &str = "
What a reason means, and what to do about it, is said in [troubleshooting.md](troubleshooting.md). The page is generated:
`WEIR_UPDATE=1 cargo test -p weir-lab matrix` plays the whole table and writes it anew.
";

const HEAD: &str = "| what is done | `drift` | what comes of it | what to do next |";
/// Instead of the names of all policies.
const ANY: &str = "any";
const BREAK: &str = "<br>";

/// The page for a table. Policies under which the same comes of a thing share a line.
pub fn page(table: &Table) -> String {
    let mut lines = vec![HEAD.to_owned(), format!("|{}", "---|".repeat(HEAD.matches(" | ").count() + 1))];
    for (number, row) in ROWS.iter().enumerate() {
        let mut outcomes: Vec<(String, Vec<String>)> = Vec::new();
        for (policy, name) in POLICIES.iter().enumerate() {
            let (outcome, name) = (cell(table, number, policy), format!("`{name:?}`"));
            match outcomes.iter_mut().find(|(other, _)| *other == outcome) {
                Some((_, names)) => names.push(name),
                None => outcomes.push((outcome, vec![name])),
            }
        }
        let (mut what, mut next) = (row.what, row.next);
        for (outcome, names) in outcomes {
            let names = if names.len() == POLICIES.len() { ANY.to_owned() } else { names.join(", ") };
            lines.push(format!("| {what} | {names} | {outcome} | {next} |"));
            (what, next) = ("", "");
        }
    }
    format!("{INTRODUCTION}{}\n{AFTERWORD}", lines.join("\n"))
}

/// What came of a row under a policy: what is true of most phases, and then the others.
fn cell(table: &Table, row: usize, policy: usize) -> String {
    let phases: Vec<(Phase, &str)> = Phase::ALL
        .into_iter()
        .filter_map(|phase| Some((phase, table.get(&Cell { row, policy, phase })?.as_str())))
        .collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, verdict) in &phases {
        *counts.entry(verdict).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    let Some((_, usual)) = phases.iter().find(|(_, verdict)| counts[verdict] == most) else { return String::new() };
    let mut parts = vec![(*usual).to_owned()];
    let mut others: Vec<(&str, Vec<&str>)> = Vec::new();
    for (phase, verdict) in phases.iter().filter(|(_, verdict)| verdict != usual) {
        match others.iter_mut().find(|(other, _)| other == verdict) {
            Some((_, phases)) => phases.push(phase.words()),
            None => others.push((verdict, vec![phase.words()])),
        }
    }
    parts.extend(others.into_iter().map(|(verdict, phases)| format!("{}: {verdict}", phases.join(", "))));
    parts.join(BREAK)
}

/// The table of a page; what is not a row of it is passed over.
pub fn read(text: &str) -> Table {
    let mut table = Table::new();
    let mut row = None;
    for line in text.lines() {
        let columns: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [what, names, outcome, _] = columns[..] else { continue };
        if !what.is_empty() {
            row = ROWS.iter().position(|row| row.what == what);
        }
        let Some(row) = row else { continue };
        let named = |policy: &usize| names == ANY || names.contains(&format!("`{:?}`", POLICIES[*policy]));
        for policy in (0..POLICIES.len()).filter(named) {
            read_cell(&mut table, row, policy, outcome);
        }
    }
    table
}

fn read_cell(table: &mut Table, row: usize, policy: usize, text: &str) {
    let mut parts = text.split(BREAK);
    let usual = parts.next().unwrap_or_default();
    let others: BTreeMap<&str, &str> = parts
        .filter_map(|part| part.split_once(": "))
        .flat_map(|(phases, verdict)| phases.split(", ").map(move |phase| (phase, verdict)))
        .collect();
    for phase in Phase::ALL.into_iter().filter(|phase| ROWS[row].fits(*phase)) {
        let verdict = others.get(phase.words()).copied().unwrap_or(usual);
        table.insert(Cell { row, policy, phase }, verdict.to_owned());
    }
}
