//! Decides about an `EntryPoint`: finds the balancer and its listeners, and whether Weir may work on it.

use jiff::{SignedDuration, Timestamp};
use weir_api::EntryPointStatus;
use weir_api::entry_point::{ListenerStatus, RuleCount};
use weir_api::sharing::NamespaceSource;

use crate::Arn;
use crate::access::Access;
use crate::allowed_routes::wrong_namespace;
use crate::fact::{Balancer, By, ErrorKind, Listener, Reading, Rule, Tags};
use crate::grant::Subject;
use crate::object::{Cluster, EntryPointObject, Key};
use crate::reader::{ANY_AGE, Asked, Reader, all};
use crate::ready_state::{Explanation, ReadyState, StatusConditions, because};
use crate::reason::Reason;
use crate::tick::{Context, Verdict};

/// How soon a balancer that could not be read, or is not as it should be, is looked at again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Prefixes and names of tags by which other controllers mark the balancers that they manage.
const FOREIGN_MARKS: [&str; 4] =
    ["elbv2.k8s.aws/", "ingress.k8s.aws/", "service.k8s.aws/", "kubernetes.io/service-name"];

/// Decides about an entry point.
pub fn decide(
    context: &Context,
    cluster: &Cluster,
    object: &EntryPointObject,
    reader: &mut Reader<'_>,
) -> Asked<Verdict<EntryPointStatus>> {
    let mut status = EntryPointStatus { observed_generation: Some(object.generation), ..object.status.clone() };
    let seen = match context.grants.of_entry_point(object) {
        Ok(access) => reader.by(&access, |reader| look(context, object, &mut status, reader))?,
        Err(reason) => Err(ReadyState::Stalled(reason)),
    };
    let mut wrong: Vec<ReadyState> = seen.err().into_iter().collect();
    if let Some(reason) = closed(cluster, object, &status) {
        wrong.push(ReadyState::Stalled(reason));
    }
    if selects_unseen(cluster, object) {
        wrong.push(ReadyState::Stalled(because(
            Reason::NamespacesNotWatched,
            "spec.allowedRoutes selects namespaces by their labels, which this controller does not read, because it \
             watches one namespace only. Run it for all namespaces, or leave out spec.allowedRoutes",
        )));
    }
    let found = || ReadyState::Ready(because(Reason::Found, "the balancer and its listeners were found"));
    let ready_state = ReadyState::together(&wrong).unwrap_or_else(found);
    status.conditions = StatusConditions::after(&object.status.conditions, context.now, object.generation)
        .ready_state(&ready_state)
        .finish();
    let verdict = Verdict::record(status);
    Some(if matches!(ready_state, ReadyState::Ready(_)) { verdict } else { verdict.waking(reader.began + LOOK_AGAIN) })
}

/// Whether namespaces are selected by labels that this controller cannot know.
fn selects_unseen(cluster: &Cluster, object: &EntryPointObject) -> bool {
    object.spec.allowed_routes.namespaces.from == NamespaceSource::Selector && cluster.namespaces.is_none()
}

/// Fills in what is found; the error says why the entry point is not ready.
fn look(
    context: &Context,
    object: &EntryPointObject,
    status: &mut EntryPointStatus,
    reader: &mut Reader<'_>,
) -> Asked<Result<(), ReadyState>> {
    let existing = &object.spec.existing;
    let by = match (&existing.arn, &existing.name) {
        (Some(arn), _) => By::Arn(Arn::new(arn)),
        (None, Some(name)) => By::Name(name.clone()),
        (None, None) => {
            let message = "found neither existing.arn nor existing.name; give one of them";
            return Some(Err(ReadyState::Stalled(because(Reason::Invalid, message))));
        }
    };
    let refusal = |by: &By| context.grants.refusal_by(&object.key.namespace, Subject::Balancer, by);
    let refused = refusal(&by);
    if refused.is_some() || status.arn.as_ref().is_some_and(|arn| !is_meant(&Arn::new(arn), &by, reader.access())) {
        *status = forgotten(status);
    }
    if let Some(reason) = refused {
        return Some(Err(ReadyState::Stalled(reason)));
    }
    let balancer = match reader.balancer(&by, ANY_AGE)?.found {
        Ok(balancer) => balancer,
        Err(error) => {
            // What was found before serves on while AWS cannot be asked, so that a rollback does not wait for it.
            if error.kind == ErrorKind::NotFound {
                *status = forgotten(status);
            }
            return Some(Err(ReadyState::unreadable(error, &format!("the balancer {by}"))));
        }
    };
    if let Some(reason) = refusal(&By::Arn(balancer.arn.clone())) {
        *status = forgotten(status);
        return Some(Err(ReadyState::Stalled(reason)));
    }
    status.named_since = Some(named_since(context.now, object, &balancer.arn));
    status.arn = Some(balancer.arn.to_string());
    status.dns_name = Some(balancer.dns_name.clone());
    status.hosted_zone_id.clone_from(&balancer.hosted_zone_id);
    if balancer.kind != "application" {
        return Some(Err(ReadyState::Stalled(not_application(balancer))));
    }
    let tags = match reader.tags(&balancer.arn, ANY_AGE)?.found {
        Ok(tags) => tags,
        Err(error) => return Some(Err(ReadyState::unreadable(error, "the balancer's tags"))),
    };
    if let Some(reason) = owned_by_another(tags) {
        status.listeners.clear();
        return Some(Err(ReadyState::Stalled(reason)));
    }
    let listeners = match listeners(object, balancer, reader)?.found {
        Ok(listeners) => listeners,
        Err(error) => return Some(Err(ReadyState::unreadable(error, "the balancer's listeners"))),
    };
    status.rules = match count_rules(listeners, reader)? {
        Ok(used) => Some(RuleCount { used }),
        Err(ready_state) => return Some(Err(ready_state)),
    };
    Some(match_listeners(object, listeners, status).map_err(ReadyState::Stalled))
}

