//! The AWS account: region and credentials as the SDK's default chain finds them.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use thiserror::Error;

use super::arguments::Aws;
use super::cluster::in_full;

/// How long credentials may take: some come from a service on the network.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why AWS cannot be called.
#[derive(Debug, Error)]
pub enum Error {
    #[error("found no AWS region; give one with --region, WEIR_REGION or AWS_REGION, such as eu-central-1")]
    NoRegion,
    #[error(
        "found no AWS credentials. Give them in a way that the AWS SDK knows: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
         AWS_PROFILE, or the role of the pod or instance.\n  {0}"
    )]
    NoCredentials(String),
}

/// The configuration with which AWS is called.
pub async fn load(arguments: &Aws) -> Result<SdkConfig, Error> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = &arguments.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(Error::NoRegion);
    }
    let provider = config.credentials_provider().ok_or_else(|| Error::NoCredentials("no provider".to_owned()))?;
    match tokio::time::timeout(PATIENCE, provider.provide_credentials()).await {
        Ok(Ok(_)) => Ok(config),
        Ok(Err(error)) => Err(Error::NoCredentials(in_full(&error))),
        Err(_) => Err(Error::NoCredentials(format!("none came within {} s", PATIENCE.as_secs()))),
    }
}
