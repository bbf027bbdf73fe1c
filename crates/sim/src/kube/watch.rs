//! Watches: a response body that tells of changes as they become visible, until its time is over.
//!
//! A watch holds no copy of the changes; it reads the world's history from where it stands. One that falls behind
//! the history is told that its version expired, like on a real server.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock::Clock;

use super::Kube;
use super::cluster::{Change, Cluster};
use super::failure::Failure;
use super::field::{FieldError, Wrong};
use super::read::{self, Scope};
use super::request::Call;
use super::table::Include;

/// How often a quiet watch that allows bookmarks gets one.
const BOOKMARK_INTERVAL: Duration = Duration::from_mins(1);

/// Marks the bookmark that ends the initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// A watch before it is handed its server.
#[derive(Debug)]
pub(super) struct Plan {
    scope: Scope,
    shape: Shape,
    clock: Clock,
    number: u64,
    /// Events that are told before any change.
    first: VecDeque<Bytes>,
    /// The last version that was told.
    cursor: u64,
    ends_at: Instant,
    bookmarks: bool,
    /// Nothing follows `first`.
    broken: bool,
}

/// What is told of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    Metadata,
    Table(Include),
}

/// The body of a watch.
pub(super) struct Watch {
    plan: Plan,
    server: Arc<Kube>,
    sleep: Pin<Box<Sleep>>,
    bookmark_at: Instant,
}

/// Starts a watch: decides what it tells first and from where it goes on.
pub(super) fn plan(cluster: &mut Cluster, scope: Scope, call: &Call, shape: Shape) -> Result<Plan, Failure> {
    let asked = read::version_parameter(call)?;
    let bookmarks = call.flag("allowWatchBookmarks");
    let initial = call.flag("sendInitialEvents");
    check_options(call)?;
    let lifetime = match read::number_parameter(call, "timeoutSeconds")? {
        None => cluster.watch_lifetime(),
        Some(seconds) => Duration::from_secs(seconds),
    };
    let mut plan = Plan {
        number: cluster.number_watch(),
        first: VecDeque::new(),
        cursor: cluster.version(),
        ends_at: Instant::now() + lifetime,
        bookmarks,
        broken: false,
        shape,
        clock: cluster.clock,
        scope,
    };
    match asked {
        Some(version) if version > 0 && !initial => {
            plan.cursor = version;
            if version < cluster.compacted() {
                plan.break_off(version, cluster.compacted());
            }
        }
        _ => {
            let objects = cluster.all(&plan.scope.kind.stored_as).map(|(_, object)| object);
            let shown = objects.map(|object| Cluster::shown_as(&plan.scope.kind, object));
            let added: Vec<Bytes> = shown.filter(|o| plan.scope.covers(o)).map(|o| plan.line("ADDED", &o)).collect();
            plan.first.extend(added);
            if initial && bookmarks {
                plan.first.push_back(plan.bookmark(true));
            }
        }
    }
    Ok(plan)
}

/// Refuses options of a watch that contradict each other.
fn check_options(call: &Call) -> Result<(), Failure> {
    let field = "resourceVersionMatch";
    let wanted = call.parameter(field);
    let initial = call.query.contains_key("sendInitialEvents");
    let mut errors = Vec::new();
    if initial && wanted != Some("NotOlderThan") {
        let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        errors.push(FieldError::forbidden(field, detail));
    }
    if let Some(wanted) = wanted {
        if !initial {
            let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(FieldError::forbidden(field, detail));
        }
        if wanted != "NotOlderThan" {
            let detail = "supported values: \"NotOlderThan\"";
            errors.push(FieldError::new(Wrong::NotSupported, field, json!(wanted), detail));
        }
    }
    read::refuse_options(&errors)
}

impl Plan {
    fn line(&self, event: &str, object: &Value) -> Bytes {
        // Like a real server's, with the type first: a reader who knows it need not keep the object for later.
        let line = |object: &Value| format!("{{\"type\":\"{event}\",\"object\":{object}}}\n").into();
        match self.shape {
            Shape::Whole => line(object),
            Shape::Metadata => line(&super::answer::metadata_of(object)),
            Shape::Table(include) => {
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                // A bookmark is no object.
                let rows = Some(object).filter(|_| event != "BOOKMARK");
                line(&self.scope.kind.columns.table(rows.into_iter(), include, &metadata, self.clock.now()))
            }
        }
    }