/// The listeners of the balancer. They are read seldom; while one is missing they are read at each look.
fn listeners<'a>(
    object: &EntryPointObject,
    balancer: &Balancer,
    reader: &mut Reader<'a>,
) -> Asked<Reading<'a, Vec<Listener>>> {
    let known = reader.listeners(&balancer.arn, ANY_AGE)?;
    let has = |port| known.found.is_ok_and(|found| found.iter().any(|listener| listener.port == port));
    if object.spec.listeners.iter().all(|wanted| has(wanted.port)) {
        return Some(known);
    }
    reader.listeners(&balancer.arn, reader.began - LOOK_AGAIN)
}

/// The status of an entry point that leads nowhere.
fn forgotten(status: &EntryPointStatus) -> EntryPointStatus {
    EntryPointStatus { observed_generation: status.observed_generation, ..Default::default() }
}

/// Since when an entry point names a balancer. One whose spec was changed may have named another before.
fn named_since(now: Timestamp, object: &EntryPointObject, balancer: &Arn) -> Timestamp {
    let is_same = object.status.arn.as_deref() == Some(balancer.as_str());
    match object.status.named_since.filter(|_| is_same) {
        Some(since) => since,
        None if is_same || object.generation == 1 => object.created,
        None => now,
    }
}

/// The entry point to which a balancer belongs: the first that named it.
pub(crate) fn first_to_name<'a>(cluster: &'a Cluster, balancer: &str) -> Option<&'a EntryPointObject> {
    let doors = cluster.entry_points.values().filter(|door| door.status.arn.as_deref() == Some(balancer));
    doors.min_by_key(|door| rank(door, &door.status))
}

/// Where an entry point stands among those that name one balancer.
fn rank<'a>(door: &'a EntryPointObject, status: &EntryPointStatus) -> (Timestamp, (Timestamp, &'a Key, &'a str)) {
    (status.named_since.unwrap_or(door.created), door.creation_order())
}

/// Why no route of an entry point's own namespace can use it: its balancer belongs to another, which takes none from there.
fn closed(cluster: &Cluster, object: &EntryPointObject, status: &EntryPointStatus) -> Option<Explanation> {
    let first = first_to_name(cluster, status.arn.as_deref()?)?;
    let is_other = first.key.namespace != object.key.namespace;
    if !is_other || rank(first, &first.status) > rank(object, status) {
        return None;
    }
    let said = wrong_namespace(cluster, &object.key.namespace, first)?;
    let message = format!(
        "the balancer belongs to the EntryPoint {}, which was the first to name it, and does not allow the routes of this \
         namespace: {said}",
        first.key
    );
    Some(because(Reason::NotAllowed, message))
}

/// Whether what was found before can be what the spec means now. What was found for another spec must not serve on.
fn is_meant(found: &Arn, by: &By, access: &Access) -> bool {
    let is_named = match by {
        By::Arn(arn) => arn == found,
        // loadbalancer/app/<name>/<id>
        By::Name(name) => found.as_str().split('/').nth(2) == Some(name),
    };
    is_named && access.reaches(found)
}

fn not_application(balancer: &Balancer) -> Explanation {
    let message = format!(
        "{} is a {} load balancer; expected an application load balancer, which is the kind that Weir can shift \
         traffic on",
        balancer.name, balancer.kind
    );
    because(Reason::NotApplicationLoadBalancer, message)
}

/// Why a balancer with these tags is left alone, where another controller manages it.
pub(crate) fn owned_by_another(tags: &Tags) -> Option<Explanation> {
    let (key, value) = tags.iter().find(|(key, _)| FOREIGN_MARKS.iter().any(|mark| key.starts_with(mark)))?;
    let message = format!(
        "another controller manages this balancer: it carries the tag {key}={value}. Two controllers would undo each \
         other's weights; give Weir a balancer of its own"
    );
    Some(because(Reason::OwnedByAnother, message))
}

fn count_rules(listeners: &[Listener], reader: &mut Reader<'_>) -> Asked<Result<i32, ReadyState>> {
    let mut used = 0;
    for reading in all(listeners.iter().map(|listener| reader.rules(&listener.arn, ANY_AGE)))? {
        match reading.found {
            Ok(rules) => used += count(rules),
            Err(error) => return Some(Err(ReadyState::unreadable(error, "the balancer's rules"))),
        }
    }
    Some(Ok(used))
}

/// How many of the rules count for AWS: all but the default one.
fn count(rules: &[Rule]) -> i32 {
    i32::try_from(rules.iter().filter_map(|rule| rule.priority.number()).count()).unwrap_or(i32::MAX)
}

fn match_listeners(
    object: &EntryPointObject,
    found: &[Listener],
    status: &mut EntryPointStatus,
) -> Result<(), Explanation> {
    let mut missing = Vec::new();
    status.listeners.clear();
    for wanted in &object.spec.listeners {
        match found.iter().find(|listener| listener.port == wanted.port) {
            Some(listener) => status.listeners.push(ListenerStatus {
                name: wanted.name.clone(),
                port: listener.port,
                protocol: listener.protocol.clone(),
                arn: listener.arn.to_string(),
            }),
            None => missing.push(format!("{} on port {}", wanted.name, wanted.port)),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let ports: Vec<String> = found.iter().map(|listener| listener.port.to_string()).collect();
    let message = format!(
        "found listeners on the ports {}; expected also {}. Create it on the balancer or correct spec.listeners",
        if ports.is_empty() { "none".to_owned() } else { ports.join(", ") },
        missing.join(" and ")
    );
    Err(because(Reason::ListenerNotFound, message))
}
