//! Typed reads and writes over the AWS SDK.
