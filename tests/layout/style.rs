//! The style that can be checked by reading: each module says what it is for, no file is a drawer, no text speaks of one
//! machine, no two public types of a crate share a name, and the crates that must be droppable at any moment start nothing
//! that outlives them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use regex::Regex;

use super::tree::{SourceFile, source_files};

/// A file that is longer is named in the output of the tests: it may have become two rooms.
const LONG_FILE_LINES: usize = 400;
/// A file of tests must not be longer.
const LONG_TEST_LINES: usize = 600;

/// Names that gather whatever has no room of its own.
const DRAWERS: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"];

/// Paths and hosts that only mean something on the machine where they were written. They stand here in two halves, so
/// that this file passes its own check.
const LOCAL_TEXT: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("index.", "crates.io"),
    ("static.", "crates.io"),
    ("proxy.", "golang.org"),
    ("sum.", "golang.org"),
    ("go", "proxy."),
    ("py", "pi.org"),
    ("files.", "pythonhosted.org"),
    ("registry.", "npmjs.org"),
];

/// Crates whose controllers are one future: dropped is a crash, and nothing of theirs may go on or be remembered.
const ONE_FUTURE: &[&str] = &["crates/api/", "crates/engine/", "crates/aws/", "crates/controller/"];

/// What such a crate may not say.
const OUTLIVES: &[&str] =
    &["tokio::spawn", "task::spawn", "spawn_local(", "spawn_blocking(", "thread::spawn", "thread_local!"];

fn is_rust(file: &SourceFile) -> bool {
    Path::new(&file.path).extension().is_some_and(|ending| ending == "rs")
}

fn modules_without_a_purpose(files: &[SourceFile]) -> Vec<String> {
    let silent = |file: &&SourceFile| is_rust(file) && !file.text.starts_with("//! ");
    files
        .iter()
        .filter(silent)
        .map(|file| format!("{} does not begin with `//! ` and what it is for", file.path))
        .collect()
}

fn drawers(files: &[SourceFile]) -> Vec<String> {
    let is_drawer = |name: &str| DRAWERS.contains(&name.split('.').next().unwrap_or(name));
    let found = files.iter().filter(|file| is_rust(file) && file.path.split('/').any(is_drawer));
    found.map(|file| format!("{} is named like a drawer: name it after its one subject", file.path)).collect()
}

fn local_texts(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for (start, end) in LOCAL_TEXT {
        let text = [*start, *end].concat();
        let hits =
            files.iter().flat_map(|file| file.text.lines().enumerate().map(move |(index, line)| (file, index, line)));
        for (file, index, _) in hits.filter(|(_, _, line)| line.contains(&text)) {
            found.push(format!("{}:{} names {text}, which means something on one machine only", file.path, index + 1));
        }
    }
    found
}

fn outliving(files: &[SourceFile]) -> Vec<String> {
    let watched =
        files.iter().filter(|file| is_rust(file) && ONE_FUTURE.iter().any(|start| file.path.starts_with(start)));
    let mut found = Vec::new();
    for file in watched {
        for (index, line) in file.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let global = code.split_whitespace().take(2).any(|word| word == "static");
            if let Some(said) = OUTLIVES.iter().copied().find(|said| code.contains(said)).or(global.then_some("static"))
            {
                found.push(format!(
                    "{}:{} has `{said}`: a controller is one future and holds no global state",
                    file.path,
                    index + 1
                ));
            }
        }
    }
    found
}

fn long_files(files: &[SourceFile]) -> Vec<String> {
    let long = files.iter().map(|file| (file, file.text.lines().count()));
    let long = long.filter(|(file, lines)| is_rust(file) && *lines > LONG_FILE_LINES);
    long.map(|(file, lines)| format!("{} has {lines} lines", file.path)).collect()
}

/// Files of tests that are longer than anybody reads.
fn long_tests(files: &[SourceFile]) -> Vec<String> {
    let is_test =
        |file: &&SourceFile| is_rust(file) && (file.path.contains("tests") || file.path.contains("scenarios"));
    let long = files.iter().filter(is_test).map(|file| (file, file.text.lines().count()));
    let long = long.filter(|(_, lines)| *lines > LONG_TEST_LINES);
    long.map(|(file, lines)| format!("{} has {lines} lines; give a subject of it a file of its own", file.path))
        .collect()
}

/// Names that two public types of one crate share: whoever looks for one finds the other. Each module may have its `Error`.
fn shared_names(files: &[SourceFile]) -> Vec<String> {
    let declared = Regex::new(r"(?m)^ *pub (?:struct|enum|trait|type) (\w+)").unwrap();
    let mut found: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for file in files.iter().filter(|file| is_rust(file) && !file.path.contains("tests")) {
        let Some((name, _)) = file.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/")) else {
            continue;
        };
        for declared in declared.captures_iter(&file.text) {
            let type_ = declared.get(1).map_or("", |name| name.as_str());
            found.entry((name, type_)).or_default().push(&file.path);
        }
    }
    let shared = found.into_iter().filter(|((_, type_), paths)| paths.len() > 1 && *type_ != "Error");
    shared.map(|((name, type_), paths)| format!("{name} has {type_} in {}", paths.join(" and "))).collect()
}

