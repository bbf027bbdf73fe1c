//! `weir iam-policy`: prints what AWS's IAM must allow the controllers.
//!
//! What is printed without account and region is what the repository keeps in `docs/iam-policy.json`; a test compares
//! the two.

use std::io::{self, Write};

use thiserror::Error;
use weir_aws::{Policy, Scope, ZoneName};
use weir_controller::Grant;

use crate::run::forms::{self, owner_id, role_grant, zone_grant};

/// Print the IAM policy that the controllers need
///
/// It allows the calls that Weir makes and no others. Weir may make rules on listeners of Application Load Balancers and
/// add its own tags to listeners and rules there; it may change and delete only what carries the tag weir.dev/owner
/// with the name of this installation. --balancer and --no-adopt narrow it; --allow-zone adds the rights for names in DNS. Attach it to the role of the controller's service account, and to each role that manifests name.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct IamPolicy {
    /// The name of the installation, as `weir run` has it
    #[arg(long, env = "WEIR_OWNER_ID", value_name = "NAME", value_parser = owner_id)]
    owner_id: String,

    /// The account with the balancers; by default any
    #[arg(long, value_name = "ID", default_value = "*", hide_default_value = true, value_parser = account)]
    account: String,

    /// The region with the balancers; by default any
    #[arg(long, value_name = "REGION", default_value = "*", hide_default_value = true, value_parser = region)]
    region: String,

    /// The partition of AWS
    #[arg(long, value_name = "NAME", default_value = "aws", value_parser = ["aws", "aws-cn", "aws-us-gov"])]
    partition: String,

    /// A balancer on which Weir may write, by name; a * may stand in it; may be given several times. By default all
    /// Application Load Balancers
    #[arg(long, value_name = "NAME", value_parser = balancer)]
    balancer: Vec<String>,

    /// Leave out the right to mark what somebody else has made: without it no rule and no default action can be
    /// adopted. What is marked already goes on working
    #[arg(long)]
    no_adopt: bool,

    /// A role that manifests may name, as `weir run` has it; may be given several times. Leave it out for the policy of
    /// such a role itself
    #[arg(long, env = "WEIR_ALLOW_ROLE", value_name = "NAMESPACE=ROLE_ARN", value_delimiter = ' ',
          value_parser = role_grant)]
    allow_role: Vec<Grant>,

    /// A name in a zone of Route 53 that routes may name, as `weir run` has it; may be given several times
    #[arg(long, env = "WEIR_ALLOW_ZONE", value_name = "NAMESPACE=ZONE_ID/NAME", value_delimiter = ' ',
          value_parser = zone_grant)]
    allow_zone: Vec<Grant>,
}

const EXAMPLES: &str = "\
Examples:
  weir iam-policy --owner-id acme-production > policy.json
  aws iam create-policy --policy-name weir --policy-document file://policy.json

  # For one account and region only, with a role of another account that the namespace shop may name:
  weir iam-policy --owner-id acme-production --account 111111111111 --region eu-central-1 \\
    --allow-role shop=arn:aws:iam::222222222222:role/weir-shop

  # For rules of its own on two balancers, and nothing that somebody else has made:
  weir iam-policy --owner-id acme-production --balancer shop-public --balancer shop-internal --no-adopt";

/// Why the policy was not printed.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot print the policy: {0}")]
    Print(#[from] io::Error),
}

/// Prints the policy.
pub fn run(arguments: &IamPolicy) -> Result<(), Error> {
    match io::stdout().lock().write_all(arguments.text().as_bytes()) {
        // Whoever reads the output may have seen enough of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

impl IamPolicy {
    fn text(&self) -> String {
        let scope = Scope {
            owner: self.owner_id.clone(),
            partition: self.partition.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
            balancers: self.balancer.clone(),
            adopt: !self.no_adopt,
            roles: self.allow_role.iter().map(|grant| grant.pattern.clone()).collect(),
            names: self.allow_zone.iter().map(|grant| ZoneName::read(&grant.pattern)).collect(),
        };
        let mut text = serde_json::to_string_pretty(&Policy::new(&scope)).unwrap_or_default();
        text.push('\n');
        text
    }
}

fn balancer(text: &str) -> Result<String, String> {
    let is_good = |letter: char| letter.is_ascii_alphanumeric() || "-*".contains(letter);
    if text.is_empty() || text.len() > 32 || !text.chars().all(is_good) {
        return Err(
            "expected the name of a balancer: 1 to 32 letters, digits or hyphens, and * for any of them".to_owned()
        );
    }
    Ok(text.to_owned())
}

fn region(text: &str) -> Result<String, String> {
    if text == "*" { Ok(text.to_owned()) } else { forms::region(text) }
}

fn account(text: &str) -> Result<String, String> {
    let is_account = text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit());
    if text == "*" || is_account {
        return Ok(text.to_owned());
    }
    Err("expected the twelve digits of an AWS account, such as 111111111111".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        policy: IamPolicy,
    }

    fn printed(arguments: &[&str]) -> String {
        Line::try_parse_from([&["iam-policy"], arguments].concat()).unwrap().policy.text()
    }

    #[test]
    fn the_repository_keeps_what_is_printed() {
        let kept = include_str!("../../../docs/iam-policy.json");
        assert_eq!(kept, printed(&["--owner-id", "acme-production"]), "run: just generate");
    }

    #[test]
    fn account_region_and_roles_narrow_it() {
        let role = "arn:aws:iam::222222222222:role/weir-*";
        let text = printed(&[
            "--owner-id=acme",
            "--account=111111111111",
            "--region=eu-central-1",
            &format!("--allow-role=shop={role}"),
        ]);
        assert!(text.contains("arn:aws:elasticloadbalancing:eu-central-1:111111111111:listener/app/*"), "{text}");
        assert!(text.contains(&format!("\"{role}\"")) && text.contains("sts:AssumeRole"), "{text}");
        assert!(!printed(&["--owner-id=acme"]).contains("sts:AssumeRole"));
    }

    #[test]
    fn balancers_and_what_is_adopted_narrow_it() {
        let text = printed(&["--owner-id=acme", "--balancer=shop-public", "--balancer=deals-*", "--no-adopt"]);
        for bound in ["listener/app/shop-public/*", "listener-rule/app/deals-*/*"] {
            assert!(text.contains(bound), "{text}");
        }
        assert!(!text.contains("app/*") && text.contains("elasticloadbalancing:CreateAction"), "{text}");
        let error = Line::try_parse_from(["iam-policy", "--owner-id=acme", "--balancer=app/shop"]).unwrap_err();
        assert!(error.to_string().contains("the name of a balancer"), "{error}");
    }

    #[test]
    fn a_wrong_account_or_region_is_refused() {
        let error =
            |wrong: &str| Line::try_parse_from(["iam-policy", "--owner-id=acme", wrong]).unwrap_err().to_string();
        let (account, region) = (error("--account=1234"), error("--region=mars"));
        assert!(account.contains("--account") && account.contains("twelve digits"), "{account}");
        assert!(region.contains("--region") && region.contains("such as eu-central-1"), "{region}");
    }
}