    fn bookmark(&self, initial: bool) -> Bytes {
        let kind = &self.scope.kind;
        let mut metadata = json!({"resourceVersion": self.cursor.to_string()});
        if initial {
            metadata["annotations"] = json!({INITIAL_EVENTS_END: "true"});
        }
        self.line("BOOKMARK", &json!({"kind": kind.name, "apiVersion": kind.api_version(), "metadata": metadata}))
    }

    /// Ends the watch with the news that its version is too old.
    fn break_off(&mut self, version: u64, oldest: u64) {
        let failure = Failure::expired(format!("too old resource version: {version} ({oldest})"));
        let mut line = json!({"type": "ERROR", "object": failure.to_status()}).to_string();
        line.push('\n');
        self.first.push_back(line.into());
        self.broken = true;
    }

    /// What this watch says about a change; nothing if it does not concern it.
    fn tell(&self, change: &Change) -> Option<Bytes> {
        let kind = &self.scope.kind;
        if change.resource != kind.stored_as {
            return None;
        }
        let covered = |object: &Option<Arc<Value>>| {
            object.as_ref().is_some_and(|object| self.scope.covers(&Cluster::shown_as(kind, object)))
        };
        let event = match (covered(&change.before), covered(&change.after)) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        Some(self.line(event, &Cluster::shown_as(kind, &change.last)))
    }
}

impl Watch {
    pub(super) fn new(plan: Plan, server: Arc<Kube>) -> Self {
        let bookmark_at = Instant::now() + BOOKMARK_INTERVAL;
        let sleep = Box::pin(sleep_until(plan.ends_at));
        Self { plan, server, sleep, bookmark_at }
    }

    /// The next line, or `None` at the end.
    pub(super) fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(line) = self.plan.first.pop_front() {
                return Poll::Ready(Some(line));
            }
            let now = Instant::now();
            if self.plan.broken || now >= self.plan.ends_at {
                return Poll::Ready(None);
            }
            let mut wake_at = self.plan.ends_at;
            if self.plan.bookmarks {
                if now >= self.bookmark_at {
                    self.bookmark_at = now + BOOKMARK_INTERVAL;
                    return Poll::Ready(Some(self.plan.bookmark(false)));
                }
                wake_at = wake_at.min(self.bookmark_at);
            }
            match self.advance(now, context) {
                Progress::Line(line) => return Poll::Ready(Some(line)),
                Progress::Broken => continue,
                Progress::Later(at) => wake_at = wake_at.min(at),
                Progress::Nothing => {}
            }
            self.sleep.as_mut().reset(wake_at);
            if self.sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Goes through the history until something is to be told.
    fn advance(&mut self, now: Instant, context: &Context<'_>) -> Progress {
        let mut cluster = self.server.cluster();
        if cluster.is_cut(self.plan.number) {
            self.plan.broken = true;
            return Progress::Broken;
        }
        let mut progress = Progress::Nothing;
        let mut cursor = self.plan.cursor;
        let known = cluster.changes_after(cursor).map(|changes| {
            for change in changes {
                if change.visible_at > now {
                    progress = Progress::Later(change.visible_at);
                    break;
                }
                cursor = change.version;
                if let Some(line) = self.plan.tell(change) {
                    progress = Progress::Line(line);
                    break;
                }
            }
        });
        if known.is_none() {
            self.plan.break_off(cursor, cluster.compacted());
            return Progress::Broken;
        }
        self.plan.cursor = cursor;
        if let Progress::Line(line) = &progress
            && cluster.echoes(now)
        {
            self.plan.first.push_back(line.clone());
        }
        if matches!(progress, Progress::Nothing) {
            cluster.wait(self.plan.number, context.waker());
        }
        progress
    }
}

enum Progress {
    Line(Bytes),
    Later(Instant),
    Nothing,
    Broken,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.server.cluster().forget_watch(self.plan.number);
    }
}
