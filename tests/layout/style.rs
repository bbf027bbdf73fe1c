//! The style that can be checked by reading: each module says what it is for, no file is a drawer, no text speaks of one
//! machine, and the crates that must be droppable at any moment start nothing that outlives them.

use std::io::{self, Write};
use std::path::Path;

use super::tree::{SourceFile, source_files};

/// A file that is longer is named in the output of the tests: it may have become two rooms.
const LONG_FILE_LINES: usize = 400;

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
