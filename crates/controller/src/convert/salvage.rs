//! A status of which something cannot be read: a newer version has written it, or somebody by hand. One unknown word must not
//! make a run begin again that is moving, so the fields that can be read are kept.
//!
//! What is in a list is kept with the list or not at all: a list that lacks an element says something else.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How many fields are given up before the status counts as lost.
const MOST: usize = 32;
/// What is said of a hold whose kind is not known: the run stays held.
const HELD: &str = "something holds the run that this version of Weir does not know; the command resume goes on";

/// Reads a status, and tells what of it could not be read and why.
pub(super) fn read<Status: DeserializeOwned + Default>(found: Value) -> (Status, Vec<String>) {
    let error = match Status::deserialize(&found) {
        Ok(status) => return (status, Vec::new()),
        Err(error) => error,
    };
    if found.is_null() {
        return (Status::default(), Vec::new());
    }
    let (mut rest, mut lost) = (found, Vec::new());
    let mut error = Some(error);
    for _ in 0..MOST {
        // Read from text, an error knows its line, and from the line follows the field.
        let text = serde_json::to_string_pretty(&rest).unwrap_or_default();
        let line = match serde_json::from_str::<Status>(&text) {
            Ok(status) => return (status, lost),
            Err(located) => located.line(),
        };
        let place = field(&text, line);
        if place.is_empty() {
            break;
        }
        let why =
            error.take().map_or_else(|| "it is nothing without what was lost".to_owned(), |error| error.to_string());
        lost.push(format!("status.{} ({why})", place.join(".")));
        give_up(&mut rest, &place);
        error = Status::deserialize(&rest).err();
    }
    (Status::default(), vec!["status, all of it".to_owned()])
}

/// Takes a field out. A hold is put in the place of one that cannot be read.
fn give_up(status: &mut Value, place: &[String]) {
    let hold = &status["run"]["hold"];
    let kept = hold.is_object().then(|| {
        let since = [&hold["since"], &status["run"]["startedAt"]].into_iter().find(|since| since.is_string());
        json!({"by": "Command", "message": HELD, "since": since})
    });
    let Some((last, above)) = place.split_last() else { return };
    let holder = above.iter().try_fold(&mut *status, |within, name| within.get_mut(name));
    if let Some(fields) = holder.and_then(Value::as_object_mut) {
        fields.remove(last);
    }
    if place.starts_with(&["run".to_owned(), "hold".to_owned()])
        && let (Some(kept), Some(run)) = (kept, status["run"].as_object_mut())
    {
        run.insert("hold".to_owned(), kept);
    }
}

/// The field that stands on a line of pretty-printed JSON; of what stands in a list, the outermost field that has the list.
/// Where something ends on the line, it is meant itself.
fn field(text: &str, line: usize) -> Vec<String> {
    let mut open: Vec<Option<String>> = Vec::new();
    let mut here: Vec<Option<String>> = Vec::new();
    for content in text.lines().take(line).map(str::trim) {
        if content.starts_with(['}', ']']) {
            here.clone_from(&open);
            open.pop();
            continue;
        }
        let name = content.split_once("\": ").filter(|_| content.starts_with('"'));
        let name = name.map(|(name, _)| name.trim_start_matches('"').to_owned());
        here.clone_from(&open);
        here.push(name);
        if content.ends_with(['{', '[']) {
            open.clone_from(&here);
        }
    }
    // The outermost brace has no name, nor have the elements of a list.
    let names: Vec<Option<String>> = here.into_iter().skip(1).collect();
    if names.iter().any(Option::is_none) {
        return names.into_iter().next().flatten().into_iter().collect();
    }
    names.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
