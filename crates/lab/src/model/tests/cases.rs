//! Cases as text: what is done and, after each span of time, what came of it, tick by tick.
//!
//! `crates/lab/cases/*.txt` hold them. A line with `# ` begins a case, one with `> ` does something, and all others say what
//! came of it: statuses that were recorded, writes, events, and at the end of each span what is live and when whom is looked
//! at again; of what is run quietly, the end only. `WEIR_UPDATE=1` writes the files anew; read the difference before it is kept.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use weir_engine::kinds::{EntryPoints, Environments, Routes, Shifts};
use weir_engine::tick::Urgency;
use weir_engine::{Kind, ObjectRef};

use crate::timeline::status_words;

use super::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// One case: its name, and what is done.
struct Case {
    name: String,
    deeds: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            cases.push(Case { name: name.to_owned(), deeds: Vec::new() });
        } else if let (Some(deed), Some(case)) = (line.strip_prefix("> "), cases.last_mut()) {
            case.deeds.push(deed.to_owned());
        }
    }
    cases
}

/// A case with what comes of it.
fn play(case: &Case) -> String {
    let mut model = model();
    let mut text = format!("# {}\n", case.name);
    for deed in &case.deeds {
        let _ = writeln!(text, "> {deed}");
        let span = |text: &str| text.parse::<SignedDuration>().expect("a span such as 5m or 30s");
        if let Some(passes) = deed.strip_prefix("run ") {
            run(&mut model, span(passes), &mut text);
        } else if let Some(passes) = deed.strip_prefix("quietly run ") {
            let mut quiet = String::new();
            run(&mut model, span(passes), &mut quiet);
            let _ = writeln!(text, "{}", quiet.lines().last().unwrap_or_default());
        } else {
            does(&mut model, deed).unwrap_or_else(|why| panic!("{}: {deed}: {why}", case.name));
        }
    }
    assert_eq!(model.violations, Vec::<String>::new(), "{}", case.name);
    text
}

/// Runs what is due until a span has passed, and says what each tick did.
fn run(model: &mut Model, span: SignedDuration, text: &mut String) {
    let end = model.now + span;
    model.run_each(end, |model, object| {
        let (said, writes, told) = (says(model, object), model.writes.len(), model.told.len());
        let chosen = course(model);
        model.tick(object);
        let time = model.now.strftime("%H:%M:%S");
        let now_said = says(model, object);
        if said != now_said {
            let says = now_said.unwrap_or_else(|| "is gone".to_owned());
            let _ = writeln!(text, "{time} {} {}: {says}", object.kind.word(), object.key.name);
        }
        if let Some(course) = course(model).filter(|course| chosen.as_ref() != Some(course)) {
            let _ = writeln!(text, "{time}   {course}");
        }
        for (_, _, event) in &model.told[told..] {
            let _ = writeln!(text, "{time}   event {}{}", event.reason, if event.warning { " (warning)" } else { "" });
        }
        for (_, _, step) in &model.writes[writes..] {
            let _ = writeln!(text, "{time}   {} {}", step.operation(), step.words());
        }
    });
    let [mut live, other] = [80, 81].map(|port| words(&model.aws.default_weights(port)));
    if other.contains(',') {
        let _ = write!(live, "; of the other route: {other}");
    }
    let mut due: Vec<String> = Vec::new();
    for (object, at) in &model.due {
        let urgency = urgency(model, object).word();
        due.push(format!("{} {} {} ({urgency})", at.strftime("%H:%M:%S"), object.kind.word(), object.key.name));
    }
    due.sort();
    let due = if due.is_empty() { "nothing".to_owned() } else { due.join(", ") };
    let _ = writeln!(text, "{} live: {live}; due: {due}", model.now.strftime("%H:%M:%S"));
}

/// Weights in words.
fn words(weights: &BTreeMap<String, u16>) -> String {
    let entries: Vec<String> = weights.iter().map(|(group, weight)| format!("{group} {weight}")).collect();
    if entries.is_empty() { "nothing".to_owned() } else { entries.join(", ") }
}

/// Whether the run of the shift goes at once or by its strategy, and why.
fn course(model: &Model) -> Option<String> {
    let run = model.cluster.shifts.get(&Key::new(NAMESPACE, "shop"))?.status.run.as_ref()?;
    run.course.as_ref().map(|course| format!("{}: {}", course.reason, course.message))
}

