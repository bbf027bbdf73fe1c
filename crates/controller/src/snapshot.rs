//! All objects as the API server has them once, for whoever looks and does not watch.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};
use serde_json::Value;
use weir_api::CONTROLLER_LABEL;
use weir_aws::Accounts;
use weir_engine::forecast::{Forecast, Question, forecast};
use weir_engine::reader::Facts;
use weir_engine::tick::Urgency;
use weir_engine::{Access, Cluster, KindName, ObjectRef};

use crate::document::{self, Document};
use crate::selection::Selection;
use crate::store::{Source, Store};

/// How many objects a page of a list has.
const PAGE: u32 = 250;
/// How often a forecast may ask: each answer leads to the next question, of which there are eight sorts, and objects wait for
/// each other.
const ROUNDS: u32 = 64;

/// The objects of Weir's kinds, read once.
#[derive(Debug)]
pub struct Snapshot {
    store: Store,
    selection: Selection,
}

impl Snapshot {
    /// Reads the objects that a controller of this name looks at, and the labels of the namespaces.
    pub async fn read(client: &kube::Client, controller: Option<&str>) -> Result<Self, kube::Error> {
        let mut store = Store::of_controller(controller);
        let selection = Selection(controller.map(str::to_owned));
        for kind in KindName::ALL {
            let api: Api<Document> = Api::all_with(client.clone(), &document::resource(kind));
            let mut page = ListParams::default().labels(&selection.to_string()).limit(PAGE);
            loop {
                let list = api.list(&page).await?;
                for document in list.items {
                    store.put(kind, document, Source::Watch);
                }
                match list.metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => page = page.continue_token(&token),
                    None => break,
                }
            }
        }
        store.await_namespaces();
        for namespace in Api::<Namespace>::all(client.clone()).list_metadata(&ListParams::default()).await?.items {
            store.put_namespace(Document { metadata: namespace.metadata, ..Document::default() });
        }
        Ok(Self { store, selection })
    }

    /// Takes in an object as the API server would have it, such as its answer to a dry run. What is none of Weir's is passed
    /// over; the error says why its spec cannot be read.
    pub fn put(&mut self, object: Value) -> Result<(), String> {
        let Some(kind) = document::kind_of(&object) else { return Ok(()) };
        let mut document: Document = serde_json::from_value(object).map_err(|error| error.to_string())?;
        if !self.selection.covers(&document.metadata) {
            return Err(format!(
                "its label {CONTROLLER_LABEL} says that it is another controller's; give the name in it with --controller-name"
            ));
        }
        // It counts, though nothing was stored and the version is the one before.
        document.metadata.resource_version = None;
        let Some(key) = document.key() else { return Ok(()) };
        self.store.put(kind, document, Source::Watch);
        match self.store.refusal(&ObjectRef::new(kind, key)) {
            Some(refusal) => Err(refusal.message.clone()),
            None => Ok(()),
        }
    }

    /// Forecasts what shifts will do, from these objects and from what AWS has now, which is only read. `None` where that asks
    /// without end.
    pub async fn forecast(&self, accounts: &Accounts, question: &Question) -> Option<Forecast> {
        let mut facts = Facts::default();
        for _ in 0..ROUNDS {
            match forecast(question, self.cluster(), &facts) {
                Ok(forecast) => return Some(self.within_limits(forecast, accounts, question).await),
                Err(asks) => {
                    let answers = accounts.answer_all(&asks, &Urgency::Routine.into()).await;
                    for (ask, fact) in answers {
                        facts.answer(ask, fact);
                    }
                }
            }
        }
        None
    }

    /// The forecast, as it ends where the quotas of the accounts are as they are now.
    async fn within_limits(&self, mut forecast: Forecast, accounts: &Accounts, question: &Question) -> Forecast {
        let accesses: BTreeSet<Access> = forecast.quota_uses.iter().map(|used| used.access.clone()).collect();
        let mut limits = BTreeMap::new();
        for access in accesses {
            match accounts.limits(&access, &Urgency::Routine.into()).await {
                Ok(found) => {
                    limits.insert(access, found);
                }
                Err(error) => forecast.unread_quotas.push(error),
            }
        }
        forecast.within(question, self.cluster(), &limits)
    }

    /// The objects that can be decided on.
    pub fn cluster(&self) -> &Cluster {
        self.store.cluster()
    }
}