#[test]
fn no_file_of_tests_is_too_long() {
    assert_eq!(long_tests(&source_files()), Vec::<String>::new());
}

#[test]
fn no_two_public_types_of_a_crate_share_a_name() {
    assert_eq!(shared_names(&source_files()), Vec::<String>::new());
}

#[test]
fn long_tests_and_shared_names_are_found() {
    let long = "//! Tests.\n".repeat(LONG_TEST_LINES + 1);
    assert_eq!(long_tests(&file("crates/x/src/a/tests.rs", &long)).len(), 1);
    assert_eq!(long_tests(&file("crates/x/src/a.rs", &long)), Vec::<String>::new());
    let [one] = file("crates/x/src/a.rs", "pub struct Place {\npub(crate) struct Other {\n");
    let [two] = file("crates/x/src/b.rs", "    pub enum Place {\nstruct Other {\n");
    let [elsewhere] = file("crates/y/src/b.rs", "pub enum Place {\n");
    let shared = shared_names(&[one, two, elsewhere]);
    assert_eq!(shared, ["x has Place in crates/x/src/a.rs and crates/x/src/b.rs"]);
}

#[test]
fn every_module_begins_with_what_it_is_for() {
    assert_eq!(modules_without_a_purpose(&source_files()), Vec::<String>::new());
}

#[test]
fn no_file_is_a_drawer() {
    assert_eq!(drawers(&source_files()), Vec::<String>::new());
}

#[test]
fn no_text_speaks_of_one_machine() {
    assert_eq!(local_texts(&source_files()), Vec::<String>::new());
}

#[test]
fn nothing_outlives_a_controller() {
    assert_eq!(outliving(&source_files()), Vec::<String>::new());
}

/// Reported, not forbidden: a long file may be one subject.
#[test]
fn long_files_are_reported() {
    let files = source_files();
    assert!(files.iter().any(|file| file.path == "tests/layout/style.rs"), "the check sees its own file");
    for line in long_files(&files) {
        let _ = writeln!(io::stderr().lock(), "layout: {line}; is it still one room?");
    }
}

fn file(path: &str, text: &str) -> [SourceFile; 1] {
    [SourceFile { path: path.to_owned(), text: text.to_owned() }]
}

#[test]
fn a_module_without_a_purpose_is_found() {
    for text in ["", "use std::fs;\n//! Late.\n", "// A comment.\n", "\n//! After a gap.\n", "//!\n"] {
        assert_eq!(modules_without_a_purpose(&file("crates/x/src/a.rs", text)).len(), 1, "{text:?}");
    }
    assert!(modules_without_a_purpose(&file("crates/x/src/a.rs", "//! Weights.\n")).is_empty());
    assert!(modules_without_a_purpose(&file("justfile", "test:\n")).is_empty());
}

#[test]
fn a_drawer_is_found() {
    for path in ["crates/x/src/utils.rs", "tests/common/mod.rs", "crates/x/src/a/helpers.rs"] {
        assert_eq!(drawers(&file(path, "")).len(), 1, "{path}");
    }
    assert!(drawers(&file("crates/x/src/commons_area.rs", "")).is_empty());
}

#[test]
fn a_local_text_is_found_with_its_line() {
    for (start, end) in LOCAL_TEXT {
        let text = format!("first\nsee {start}{end}x\n");
        let found = local_texts(&file("docs/a.md", &text));
        assert!(found.iter().any(|line| line.starts_with("docs/a.md:2 ")), "{found:?}");
    }
    assert!(local_texts(&file("docs/a.md", "https://github.com/rust-lang/crates.io-index")).is_empty());
}

#[test]
fn what_outlives_a_controller_is_found() {
    for code in [
        "tokio::spawn(work)",
        "std::thread::spawn(work)",
        "pub(crate) static SEEN: Mutex<u8> = x;",
        "static A: u8 = 1;",
    ] {
        assert_eq!(outliving(&file("crates/controller/src/a.rs", code)).len(), 1, "{code}");
        assert!(outliving(&file("crates/lab/src/a.rs", code)).is_empty(), "{code}");
    }
    assert!(outliving(&file("crates/aws/src/a.rs", "// never tokio::spawn\nfn a(b: &'static str) {}")).is_empty());
}

#[test]
fn a_long_file_is_found() {
    assert_eq!(long_files(&file("crates/x/src/a.rs", &"\n".repeat(401))), ["crates/x/src/a.rs has 401 lines"]);
    assert!(long_files(&file("crates/x/src/a.rs", &"\n".repeat(400))).is_empty());
}
