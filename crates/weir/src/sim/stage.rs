//! The world before anybody's tools come: Weir's kinds, and on AWS what files say.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use weir_lab::control::Control;
use weir_lab::sim::aws::{Aws, AwsOptions};
use weir_lab::sim::clock::Clock;
use weir_lab::sim::kube::{Kube, KubeOptions};
use weir_lab::world_file::WorldFile;
use weir_lab::{Account, Mistake, manifest};

use crate::files::{self, Error};

/// How many targets each group gets that manifests name.
const TARGETS: u32 = 4;
/// The access key of whoever may do only what a policy allows.
const RESTRICTED: &str = "restricted";
/// After how many seconds what nobody asks for any more is forgotten.
const FORGETTING: u64 = 10;

/// The world.
pub(super) struct Stage {
    pub aws: Arc<Aws>,
    pub kube: Arc<Kube>,
}

/// Makes a world of files.
#[expect(clippy::disallowed_methods, reason = "the world's clock begins with the machine's")]
pub(super) fn set(seed: u64, speed: u32, paths: &[PathBuf]) -> Result<Stage, Error> {
    let clock = Clock::starting_at(jiff::Timestamp::now()).at_speed(speed).that_can_be_set();
    let aws = Aws::new(clock, seed, AwsOptions::default());
    let kube = Kube::new(clock, seed, KubeOptions::default());
    for definition in weir_api::crds() {
        let definition = serde_json::to_value(definition).expect("a definition is JSON");
        kube.apply(&definition).expect("Weir's own kinds are well formed");
    }
    let (mut documents, mut origins) = (Vec::new(), Vec::new());
    for (path, text) in files::read(paths)? {
        let mistake = |message| Error::Mistake { path: path.clone(), message };
        let found = manifest::parse(&text).map_err(mistake)?;
        if is_manifest(&found) {
            origins.extend(found.iter().map(|_| path.clone()));
            documents.extend(found);
        } else {
            WorldFile::parse(&text).and_then(|world| world.furnish(&aws)).map_err(mistake)?;
        }
    }
    // What a world file says is there already when manifests name it, and what one manifest names may hang on another.
    let furnished = Account::new(&aws).furnish(&documents, TARGETS);
    furnished
        .map_err(|Mistake { document, message }| Error::Mistake { path: origins.swap_remove(document), message })?;
    Ok(Stage { aws, kube })
}

/// Whether a file holds objects of Kubernetes.
fn is_manifest(documents: &[Value]) -> bool {
    documents.iter().any(|document| document.get("apiVersion").is_some())
}

impl Stage {
    /// Lets the owner of [`RESTRICTED`] do only what a policy allows.
    pub fn restrict(&self, path: &Path) -> Result<(), Error> {
        let text = files::text(path)?;
        let policy = serde_json::from_str(&text).map_err(|error| error.to_string());
        let restricted = policy.and_then(|policy: Value| self.aws.restrict(RESTRICTED, &policy));
        restricted.map_err(|message| Error::Mistake { path: path.to_owned(), message })
    }

    /// Lets happen what happens by itself, and forgets again and again what only judges would want to know, so that memory does
    /// not grow with requests.
    pub async fn go_on(&self, control: &Control) {
        for second in 0_u64.. {
            tokio::time::sleep(Duration::from_secs(1)).await;
            control.pass();
            if second.is_multiple_of(FORGETTING) {
                self.aws.forget_history();
                self.kube.forget_history();
            }
        }
    }
}
