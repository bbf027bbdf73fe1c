//! Statuses as earlier versions stored them: what was said at another place, or in other words, is read as if it had been
//! said as today.
//!
//! An API server drops what a definition does not name, before anybody can read it. So the definitions go on naming these
//! fields, of which the types know nothing.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::{Map, Value, json};

/// The only version that wrote any of these fields.
const WRITER: &str = "0.1.0-alpha";

/// How a value was said.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// As today.
    Same,
    /// Alone, where there is a list today.
    Alone,
    /// As pairs of an environment and the ARN of its one target group, where there are members today.
    Groups,
    /// As `true` for a command that was refused.
    Refused,
    /// As the last of the gates that were released one after the other.
    UpTo,
}

use Form::{Alone, Groups, Refused, Same, UpTo};

/// The fields that are not written any more: the kind; the object in its status, or the list of objects, that had the
/// field, empty for the status itself; the field; where the value stands today, from that object on; and how it was said.
const FORMER: [(&str, &str, &str, &str, Form); 14] = [
    ("WeightedRoute", "", "arn", "listenerRule.arn", Same),
    ("WeightedRoute", "", "listener", "listenerRule.listener", Same),
    ("WeightedRoute", "", "priority", "listenerRule.priority", Same),
    ("WeightedRoute", "", "marked", "listenerRule.marked", Same),
    ("WeightedRoute", "", "before", "listenerRule.before", Same),
    ("WeightedRoute", "", "stickySeconds", "listenerRule.stickySeconds", Same),
    ("WeightedRoute", "", "groups", "members", Groups),
    ("WeightedRoute", "intent", "stickySeconds", "listenerRule.stickySeconds", Same),
    ("WeightedRoute", "intent", "stickySecondsBefore", "listenerRule.stickySecondsBefore", Same),
    ("WeightedRoute", "intent", "groups", "members", Groups),
    ("WeightedRoute", "fullTraffic", "group", "targetGroups", Alone),
    ("WeightedRoute", "lastCommand", "refused", "effect", Refused),
    ("TrafficShift", "lastCommand", "refused", "effect", Refused),
    ("TrafficShift", "run.released", "wait", "gates", UpTo),
];

/// What a run could be released from, first to last: the reason for which it waited, and the gate.
const RELEASED: [(&str, &str); 3] =
    [("StepPause", "StepPause"), ("ShareNotSeen", "ShareSeen"), ("StickyClients", "StickyClients")];

/// Gives the status of a kind the form of today, and says whether it had another. What is there in the form of today counts.
pub fn renew(kind: &str, status: &mut Value) -> bool {
    let mut is_renewed = false;
    for (_, holder, field, today, form) in FORMER.into_iter().filter(|(of, ..)| *of == kind) {
        let mut path = holder.split('.').filter(|name| !name.is_empty());
        let holders = path.try_fold(&mut *status, |within, name| within.get_mut(name));
        for object in holders.into_iter().flat_map(objects) {
            if let Some(value) = object.remove(field) {
                put(object, today, form.renewed(value));
                is_renewed = true;
            }
        }
    }
    is_renewed | (kind == "TrafficShift" && put_gate(status))
}

/// Says by a gate what a run waits for; it was said by the reason alone.
fn put_gate(status: &mut Value) -> bool {
    let mut gate = status["waiting"].clone();
    let reason = gate["reason"].as_str();
    let name = RELEASED.into_iter().find(|(of, _)| reason == Some(*of)).map(|(_, name)| name);
    let run = status.get_mut("run").and_then(Value::as_object_mut).filter(|run| !run.contains_key("gates"));
    let (Some(name), Some(run)) = (name, run) else { return false };
    (gate["name"], gate["promotable"]) = (json!(name), json!(true));
    run.insert("gates".to_owned(), json!([gate]));
    true
}