/// What the status of an object says; `None` where it is gone.
fn says(model: &Model, object: &ObjectRef) -> Option<String> {
    let (mut status, is_kept) = match object.kind {
        KindName::EntryPoint => stored::<EntryPoints>(&model.cluster, object)?,
        KindName::Environment => stored::<Environments>(&model.cluster, object)?,
        KindName::WeightedRoute => stored::<Routes>(&model.cluster, object)?,
        KindName::TrafficShift => stored::<Shifts>(&model.cluster, object)?,
    };
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let ready_state = conditions.iter().filter(|condition| condition["status"] == "True");
    let ready_state: Vec<&str> = ready_state.filter_map(|condition| condition["type"].as_str()).collect();
    let command = status["lastCommand"].take();
    let mut said = format!("[{}] {}", ready_state.join(" "), status_words(&serde_json::json!({"status": status})));
    if let Some(result) = command["result"].as_str() {
        let _ = write!(said, "; {}: {result}", command["command"].as_str().unwrap_or_default());
    }
    if let Some(stage) = status["deletion"]["stage"].as_str() {
        let _ = write!(said, "; deletion: {stage}");
    }
    if is_kept {
        said.push_str("; kept");
    }
    Some(said)
}

/// The status of an object, and whether a finalizer keeps it.
fn stored<K: Kind<Status: serde::Serialize>>(cluster: &Cluster, object: &ObjectRef) -> Option<(Value, bool)> {
    let found = K::find(cluster, &object.key)?;
    Some((serde_json::to_value(&found.status).expect("a status is JSON"), !found.finalizers.is_empty()))
}

fn urgency(model: &Model, object: &ObjectRef) -> Urgency {
    fn of<K: Kind>(cluster: &Cluster, object: &ObjectRef) -> Urgency {
        K::find(cluster, &object.key).map_or(Urgency::Routine, |found| K::urgency(cluster, found))
    }
    match object.kind {
        KindName::EntryPoint => of::<EntryPoints>(&model.cluster, object),
        KindName::Environment => of::<Environments>(&model.cluster, object),
        KindName::WeightedRoute => of::<Routes>(&model.cluster, object),
        KindName::TrafficShift => of::<Shifts>(&model.cluster, object),
    }
}

