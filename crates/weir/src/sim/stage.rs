//! The world before anybody's tools come: Weir's kinds, and on AWS what files say.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use serde_json::Value;
use thiserror::Error;
use weir_lab::sim::aws::{Aws, AwsOptions};
use weir_lab::sim::clock::Clock;
use weir_lab::sim::kube::{Kube, KubeOptions};
use weir_lab::world_file::WorldFile;
use weir_lab::{Account, manifest};

/// How many targets each group gets that manifests name.
const TARGETS: u32 = 4;
/// The access key of whoever may do only what a policy allows.
const RESTRICTED: &str = "restricted";
/// How often what nobody asks for any more is forgotten.
const FORGETTING: Duration = Duration::from_secs(10);
/// The names of files that are read in a folder end so.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Why a world cannot be made.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("found no YAML or JSON file in {}", path.display())]
    Empty { path: PathBuf },
    #[error("{}: {message}", path.display())]
    Mistake { path: PathBuf, message: String },
}

/// The world.
pub(super) struct Stage {
    pub aws: Arc<Aws>,
    pub kube: Arc<Kube>,
}

/// Makes a world of files.
#[expect(clippy::disallowed_methods, reason = "the world's clock begins with the machine's")]
pub(super) fn set(seed: u64, speed: u32, paths: &[PathBuf]) -> Result<Stage, Error> {
    let clock = Clock::starting_at(jiff::Timestamp::now()).at_speed(speed);
    let aws = Aws::new(clock, seed, AwsOptions::default());
    let kube = Kube::new(clock, seed, KubeOptions::default());
    for definition in weir_api::crds() {
        let definition = serde_json::to_value(definition).expect("a definition is JSON");
        kube.apply(&definition).expect("Weir's own kinds are well formed");
    }
    let mut manifests = Vec::new();
    for path in files(paths)? {
        let text = fs::read_to_string(&path).map_err(|cause| Error::Read { path: path.clone(), cause })?;
        let mistake = |message| Error::Mistake { path: path.clone(), message };
        let documents = manifest::parse(&text).map_err(mistake)?;
        if is_manifest(&documents) {
            manifests.push((path, documents));
        } else {
            WorldFile::parse(&text).and_then(|world| world.furnish(&aws)).map_err(mistake)?;
        }
    }
    // What a world file says is there already when manifests name it.
    for (path, documents) in manifests {
        let furnished = Account::new(&aws).furnish(&documents, TARGETS);
        furnished.map_err(|message| Error::Mistake { path, message })?;
    }
    Ok(Stage { aws, kube })
}

/// Whether a file holds objects of Kubernetes.
fn is_manifest(documents: &[Value]) -> bool {
    documents.iter().any(|document| document.get("apiVersion").is_some())
}

/// The files that paths stand for.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        let read = |cause| Error::Read { path: path.clone(), cause };
        if !fs::metadata(path).map_err(read)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).map_err(read)?.collect::<Result<Vec<_>, _>>().map_err(read)?;
        let mut inside: Vec<PathBuf> =
            entries.into_iter().map(|entry| entry.path()).filter(|file| is_read(file)).collect();
        if inside.is_empty() {
            return Err(Error::Empty { path: path.clone() });
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

fn is_read(file: &Path) -> bool {
    file.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
}

impl Stage {
    /// Lets the owner of [`RESTRICTED`] do only what a policy allows.
    pub fn restrict(&self, path: &Path) -> Result<(), Error> {
        let text = fs::read_to_string(path).map_err(|cause| Error::Read { path: path.to_owned(), cause })?;
        let policy = serde_json::from_str(&text).map_err(|error| error.to_string());
        let restricted = policy.and_then(|policy: Value| self.aws.restrict(RESTRICTED, &policy));
        restricted.map_err(|message| Error::Mistake { path: path.to_owned(), message })
    }

    /// Forgets again and again what only judges would want to know, so that memory does not grow with requests.
    pub async fn forget_what_is_old(&self) {
        loop {
            tokio::time::sleep(FORGETTING).await;
            self.aws.forget_history();
            self.kube.forget_history();
        }
    }
}