/// The objects of a list, or the one that stands there.
fn objects(value: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let all = match value {
        Value::Array(list) => list.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    all.iter_mut().filter_map(Value::as_object_mut)
}

/// Puts a value in its place, unless something is there.
fn put(object: &mut Map<String, Value>, place: &str, value: Value) {
    match place.split_once('.') {
        Some((holder, field)) => {
            let holder = object.entry(holder).or_insert_with(|| json!({}));
            objects(holder).for_each(|holder| put(holder, field, value.clone()));
        }
        None => drop(object.entry(place).or_insert(value)),
    }
}

impl Form {
    /// The value as it is said today. What is not of this form stays as it is: whoever reads it says so.
    fn renewed(self, value: Value) -> Value {
        match (self, value) {
            (Alone, value) => json!([value]),
            (Groups, Value::Array(groups)) => groups.into_iter().map(members).collect(),
            (Refused, Value::Bool(refused)) => json!(if refused { "Refused" } else { "Accepted" }),
            (UpTo, Value::String(last)) => {
                let until = RELEASED.iter().position(|(reason, _)| *reason == last).map_or(0, |last| last + 1);
                RELEASED[..until].iter().map(|(_, gate)| *gate).collect()
            }
            (Same | Groups | Refused | UpTo, value) => value,
        }
    }

    /// The schema of the value, by the one of today.
    fn schema(self, today: &mut JSONSchemaProps) -> JSONSchemaProps {
        let of_type = |name: &str| JSONSchemaProps { type_: Some(name.to_owned()), ..JSONSchemaProps::default() };
        match self {
            Same => today.clone(),
            Alone => entry(today).clone(),
            Groups => {
                let described =
                    |words: &str| JSONSchemaProps { description: Some(words.to_owned()), ..of_type("string") };
                let environment = ("environment".to_owned(), described("The name of the `Environment`."));
                let arn = ("arn".to_owned(), described("The ARN of its target group."));
                let entry = JSONSchemaProps { properties: Some([environment, arn].into()), ..of_type("object") };
                JSONSchemaProps { items: Some(JSONSchemaPropsOrArray::Schema(Box::new(entry))), ..of_type("array") }
            }
            Refused => of_type("boolean"),
            UpTo => of_type("string"),
        }
    }
}

/// A pair of an environment and the ARN of its target group, as members.
fn members(mut group: Value) -> Value {
    for pair in objects(&mut group) {
        if let Some(arn) = pair.remove("arn") {
            put(pair, "targetGroups", json!([arn]));
        }
    }
    group
}

/// Has a definition go on naming the fields that are not written any more.
pub(crate) fn keep_fields(definition: &mut CustomResourceDefinition) {
    let kind = definition.spec.names.kind.as_str();
    let versions = definition.spec.versions.iter_mut();
    for schema in versions.filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut()) {
        for (_, holder, field, today, form) in FORMER.into_iter().filter(|(of, ..)| *of == kind) {
            let path = if holder.is_empty() { "status".to_owned() } else { format!("status.{holder}") };
            let Some(object) = at(schema, &path) else { continue };
            let of_each = if object.items.is_some() { "[]" } else { "" };
            let Some(mut former) = at(object, today).map(|today| form.schema(today)) else { continue };
            let place = format!("{path}{of_each}.{today}");
            former.description = Some(format!("Written by {WRITER}; read once, and written anew as {place}."));
            entry(object).properties.get_or_insert_default().insert(field.to_owned(), former);
        }
    }
}

/// The schema at a path of fields, through the entries of lists.
fn at<'a>(schema: &'a mut JSONSchemaProps, path: &str) -> Option<&'a mut JSONSchemaProps> {
    path.split('.').try_fold(schema, |schema, field| entry(schema).properties.as_mut()?.get_mut(field))
}