/// A spec with the fields of a patch put into it; what is null is taken out.
fn patched<Spec: serde::Serialize + serde::de::DeserializeOwned>(spec: &Spec, patch: &str) -> Result<Spec, String> {
    fn merge(into: &mut Value, patch: Value) {
        match patch {
            Value::Object(fields) => {
                if !into.is_object() {
                    *into = serde_json::json!({});
                }
                for (name, value) in fields {
                    if value.is_null() {
                        into.as_object_mut().map(|into| into.remove(&name));
                    } else {
                        merge(&mut into[&name], value);
                    }
                }
            }
            other => *into = other,
        }
    }
    let mut value = serde_json::to_value(spec).map_err(|error| error.to_string())?;
    merge(&mut value, serde_saphyr::from_str(patch).map_err(|error| error.to_string())?);
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn weights_of(text: &str) -> Result<Vec<(&str, u16)>, String> {
    text.split(", ")
        .map(|entry| {
            let (group, weight) = entry.split_once(' ').ok_or("expected GROUP WEIGHT, …")?;
            Ok((group, weight.parse().map_err(|_| "expected a number")?))
        })
        .collect()
}

/// Does what a line says.
fn does(model: &mut Model, deed: &str) -> Result<(), String> {
    let (verb, rest) = deed.split_once(' ').unwrap_or((deed, ""));
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    let now = model.now;
    let count = |text: &str| text.parse::<u32>().map_err(|_| format!("found {text:?}; expected a number"));
    match (verb, first) {
        ("shift", _) => {
            let key = Key::new(NAMESPACE, "shop");
            let spec = model.cluster.shifts.get(&key).map_or_else(|| shift("green"), |found| found.spec.clone());
            model.apply_shift("shop", patched(&spec, rest)?);
        }
        ("route", "anew") => {
            model.remove_route_in(NAMESPACE, "web");
            let rule = second.strip_prefix("at ").map(count).transpose()?;
            let rule = rule.map(|rule| i32::try_from(rule).unwrap_or(i32::MAX));
            model.apply_route("web", WeightedRouteSpec { adopt: rule.is_none(), ..route("http", rule) });
        }
        ("route", _) => {
            let spec = model.cluster.routes.get(&Key::new(NAMESPACE, "web")).ok_or("there is no route")?.spec.clone();
            model.apply_route("web", patched(&spec, rest)?);
        }
        ("second", "route") => model.apply_route("other", route("other", None)),
        ("make", name) => {
            let key = Key::new(NAMESPACE, "web");
            let mut spec = model.cluster.routes.get(&key).ok_or("there is no route")?.spec.clone();
            spec.backends.push(Backend { environment: name.to_owned(), part: None });
            model.aws.add_group(name, 5);
            model.apply_environment(name, environment(name));
            model.apply_route("web", spec);
        }
        ("group", name) => model.aws.add_group(name, count(second)?),
        ("point", environment_name) => model.apply_environment(environment_name, environment(second)),
        ("alone", _) => stand_alone(model),
        ("traffic", _) => model.aws.traffic = count(rest)?.into(),
        ("other", _) => model.aws.forward_default(now, 81, &weights_of(rest)?),
        ("balancer", key) => model.aws.tag_balancer(key, second),
        ("console", "answers") => model.aws.answer_default(now, 80),
        ("console", "untags") => model.aws.set_listener_tags(80, weir_engine::fact::Tags::new()),
        ("console", "removes") => model.aws.remove_rules(80, |rule, _| rule.priority.number().is_some()),
        ("console", "tags") => {
            let tags = [(weir_engine::write::OWNER_TAG, second), (weir_engine::write::ROUTE_TAG, "shop/web")];
            let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            model.aws.set_listener_tags(80, tags);
        }
        ("console", _) => model.aws.forward_default(now, 80, &weights_of(rest)?),
        ("healthy", group) => model.aws.group_mut(group).well = count(second)?,
        ("targets", group) => model.aws.group_mut(group).targets = count(second)?,
        ("sticky", group) => model.aws.group_mut(group).sticky = true,
        ("command", "shift") => model.command("shop", second),
        ("command", "route") => model.command_route("web", second),
        ("delete", "shift") => model.delete_shift("shop"),
        ("delete", "route") => model.delete_route(if second.is_empty() { "web" } else { second }),
        ("delete", "environment") => model.delete(KindName::Environment, second),
        ("delete", "entrypoint") => model.delete(KindName::EntryPoint, "public"),
        ("reads", how) => model.aws.failing_reads = how == "fail",
        ("writes", "deny") => drop(model.aws.denied_ports.insert(if second == "other" { 81 } else { 80 })),
        ("writes", "allow") => model.aws.denied_ports.clear(),
        ("writes", "fail") => model.aws.failing_writes = (count(second)?, false),
        ("writes", "unanswered") => model.aws.failing_writes = (count(second)?, true),
        ("statuses", "lost") => model.lose_statuses(),
        ("process", "dies") => model.restart(),
        ("objects", "anew") => {
            let shift = model.cluster.shifts.get(&Key::new(NAMESPACE, "shop")).ok_or("there is no shift")?.spec.clone();
            *model = made(model.now, model.aws.clone());
            model.apply_shift("shop", shift);
        }
        ("grants", how) => grant(model, how == "all"),
        _ => return Err("expected one of the verbs of this function".to_owned()),
    }
    Ok(())
}

#[test]
fn every_case_comes_to_what_it_says() {
    let mut files: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut count, mut differ) = (0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let cases = cases(&text);
        count += cases.len();
        let played = cases.iter().map(play).collect::<Vec<_>>().join("\n");
        if std::env::var("WEIR_UPDATE").is_ok() {
            fs::write(&file, &played).unwrap();
        } else if played != text {
            let line = played.lines().zip(text.lines()).find(|(played, text)| played != text);
            differ.push(format!("{}: came to be, and stands there: {line:#?}", file.display()));
        }
    }
    assert!(count >= 120, "{count} cases");
    assert!(differ.is_empty(), "WEIR_UPDATE=1 writes what came to be:\n{}", differ.join("\n"));
}
