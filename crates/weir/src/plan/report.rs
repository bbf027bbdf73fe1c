//! A forecast, for people and for programs.

use std::fmt;

use console::style;
use jiff::SignedDuration;
use serde_json::{Value, json};
use weir_api::traffic_shift::Outcome;
use weir_controller::Key;
use weir_controller::forecast::{End, Entry, Forecast, Question, What};

use crate::figures::{span, thousands};

/// What is over so soon is not worth a line.
const MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// How many rights are told to people.
const RIGHTS: usize = 12;

/// A forecast of shifts.
pub(crate) struct Report<'a> {
    pub question: &'a Question,
    pub forecast: &'a Forecast,
}

impl Report<'_> {
    /// For programs; so many calls were made for it.
    pub fn json(&self, reads: u64) -> Value {
        let entries: Vec<Value> = self.forecast.entries.iter().map(entry_json).collect();
        let ends: Vec<Value> = self.ends().map(|(key, end)| end_json(key, end)).collect();
        let rights = self.forecast.rights();
        let rights: Vec<Value> = rights.iter().map(|(action, resource)| right_json(action, resource)).collect();
        let unread: Vec<String> = self.forecast.unread_quotas.iter().map(ToString::to_string).collect();
        json!({
            "shifts": ends, "entries": entries, "calls": self.forecast.calls(), "reads": self.forecast.reads, "callsMade": reads,
            "batches": self.forecast.batches(), "recordChanges": self.forecast.record_changes(),
            "rights": rights, "unreadQuotas": unread,
        })
    }

    /// What happens, without waits that are over at once.
    fn lasting(&self) -> impl Iterator<Item = &Entry> {
        let entries = &self.forecast.entries;
        let is_over = |number: usize, entry: &Entry| {
            let next = entries.get(number + 1).map(|next| next.after - entry.after);
            matches!(entry.what, What::Waits { .. }) && next.is_some_and(|next| next < MOMENT)
        };
        entries.iter().enumerate().filter(move |(number, entry)| !is_over(*number, entry)).map(|(_, entry)| entry)
    }

    fn ends(&self) -> impl Iterator<Item = (&Key, &End)> {
        self.question.shifts.iter().zip(&self.forecast.ends)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<(String, String)> =
            self.lasting().map(|entry| (span(entry.after.as_secs()), words(entry))).collect();
        let width = lines.iter().map(|(at, _)| at.len()).max().unwrap_or(0);
        for (at, words) in &lines {
            writeln!(formatter, "{at:>width$}  {words}")?;
        }
        if !lines.is_empty() {
            writeln!(formatter)?;
        }
        for (key, end) in self.ends() {
            let (is_good, words) = end_words(end);
            let mark = if is_good { style("✓").green() } else { style("✗").red() };
            writeln!(formatter, "{} TrafficShift {key}: {words}", mark.bold())?;
        }
        self.tell_rights(formatter)?;
        // What waits without end looks again and again.
        if self.forecast.ends.iter().any(|end| matches!(end, End::Missing | End::Blocked(_) | End::Beyond(_))) {
            return Ok(());
        }
        let writes = self.forecast.writes().count();
        let reads = self.forecast.reads.iter().map(|(operation, count)| format!("{operation} {}", thousands(*count)));
        let reads: Vec<String> = reads.collect();
        let list = if reads.is_empty() { String::new() } else { format!(": {}", reads.join(", ")) };
        writeln!(
            formatter,
            "\n{} calls of AWS beside the rounds of the controller, {writes} of them writes{list}",
            thousands(self.forecast.calls())
        )?;
        let batches = self.forecast.batches();
        if batches == 0 {
            return Ok(());
        }
        writeln!(
            formatter,
            "{} to Route 53, in which {} made or deleted; of each, 10 s are counted above until all name servers have it, and it \
             mostly takes 30 to 60",
            plural(batches, "batch goes", "batches go"),
            plural(self.forecast.record_changes(), "record is", "records are")
        )
    }
}

