//! The AWS account: region and credentials as the SDK's default chain finds them.

use std::time::Duration;

use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use thiserror::Error;

use super::cluster::in_full;
use super::forms;

/// How long credentials may take: some come from a service on the network.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why AWS cannot be called.
#[derive(Debug, Error)]
pub enum Error {
    #[error("found no AWS region; give one with --region, WEIR_REGION or AWS_REGION, such as eu-central-1")]
    NoRegion,
    #[error("found the AWS region {region:?}; {expected}; give one with --region, WEIR_REGION or AWS_REGION")]
    BadRegion { region: String, expected: String },
    #[error(
        "found no AWS credentials. Give them in a way that the AWS SDK knows: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
         AWS_PROFILE, or the role of the pod or instance.\n  {0}"
    )]
    NoCredentials(String),
}

/// The configuration with which AWS is called.
pub async fn load(region: Option<&str>) -> Result<SdkConfig, Error> {
    let config = loader(region).load().await;
    checked(config.region())?;
    let provider = config.credentials_provider().ok_or_else(|| Error::NoCredentials("no provider".to_owned()))?;
    match tokio::time::timeout(PATIENCE, provider.provide_credentials()).await {
        Ok(Ok(_)) => Ok(config),
        Ok(Err(error)) => Err(Error::NoCredentials(in_full(&error))),
        Err(_) => Err(Error::NoCredentials(format!("none came within {} s", PATIENCE.as_secs()))),
    }
}

fn loader(region: Option<&str>) -> ConfigLoader {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    // By this CloudTrail tells Weir's calls from those of others with the same role.
    if let Ok(name) = AppName::new(concat!("weir-", env!("CARGO_PKG_VERSION"))) {
        loader = loader.app_name(name);
    }
    match region {
        Some(region) => loader.region(Region::new(region.to_owned())),
        None => loader,
    }
}

/// Whether a region was found, and is one by its form.
fn checked(region: Option<&Region>) -> Result<(), Error> {
    let region = region.ok_or(Error::NoRegion)?.to_string();
    forms::region(&region).map(drop).map_err(|expected| Error::BadRegion { region, expected })
}

#[cfg(test)]
mod tests;
