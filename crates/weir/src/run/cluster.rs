//! The client of the cluster, and whether the cluster is there and has the kinds.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use thiserror::Error;

use super::arguments::Cluster;

/// How long the API server may take for its first answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection to the API server may take to be there.
const CONNECTING: Duration = Duration::from_secs(3);

/// Why there is no cluster to work with.
#[derive(Debug, Error)]
pub enum Error {
    #[error(
        "found no cluster to work with. Give a kubeconfig with --kubeconfig or KUBECONFIG, or run in a pod with a service \
         account.\n  {0}"
    )]
    NoConfig(String),
    #[error(
        "the Kubernetes API server at {url} does not answer as it should. Check that it runs, and that --kubeconfig and \
         --context mean the right one.\n  {cause}"
    )]
    Unreachable { url: String, cause: String },
    #[error(
        "the Kubernetes API server at {url} does not have these kinds of {version}: {missing}. Install them:\n  \
         weir crds | kubectl apply --server-side -f -"
    )]
    KindsMissing { url: String, version: String, missing: String },
}

/// A client of the cluster that is meant, which answered and has every kind.
pub async fn connect(arguments: &Cluster) -> Result<Client, Error> {
    let mut config = config(arguments).await?;
    config.headers.push((USER_AGENT, HeaderValue::from_static(concat!("weir/", env!("CARGO_PKG_VERSION")))));
    // A server that was away takes connections anew long before a connection that found nobody is given up by itself.
    config.connect_timeout = Some(CONNECTING);
    let url = config.cluster_url.to_string();
    let client = Client::try_from(config).map_err(|error| Error::NoConfig(in_full(&error)))?;
    expect_kinds(&client, url).await?;
    Ok(client)
}

async fn config(arguments: &Cluster) -> Result<Config, Error> {
    let named = arguments.kubeconfig.is_some() || arguments.context.is_some();
    if !named {
        return Config::infer().await.map_err(|error| Error::NoConfig(in_full(&error)));
    }
    let kubeconfig = match &arguments.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let options = KubeConfigOptions { context: arguments.context.clone(), ..KubeConfigOptions::default() };
    let kubeconfig = kubeconfig.map_err(|error| Error::NoConfig(in_full(&error)))?;
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| Error::NoConfig(in_full(&error)))
}

async fn expect_kinds(client: &Client, url: String) -> Result<(), Error> {
    let expected = weir_api::crds();
    let version = format!("{}/{}", weir_api::GROUP, expected[0].spec.versions[0].name);
    let asked = tokio::time::timeout(PATIENCE, client.list_api_group_resources(&version)).await;
    let found = match asked {
        Ok(Ok(found)) => found.resources,
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Vec::new(),
        Ok(Err(error)) => return Err(Error::Unreachable { url, cause: in_full(&error) }),
        Err(_) => return Err(Error::Unreachable { url, cause: format!("no answer within {} s", PATIENCE.as_secs()) }),
    };
    let is_there = |kind: &str| found.iter().any(|resource| resource.kind == kind);
    let missing: Vec<String> =
        expected.into_iter().map(|definition| definition.spec.names.kind).filter(|kind| !is_there(kind)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::KindsMissing { url, version, missing: missing.join(", ") }) }
}

/// An error with its causes: the outermost alone often says only that something failed.
pub fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
