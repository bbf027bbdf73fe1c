//! What the objects of namespaces may name, by the flags.

use thiserror::Error;
use weir_controller::{Grants, Subject};

use super::arguments::Allow;

/// No object could do anything.
#[derive(Debug, Error)]
#[error(
    "no namespace may name any balancer, so nothing could ever be done; expected --allow-everything where all who write \
     Weir's objects are trusted alike, else --allow-balancer and --allow-target-group (docs/permissions.md)"
)]
pub struct Nothing;

/// What the objects of namespaces may name.
pub fn grants(allow: &Allow) -> Result<Grants, Nothing> {
    let mut grants = if allow.allow_everything { Grants::everything() } else { Grants::default() };
    let Allow { allow_everything: _, allow_balancer, allow_target_group, allow_role, allow_region, allow_zone } = allow;
    for flags in [allow_balancer, allow_target_group, allow_role, allow_region, allow_zone] {
        grants.0.extend(flags.iter().cloned());
    }
    let names_balancers = grants.0.iter().any(|grant| grant.subject == Subject::Balancer);
    if names_balancers { Ok(grants) } else { Err(Nothing) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        allow: Allow,
    }

    fn told(arguments: &[&str]) -> Result<Vec<String>, String> {
        let line = Line::try_parse_from([&["run"], arguments].concat()).map_err(|error| error.to_string())?;
        let grants = grants(&line.allow).map_err(|error| error.to_string())?;
        let told =
            grants.0.iter().map(|grant| format!("{} {}={}", grant.subject.flag(), grant.namespace, grant.pattern));
        Ok(told.collect())
    }

    #[test]
    fn each_flag_grants_its_subject() {
        let role = "--allow-role=*=arn:aws:iam::222222222222:role/weir-*";
        let zone = "--allow-zone=shop=Z0123456789ABC/*.shop.example.org";
        let arguments = [
            "--allow-balancer=shop=shop-public",
            "--allow-target-group=shop=shop-*",
            role,
            "--allow-region=*=us-*",
            zone,
        ];
        let expected = [
            "--allow-balancer shop=shop-public",
            "--allow-target-group shop=shop-*",
            "--allow-role *=arn:aws:iam::222222222222:role/weir-*",
            "--allow-region *=us-*",
            "--allow-zone shop=Z0123456789ABC/*.shop.example.org",
        ];
        assert_eq!(told(&arguments).unwrap(), expected);
        assert_eq!(told(&["--allow-everything"]).unwrap().len(), Subject::ALL.len());
    }

    #[test]
    fn nothing_at_all_is_refused_in_words() {
        assert!(told(&[]).unwrap_err().contains("expected --allow-everything where"));
        assert!(told(&["--allow-target-group=shop=shop-*"]).unwrap_err().contains("--allow-balancer"));
        for wrong in [
            "--allow-balancer=shop",
            "--allow-region=shop=eu west",
            "--allow-role=shop=weir",
            "--allow-target-group==a",
            "--allow-zone=shop=shop.example.org",
            "--allow-zone=shop=z0/shop.example.org",
            "--allow-zone=shop=Z0/Shop.example.org",
            "--allow-zone=shop=Z0/",
        ] {
            assert!(told(&[wrong]).unwrap_err().contains("expected NAMESPACE="), "{wrong}");
        }
    }
}
