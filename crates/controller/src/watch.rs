//! The watches on the four kinds, and on the labels of namespaces.
//!
//! A watch that breaks is taken up again after a pause with a jitter from the seed; kube's own backoff would draw
//! it from elsewhere. All are polled in one order, so that a run can be replayed.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt, future, stream};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Config, Event, watcher};
use weir_engine::KindName;

use crate::document::{self, Document};
use crate::errors::describe_watch;
use crate::selection::Selection;
use crate::{Clock, Settings};

/// How many objects a page of a list has: of each kind one page at a time is held as it came, and whoever may write an object
/// can make it more than a mebibyte large.
const PAGE: u32 = 25;
/// The same of namespaces, of which only metadata is asked for.
const PAGE_OF_NAMESPACES: u32 = 100;
/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause: after an outage of the API server, whatever was asked meanwhile is seen so soon, a rollback too.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// How often is said that a watch goes on failing.
const SAID_AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// A failure so long after the one before begins anew.
const FORGIVEN_AFTER: SignedDuration = SignedDuration::from_secs(120);

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The objects of a kind.
    Kind(KindName),
    /// The metadata of namespaces.
    Namespaces,
}

/// What a watch has to say.
#[derive(Debug)]
pub enum Notice {
    /// A list begins.
    Began(Subject),
    /// An object of the list.
    Listed(Subject, Document),
    /// The list is complete.
    Complete(Subject),
    /// An object is new or has changed.
    Changed(Subject, Document),
    /// An object is no more.
    Deleted(Subject, Document),
    /// The watch failed and is taken up again after a pause.
    Failed {
        /// Of what.
        subject: Subject,
        /// Why, and what to do.
        message: String,
        /// The status of the API server's answer, where there is one.
        code: Option<u16>,
        /// Whether the same was said a short while ago.
        is_said: bool,
    },
}

/// The watches on all kinds.
pub struct Watches {
    streams: Vec<Pin<Box<dyn Stream<Item = Notice>>>>,
}

impl Watches {
    /// Watches the selected objects of all kinds in one namespace or in all, and in the latter case also the labels of the
    /// namespaces.
    pub fn new(client: &kube::Client, settings: &Settings, selection: &Selection, clock: &Clock) -> Self {
        let (namespace, lasts_s) = (settings.namespace.as_deref(), settings.watch_seconds);
        let mut seeds = fastrand::Rng::with_seed(settings.seed);
        let mut streams: Vec<_> = KindName::ALL
            .map(|kind| {
                let events = documents(client, namespace, selection, kind, lasts_s);
                watch(Subject::Kind(kind), events, clock.clone(), seeds.fork())
            })
            .into();
        if namespace.is_none() {
            streams.push(watch(Subject::Namespaces, namespaces(client, lasts_s), clock.clone(), seeds.fork()));
        }
        Self { streams }
    }