impl Report<'_> {
    /// What AWS says only when it is asked to write, and what could not be read.
    fn tell_rights(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.forecast.unread_quotas {
            writeln!(
                formatter,
                "\nQuotas of rules and target groups were not looked at, since they cannot be read: {error}"
            )?;
        }
        let rights = self.forecast.rights();
        if rights.is_empty() {
            return Ok(());
        }
        writeln!(
            formatter,
            "\nThe controller's role must be allowed the following; AWS tells only when it writes. weir iam-policy prints all rights:"
        )?;
        for (number, (action, resource)) in rights.iter().enumerate() {
            if number == RIGHTS {
                return writeln!(formatter, "  and {} more, which -o json tells", rights.len() - RIGHTS);
            }
            writeln!(formatter, "  {action}  {resource}")?;
        }
        Ok(())
    }
}

/// What happens, in a line.
fn words(entry: &Entry) -> String {
    match &entry.what {
        What::Write { write, weights, needs } => {
            let what = if weights.is_empty() { write.words() } else { of_each(weights) };
            let needs = needs.iter().map(|(environment, count)| match count {
                1 => format!("  (needs 1 healthy target of {environment})"),
                count => format!("  (needs {count} healthy targets of {environment})"),
            });
            format!("{}  {}  {what}{}", entry.object, write.operation(), needs.collect::<String>())
        }
        What::Waits { reason, message, .. } => {
            style(format!("{}  {reason}: {message}", entry.object)).dim().to_string()
        }
        What::Resumed => format!("{}  somebody gives the command resume", entry.object),
    }
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

fn of_each(weights: &[(String, i32)]) -> String {
    weights.iter().map(|(environment, weight)| format!("{environment} {weight}")).collect::<Vec<_>>().join(", ")
}

fn end_words(end: &End) -> (bool, String) {
    match end {
        End::Missing => (false, "there is no such object".to_owned()),
        End::Rests => (true, "the traffic is where it shall be; nothing is to be done".to_owned()),
        End::Ends { outcome, message, after } => {
            (*outcome == Outcome::Succeeded, format!("{outcome:?} after {} at least: {message}", span(after.as_secs())))
        }
        End::Blocked(why) => (false, format!("something stands in the way: {why}")),
        End::Beyond(after) => {
            (false, format!("it goes on for more than {}; further is not looked", span(after.as_secs())))
        }
    }
}

fn seconds(span: SignedDuration) -> i64 {
    span.as_secs()
}

fn entry_json(entry: &Entry) -> Value {
    let mut told = json!({"afterSeconds": seconds(entry.after), "object": entry.object.to_string()});
    match &entry.what {
        What::Write { write, weights, needs } => {
            let of = |pairs: &[(String, i32)]| pairs.iter().cloned().collect::<std::collections::BTreeMap<_, _>>();
            told["write"] =
                json!({"operation": write.operation(), "target": write.target().to_string(), "what": write.words()});
            told["weights"] = json!(of(weights));
            told["needsHealthyTargets"] = json!(of(needs));
        }
        What::Waits { reason, message, span } => {
            told["waits"] = json!({"reason": reason, "message": message, "seconds": span.map(seconds)});
        }
        What::Resumed => told["resumed"] = json!(true),
    }
    told
}

fn right_json(action: &str, resource: &str) -> Value {
    json!({"action": action, "resource": resource})
}

fn end_json(key: &Key, end: &End) -> Value {
    let (good, words) = end_words(end);
    let (outcome, after) = match end {
        End::Ends { outcome, after, .. } => (Some(format!("{outcome:?}")), Some(seconds(*after))),
        End::Missing | End::Rests | End::Blocked(_) | End::Beyond(_) => (None, None),
    };
    json!({"shift": key.to_string(), "good": good, "outcome": outcome, "afterSeconds": after, "message": words})
}
