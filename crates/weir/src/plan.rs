//! `weir plan`: what a TrafficShift will do, before it does anything.
//!
//! The controllers' own decisions are made in advance, on the objects of the cluster and on what AWS has now; both are only
//! read. What is here asks the API server how it would take manifests, and tells what was found.

#![allow(clippy::doc_markdown, reason = "the comments are the help that is printed")]

mod dry_run;
pub(crate) mod report;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kube::Client;
use serde_json::{Value, json};
use thiserror::Error;
use weir_api::traffic_shift::Outcome;
use weir_aws::Accounts;
use weir_controller::forecast::{End, Question};
use weir_controller::{Grants, Key, Snapshot};

use crate::files;
use crate::output::{Output, unusable};
use crate::run::arguments::{Allow, Cluster};
use crate::run::{account, allow, cluster, forms, now};
use report::Report;

/// Tell what a TrafficShift will write on AWS, in which order, and what stands in its way; nothing is changed
///
/// Reads the cluster and AWS, and makes the controllers' decisions in advance: each write with the weights that it makes live,
/// the healthy targets that it needs, the calls of AWS, and how long it takes at least. Manifests are given to the API server
/// as a dry run. Targets are taken to become healthy within 30 s, name servers to have a change when it is first asked for, 10 s
/// after it, and pauses without an end to be ended at once.
///
/// Ends with 0 when the run gets where it shall, with 1 when something stands in the way, and with 2 where nothing can be told,
/// such as where manifests cannot be used.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Plan {
    /// The TrafficShift, as ts/NAME or NAME
    #[arg(value_name = "SHIFT", required_unless_present = "files", conflicts_with = "files")]
    shift: Option<String>,

    /// Where the traffic shall be, in the place of what the TrafficShift says
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "files")]
    to: Option<String>,

    /// Manifests that are to be applied; a folder stands for the YAML and JSON files in it
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    files: Vec<PathBuf>,

    /// The name of the installation, as `weir run` has it
    #[arg(long, env = "WEIR_OWNER_ID", value_name = "NAME", value_parser = forms::owner_id)]
    owner_id: String,

    /// The form of what is told
    #[arg(short = 'o', long, value_name = "FORM", default_value = "text")]
    output: Output,

    /// The namespace of the TrafficShift, and of manifests that name none; by default that of the context. The objects of all
    /// namespaces are read
    #[arg(short = 'n', long, value_name = "NAME", value_parser = forms::namespace, help_heading = "Kubernetes")]
    namespace: Option<String>,

    #[command(flatten)]
    cluster: Cluster,

    /// The region of the balancers; by default what the AWS SDK finds
    #[arg(long, env = "WEIR_REGION", value_name = "REGION", value_parser = forms::region, help_heading = "AWS")]
    region: Option<String>,

    #[command(flatten)]
    allow: Allow,
}

/// What a TrafficShift is called before its name.
const KINDS: [&str; 3] = ["ts", "trafficshift", "trafficshifts"];

const EXAMPLES: &str = "\
Examples:
  weir plan ts/checkout --owner-id acme-production
  weir plan ts/checkout -n shop --to green --owner-id acme-production
  weir plan -f examples/release --owner-id acme-production -o json

With none of --allow-…, everything may be named.";

/// Why nothing can be told.
#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Files(#[from] files::Error),
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error(transparent)]
    Account(#[from] account::Error),
    #[error(transparent)]
    Accounts(#[from] weir_aws::NoRegion),
    #[error("cannot start a runtime: {0}")]
    Runtime(io::Error),
    #[error("the objects cannot be read, of which those of all namespaces are needed: {0}")]
    Objects(String),
    #[error(
        "there is no TrafficShift {name} in the namespace {namespace}, or its label weir.dev/controller says that it is another \
         controller's (--controller-name); see kubectl get trafficshifts -A --show-labels"
    )]
    Missing { name: String, namespace: String },
    #[error("what AWS has leads to questions without end; this is a bug of Weir")]
    Endless,
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// Tells what shifts will do.
pub fn run(arguments: &Plan) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(plan(arguments))
}

