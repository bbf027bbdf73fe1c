//! What AWS learns of who calls, and which region is taken.

use super::{Error, checked, loader};

fn config(region: &str) -> aws_config::SdkConfig {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(loader(Some(region)).load())
}

#[test]
fn calls_say_that_weir_makes_them_and_in_which_version() {
    let config = config("eu-central-1");
    assert_eq!(config.app_name().map(AsRef::as_ref), Some(concat!("weir-", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_region_that_is_none_is_refused_wherever_it_was_found() {
    assert!(checked(config("eu-central-1").region()).is_ok());
    assert!(matches!(checked(None), Err(Error::NoRegion)));
    let message = checked(config("mars").region()).unwrap_err().to_string();
    assert!(message.contains("\"mars\"") && message.contains("such as eu-central-1"), "{message}");
}
