//! That every flag can be given by the environment and says what it is for, and which owners are refused.

use clap::{Args, Command};

use super::{OWNER_LENGTH, Run, owner_id};

#[test]
fn every_flag_has_a_variable_of_its_name_and_an_explanation() {
    let command = Run::augment_args(Command::new("run"));
    let flags: Vec<_> = command.get_arguments().collect();
    assert!(flags.len() > 10, "{}", flags.len());
    for flag in flags {
        let name = flag.get_long().unwrap();
        let variable = format!("WEIR_{}", name.replace('-', "_").to_uppercase());
        assert_eq!(flag.get_env().and_then(|variable| variable.to_str()), Some(variable.as_str()));
        assert!(flag.get_help().is_some_and(|help| help.to_string().len() > 20), "--{name}");
    }
}

#[test]
fn an_owner_fits_into_a_tag() {
    for good in ["acme-production", "a", "team/eu:1", &"x".repeat(OWNER_LENGTH)] {
        assert_eq!(owner_id(good).unwrap(), good);
    }
    for bad in ["", "two words", "übergabe", &"x".repeat(OWNER_LENGTH + 1)] {
        let message = owner_id(bad).unwrap_err();
        assert!(message.contains("such as acme-production"), "{message}");
    }
}