/// The schema of the entries of a list; of all else, the schema itself.
fn entry(schema: &mut JSONSchemaProps) -> &mut JSONSchemaProps {
    match schema.items {
        Some(JSONSchemaPropsOrArray::Schema(ref mut entry)) => entry,
        _ => schema,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::renew;
    use crate::{EntryPointStatus, TrafficShiftStatus, WeightedRouteStatus};

    fn renewed(kind: &str, mut status: Value) -> (bool, Value) {
        let is_renewed = renew(kind, &mut status);
        (is_renewed, status)
    }

    /// A status with everything that is said otherwise today.
    fn former() -> Value {
        let blue = json!({"environment": "blue", "arn": "group-blue"});
        json!({
            "observedGeneration": 3, "arn": "rule", "listener": "listener", "priority": 7, "marked": "rule",
            "before": {"forward": {"groups": [{"arn": "group-old", "weight": 1}]}}, "stickySeconds": 60, "groups": [blue],
            "intent": {
                "since": "2026-11-21T10:00:00Z", "weights": [], "groups": [blue], "stickySeconds": 300,
                "stickySecondsBefore": 60,
            },
            "fullTraffic": [{"environment": "blue", "group": "group-blue", "since": "2026-11-21T10:00:00Z"}],
            "lastCommand": {"command": "abort/1", "result": "", "refused": true, "at": "2026-11-21T10:00:00Z"},
        })
    }

    /// The same as it is said today.
    fn todays() -> Value {
        let blue = json!({"environment": "blue", "targetGroups": ["group-blue"]});
        json!({
            "observedGeneration": 3,
            "listenerRule": {
                "arn": "rule", "listener": "listener", "priority": 7, "marked": "rule",
                "before": {"forward": {"groups": [{"arn": "group-old", "weight": 1}]}}, "stickySeconds": 60,
            },
            "members": [blue],
            "intent": {
                "since": "2026-11-21T10:00:00Z", "weights": [], "members": [blue],
                "listenerRule": {"stickySeconds": 300, "stickySecondsBefore": 60},
            },
            "fullTraffic": [{"environment": "blue", "targetGroups": ["group-blue"], "since": "2026-11-21T10:00:00Z"}],
            "lastCommand": {"command": "abort/1", "result": "", "effect": "Refused", "at": "2026-11-21T10:00:00Z"},
        })
    }

    #[test]
    fn what_was_said_otherwise_is_said_as_today_and_nothing_is_done_twice() {
        assert_eq!(renewed("WeightedRoute", former()), (true, todays()));
        assert_eq!(renewed("WeightedRoute", todays()), (false, todays()));
        let status: WeightedRouteStatus = serde_json::from_value(todays()).unwrap();
        assert_eq!(serde_json::to_value(status).unwrap(), todays());
    }

    #[test]
    fn what_is_there_as_today_counts() {
        let mut both = former();
        both["listenerRule"] = json!({"arn": "another"});
        both["members"] = json!([]);
        both["lastCommand"]["effect"] = json!("Accepted");
        let mut expected = todays();
        expected["listenerRule"]["arn"] = json!("another");
        expected["members"] = json!([]);
        expected["lastCommand"]["effect"] = json!("Accepted");
        assert_eq!(renewed("WeightedRoute", both), (true, expected));
    }

    #[test]
    fn a_shift_has_its_command_and_other_kinds_have_nothing() {
        let command = json!({"command": "abort/1", "result": "", "at": "2026-11-21T10:00:00Z"});
        let (is_renewed, status) = renewed("TrafficShift", json!({"lastCommand": command}));
        let status: TrafficShiftStatus = serde_json::from_value(status).unwrap();
        assert!(!is_renewed && status.last_command.unwrap().is_accepted(crate::command::Verb::Abort));
        let entry_point = json!({"arn": "balancer"});
        assert_eq!(renewed("EntryPoint", entry_point.clone()), (false, entry_point.clone()));
        assert_eq!(serde_json::from_value::<EntryPointStatus>(entry_point).unwrap().arn.as_deref(), Some("balancer"));
    }

    #[test]
    fn what_a_command_had_released_is_released_by_name() {
        let released = |wait: &str| {
            let (is_renewed, status) = renewed("TrafficShift", json!({"run": {"released": {"seq": 2, "wait": wait}}}));
            assert!(is_renewed);
            status["run"]["released"].clone()
        };
        assert_eq!(released("StepPause"), json!({"seq": 2, "gates": ["StepPause"]}));
        assert_eq!(released("ShareNotSeen"), json!({"seq": 2, "gates": ["StepPause", "ShareSeen"]}));
        assert_eq!(released("StickyClients"), json!({"seq": 2, "gates": ["StepPause", "ShareSeen", "StickyClients"]}));
        assert_eq!(released("Tea"), json!({"seq": 2, "gates": []}));
        let today = json!({"run": {"released": {"seq": 2, "gates": ["StepPause"]}}});
        assert_eq!(renewed("TrafficShift", today.clone()), (false, today));
    }

    #[test]
    fn what_a_run_waited_for_is_told_by_its_gate() {
        let waiting = |reason: &str| json!({"reason": reason, "message": "m", "since": "2026-11-21T10:00:00Z"});
        for (reason, name) in super::RELEASED {
            let (is_renewed, status) = renewed("TrafficShift", json!({"run": {}, "waiting": waiting(reason)}));
            let mut gate = waiting(reason);
            (gate["name"], gate["promotable"]) = (json!(name), json!(true));
            assert_eq!((is_renewed, &status["run"]["gates"]), (true, &json!([gate])));
            assert_eq!(status["waiting"], waiting(reason));
            assert!(!renewed("TrafficShift", status).0);
        }
        for other in [json!({"run": {}, "waiting": waiting("Capacity")}), json!({"waiting": waiting("StepPause")})] {
            assert_eq!(renewed("TrafficShift", other.clone()), (false, other));
        }
    }

    #[test]
    fn what_nobody_wrote_is_left_to_whoever_reads_it() {
        for odd in [Value::Null, json!("text"), json!([1]), json!({"intent": 7, "fullTraffic": "none"})] {
            assert_eq!(renewed("WeightedRoute", odd.clone()), (false, odd));
        }
        let odd = json!({"groups": "none", "lastCommand": {"refused": "no"}, "listenerRule": null, "arn": "rule"});
        let read = json!({"members": "none", "lastCommand": {"effect": "no"}, "listenerRule": null});
        assert_eq!(renewed("WeightedRoute", odd), (true, read));
    }
}
