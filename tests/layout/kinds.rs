//! What a spec says of one kind of route is read in one folder of the engine.

use regex::Regex;

use super::tree::{SourceFile, code, source_files};

/// Where the engine's modules are.
const ENGINE: &str = "crates/engine/src/";

/// A kind of route: who may read its part of the spec, and what that is called in code.
struct Kind {
    folders: &'static [&'static str],
    names: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        folders: &["route/listener.rs", "route/listener/"],
        names: &[r"\bListenerEntry\b", r"\bas_listener", r"\bspec\.listener\b"],
    },
    Kind { folders: &["route/dns.rs", "route/dns/"], names: &[r"\bDnsEntry\b", r"\bspec\.dns\b"] },
];

fn strangers(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for kind in KINDS {
        let names = Regex::new(&kind.names.join("|")).unwrap();
        for file in files {
            let Some(path) = file.path.strip_prefix(ENGINE).filter(|path| !path.contains("tests")) else { continue };
            if kind.folders.iter().any(|folder| path.starts_with(folder)) {
                continue;
            }
            let text = code(&file.text);
            let named = names.find_iter(&text).map(|name| name.as_str());
            found.extend(named.map(|name| format!("{path} names {name}; only {} may", kind.folders.join(" and "))));
        }
    }
    found
}

#[test]
fn what_a_spec_says_of_a_kind_is_read_in_one_folder() {
    let files = source_files();
    let in_kinds = files.iter().filter(|file| file.path.contains("/route/listener/")).count();
    assert!(in_kinds > 10, "{in_kinds} files of a kind");
    assert!(files.iter().any(|file| file.path.contains("/route/dns/")));
    assert_eq!(strangers(&files), Vec::<String>::new());
}

#[test]
fn a_stranger_is_found() {
    let found =
        |path: &str, text: &str| strangers(&[SourceFile { path: format!("{ENGINE}{path}"), text: text.to_owned() }]);
    assert_eq!(found("route/drift.rs", "route.spec.listener.matches").len(), 1);
    assert_eq!(found("route/listener/find.rs", "fn f(entry: &DnsEntry) {}").len(), 1);
    assert_eq!(
        found("route/drift.rs", "f(\"https://weir.dev\", '\"', route.spec.listener)").len(),
        1,
        "behind a string"
    );
    assert_eq!(found("shift.rs", "fn f(entry: &ListenerEntry) {}").len(), 1);
    assert_eq!(found("route/listener/find.rs", "fn f(entry: &ListenerEntry) {}"), Vec::<String>::new());
    assert_eq!(found("entry_point.rs", "object.spec.listeners // spec.listener"), Vec::<String>::new());
    assert_eq!(found("route/drift.rs", "format!(\"change spec.listener\")"), Vec::<String>::new());
}
