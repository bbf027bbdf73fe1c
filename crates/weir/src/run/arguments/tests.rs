//! That every flag can be given by the environment and says what it is for, and that a wrong value is refused by the name
//! of its flag before anything else is done.

use clap::{Args, Command, FromArgMatches};

use super::Run;

fn command() -> Command {
    Run::augment_args(Command::new("run"))
}

#[test]
fn every_flag_has_a_variable_of_its_name_and_an_explanation() {
    let command = command();
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
fn a_wrong_value_is_refused_with_its_flag_and_what_to_write() {
    for (flag, value, expected) in [
        ("--owner-id", "two words", "such as acme"),
        ("--controller-name", "two words", "such as blue"),
        ("--namespace", "Iso_1", "such as shop"),
        ("--region", "eu central", "such as eu-central-1"),
        ("--allow-role", "shop", "expected NAMESPACE=ROLE_ARN"),
        ("--inventory-interval", "0s", "1s or more"),
        ("--lease-name", "Bad Name", "such as weir"),
        ("--lease-namespace", "a.b", "such as shop"),
        ("--lease-duration", "1s", "10s to 1h"),
        ("--listen", "8080", "such as 127.0.0.1:8080"),
        ("--grace-period", "20", "such as 30s"),
        ("--concurrency", "1", "2..=1024"),
        ("--instance", "", "such as weir-0"),
        ("--log", "verbose", "off, error, warn, info, debug, trace"),
        ("--log-format", "xml", "json, pretty"),
    ] {
        let line = ["run", "--owner-id=acme", flag, value];
        let line = if flag == "--owner-id" { vec![line[0], flag, value] } else { line.to_vec() };
        let error = command().try_get_matches_from(line).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.exit_code(), 2, "{text}");
        assert!(text.contains(flag) && text.contains(expected), "{text}");
    }
}

#[test]
fn what_can_be_read_is_taken() {
    let line = ["run", "--owner-id=acme", "--controller-name=blue", "--namespace=shop", "--listen=[::1]:0"];
    let run = Run::from_arg_matches(&command().try_get_matches_from(line).unwrap()).unwrap();
    assert_eq!(run.kubernetes.cluster.controller_name.as_deref(), Some("blue"));
    assert_eq!(run.process.listen.map(|address| address.port()), Some(0));
}