    /// The next notice. Dropping the future loses none.
    pub async fn next(&mut self) -> Notice {
        future::poll_fn(|context| {
            for stream in &mut self.streams {
                if let Poll::Ready(Some(notice)) = stream.poll_next_unpin(context) {
                    return Poll::Ready(notice);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// What the watch of kube has to say, about whatever is watched.
type Events = Pin<Box<dyn Stream<Item = watcher::Result<Event<Document>>>>>;

struct Watch {
    subject: Subject,
    events: Events,
    clock: Clock,
    pauses: Pauses,
    pause: Option<Duration>,
    /// The failure that was last said, by its code, and when that was.
    said: Option<(Option<u16>, Timestamp)>,
}

fn documents(
    client: &kube::Client,
    namespace: Option<&str>,
    selection: &Selection,
    kind: KindName,
    lasts_s: u32,
) -> Events {
    let resource = document::resource(kind);
    let api: Api<Document> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    watcher(api, Config::default().labels(&selection.to_string()).page_size(PAGE).timeout(lasts_s)).boxed_local()
}

/// Only metadata is asked for, and of that only name and labels are kept.
fn namespaces(client: &kube::Client, lasts_s: u32) -> Events {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client.clone());
    let slim = |found: PartialObjectMeta<Namespace>| {
        let (name, labels) = (found.metadata.name, found.metadata.labels);
        Document { metadata: ObjectMeta { name, labels, ..ObjectMeta::default() }, ..Document::default() }
    };
    let events =
        watcher(api, Config::default().page_size(PAGE_OF_NAMESPACES).timeout(lasts_s)).map_ok(
            move |event| match event {
                Event::Init => Event::Init,
                Event::InitApply(found) => Event::InitApply(slim(found)),
                Event::InitDone => Event::InitDone,
                Event::Apply(found) => Event::Apply(slim(found)),
                Event::Delete(found) => Event::Delete(slim(found)),
            },
        );
    events.boxed_local()
}

fn watch(subject: Subject, events: Events, clock: Clock, jitter: fastrand::Rng) -> Pin<Box<dyn Stream<Item = Notice>>> {
    let watch = Watch { subject, events, clock, pauses: Pauses::new(jitter), pause: None, said: None };
    stream::unfold(watch, |mut watch| async move {
        if let Some(pause) = watch.pause.take() {
            tokio::time::sleep(pause).await;
        }
        let event = watch.events.next().await?;
        Some((watch.tell(event), watch))
    })
    .boxed_local()
}

impl Watch {
    fn tell(&mut self, event: watcher::Result<Event<Document>>) -> Notice {
        match event {
            // A list that only begins proves nothing: it is said before the first request.
            Ok(Event::Init) => Notice::Began(self.subject),
            Ok(Event::InitApply(document)) => Notice::Listed(self.subject, document),
            Ok(Event::InitDone) => {
                self.pauses.reset();
                self.said = None;
                Notice::Complete(self.subject)
            }
            Ok(Event::Apply(document)) => {
                self.pauses.reset();
                Notice::Changed(self.subject, document)
            }
            Ok(Event::Delete(document)) => {
                self.pauses.reset();
                Notice::Deleted(self.subject, document)
            }
            Err(error) => {
                let now = (self.clock)();
                self.pause = Some(self.pauses.next(now));
                let (message, code) = describe_watch(self.subject, &error);
                let is_said =
                    self.said.is_some_and(|(said, at)| said == code && now.duration_since(at).abs() < SAID_AGAIN);
                if !is_said {
                    self.said = Some((code, now));
                }
                Notice::Failed { subject: self.subject, message, code, is_said }
            }
        }
    }
}

/// How long a watch rests after each failure.
#[derive(Debug)]
struct Pauses {
    jitter: fastrand::Rng,
    failures: u32,
    last: Option<Timestamp>,
}

impl Pauses {
    fn new(jitter: fastrand::Rng) -> Self {
        Self { jitter, failures: 0, last: None }
    }

    fn reset(&mut self) {
        self.failures = 0;
    }

    fn next(&mut self, now: Timestamp) -> Duration {
        if self.last.is_some_and(|last| now.duration_since(last).abs() > FORGIVEN_AFTER) {
            self.failures = 0;
        }
        self.last = Some(now);
        let doubled = FIRST_PAUSE * 2_u32.pow(self.failures.min(10));
        self.failures += 1;
        doubled.min(LONGEST_PAUSE).mul_f64(0.5 + self.jitter.f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{LONGEST_PAUSE, Pauses};

    #[test]
    fn pauses_grow_are_bounded_and_forgiven() {
        let mut pauses = Pauses::new(fastrand::Rng::with_seed(1));
        let now = Timestamp::UNIX_EPOCH;
        let grown: Vec<Duration> = (0..20).map(|_| pauses.next(now)).collect();
        assert!(grown[0] <= Duration::from_millis(500));
        assert!(grown.iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert!(grown[19] >= LONGEST_PAUSE / 2);
        let later = now + Duration::from_secs(121);
        assert!(pauses.next(later) <= Duration::from_millis(500));
        pauses.reset();
        assert!(pauses.next(later) <= Duration::from_millis(500));
    }

    #[test]
    fn the_same_seed_pauses_alike() {
        let run = |seed| {
            let mut pauses = Pauses::new(fastrand::Rng::with_seed(seed));
            (0..5).map(|_| pauses.next(Timestamp::UNIX_EPOCH)).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
