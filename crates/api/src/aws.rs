//! Which AWS account and region something is in, and by which role it is reached.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The account and region of something on AWS, and the role by which Weir works there. What is left out is the
/// controller's own.
///
/// Lengths and characters are those of STS (`sts/2011-06-15/service-2.json` of botocore).
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("!has(self.externalId) || has(self.roleArn)")
    .message("externalId goes with a role: give roleArn too, or leave externalId out"))]
#[serde(rename_all = "camelCase")]
pub struct AwsAccess {
    /// The region, for example `eu-central-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z]+(-[a-z]+)+-[0-9]+$')")
        .message("give the name of a region, such as eu-central-1"))]
    pub region: Option<String>,
    /// The role that Weir assumes, in the account that it then works in. The controller's `--allow-role` must allow it
    /// for the namespace of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$')")
        .message("give the whole ARN of a role, such as arn:aws:iam::123456789012:role/weir"))]
    pub role_arn: Option<String>,
    /// The external ID that the role's trust policy asks for. It is not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1224))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_+=,.@:/-]+$')")
        .message("give letters, digits and _+=,.@:/- only, which is what STS takes in an external ID"))]
    pub external_id: Option<String>,
}