async fn plan(arguments: &Plan) -> Result<ExitCode, Error> {
    let manifests = files::read(&arguments.files)?;
    let client = cluster::connect(&arguments.cluster).await?;
    let config = account::load(arguments.region.as_deref()).await?;
    let read = Snapshot::read(&client, arguments.cluster.controller_name.as_deref()).await;
    let mut snapshot = read.map_err(|error| Error::Objects(cluster::in_full(&error)))?;
    let namespace = arguments.namespace.as_deref().unwrap_or(client.default_namespace()).to_owned();
    let wished = wished(arguments, &client, &namespace, manifests).await?;
    let mistakes = take_in(&mut snapshot, &wished);
    if !mistakes.is_empty() {
        return Ok(unusable(mistakes)?);
    }
    let shifts = shifts(arguments, &namespace, &wished);
    if shifts.is_empty() {
        return Ok(unusable(["found no TrafficShift; give the manifests that move traffic with -f"])?);
    }
    if let Some(key) = shifts.iter().find(|key| snapshot.cluster().shifts.get(key).is_none()) {
        return Err(Error::Missing { name: key.name.to_string(), namespace: key.namespace.to_string() });
    }
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let meter = move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let accounts = Accounts::new(&config, &arguments.owner_id, now, meter)?;
    // Without a word about it everything may be named: what a controller allows is not to be seen from here.
    let grants = allow::grants(&arguments.allow).unwrap_or_else(|_| Grants::everything());
    let question = Question { now: now(), owner: arguments.owner_id.clone(), grants: Arc::new(grants), shifts };
    let forecast = snapshot.forecast(&accounts, &question).await.ok_or(Error::Endless)?;
    let report = Report { question: &question, forecast: &forecast };
    let mut out = io::stdout().lock();
    let reads = calls.load(Ordering::Relaxed);
    match arguments.output {
        Output::Text => writeln!(out, "{report}\n{reads} calls of AWS were made to tell this, all of them reads.")?,
        Output::Json => writeln!(out, "{:#}", report.json(reads))?,
    }
    let is_good = |end: &End| match end {
        End::Rests => true,
        End::Ends { outcome, .. } => *outcome == Outcome::Succeeded,
        End::Missing | End::Blocked(_) | End::Beyond(_) => false,
    };
    Ok(if forecast.ends.iter().all(is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An object as the API server would take it, or why it would not, with the name of its file.
struct Wished {
    file: String,
    taken: Result<Value, String>,
}

/// The objects that are to be applied, as the API server would take them.
async fn wished(
    arguments: &Plan,
    client: &Client,
    namespace: &str,
    manifests: Vec<(PathBuf, String)>,
) -> Result<Vec<Wished>, Error> {
    if let (Some(to), Some(name)) = (&arguments.to, name(arguments)) {
        let taken = dry_run::shift_to(client, namespace, name, to).await.map_err(Error::Objects)?;
        let taken = taken.ok_or_else(|| Error::Missing { name: name.to_owned(), namespace: namespace.to_owned() })?;
        return Ok(vec![Wished { file: format!("TrafficShift {name} with --to {to}"), taken }]);
    }
    let mut wished = Vec::new();
    for (path, text) in manifests {
        let file = path.display().to_string();
        let documents: Result<Vec<Value>, _> = serde_saphyr::from_multiple(&text);
        match documents {
            Err(error) => wished.push(Wished { file, taken: Err(error.to_string()) }),
            Ok(documents) => {
                for mut document in documents.into_iter().flat_map(files::unfolded) {
                    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
                        metadata.entry("namespace").or_insert(json!(namespace));
                    }
                    let taken = dry_run::apply(client, document).await;
                    wished.push(Wished { file: file.clone(), taken });
                }
            }
        }
    }
    Ok(wished)
}

/// Puts what is to be applied among the objects; the mistakes in it.
fn take_in(snapshot: &mut Snapshot, wished: &[Wished]) -> Vec<String> {
    let take = |wished: &Wished| {
        let taken = wished.taken.clone().and_then(|object| snapshot.put(object));
        taken.err().map(|message| format!("{}: {message}", wished.file))
    };
    wished.iter().filter_map(take).collect()
}

/// The name of the shift that was asked for.
fn name(arguments: &Plan) -> Option<&str> {
    let name = arguments.shift.as_deref()?;
    let names = KINDS.iter().find_map(|kind| name.strip_prefix(kind)?.strip_prefix('/'));
    Some(names.unwrap_or(name))
}

/// The shifts that are told of: the one that was asked for, or all of the manifests.
fn shifts(arguments: &Plan, namespace: &str, wished: &[Wished]) -> Vec<Key> {
    if let Some(name) = name(arguments) {
        return vec![Key::new(namespace, name)];
    }
    let objects = wished.iter().filter_map(|wished| wished.taken.as_ref().ok());
    let shifts = objects.filter(|object| object["kind"] == "TrafficShift");
    let key = |object: &Value| {
        let metadata = &object["metadata"];
        Some(Key::new(metadata["namespace"].as_str()?, metadata["name"].as_str()?))
    };
    shifts.filter_map(key).collect()
}
