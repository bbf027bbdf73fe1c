//! The files of the repository as its checks see them: every text file, without what tools make.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::bed::places;

/// A text file, with its path from the top of the repository.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Folders that tools fill and nobody reads.
const MADE_BY_TOOLS: &[&str] = &[".git", "target", "node_modules"];

/// Every text file of the repository, in order.
pub(crate) fn source_files() -> Vec<SourceFile> {
    let top = fs::canonicalize(places::top()).expect("the repository has a top folder");
    let mut files = Vec::new();
    collect(&top, &top, &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

fn collect(top: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()));
    let paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    for path in paths {
        let made_by_tools = path.file_name().is_some_and(|name| MADE_BY_TOOLS.iter().any(|made| name == *made));
        if made_by_tools || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(top, &path, files);
        } else if let (Ok(text), Ok(relative)) = (fs::read_to_string(&path), path.strip_prefix(top)) {
            files.push(SourceFile { path: relative.to_string_lossy().into_owned(), text });
        }
    }
}

/// A text of Rust without its comments, and with nothing in its strings.
pub(super) fn code(text: &str) -> String {
    static ASIDES: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(?s)'(?:[^'\\]|\\.)'|"(?:[^"\\]|\\.)*"|//[^\n]*"#).unwrap());
    let kept = |found: &Captures<'_>| if found[0].starts_with('/') { "" } else { "\"\"" };
    ASIDES.replace_all(text, kept).into_owned()
}
