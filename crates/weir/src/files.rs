//! Files that users name, one by one or as folders.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;
use thiserror::Error;

/// The names of files that are read in a folder end so.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Why files cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("found no YAML or JSON file in {}", path.display())]
    Empty { path: PathBuf },
    #[cfg(feature = "demo")]
    #[error("{}: {message}", path.display())]
    Mistake { path: PathBuf, message: String },
}

/// The texts of the files that paths stand for: a folder stands for the YAML and JSON files in it, in the order of their
/// names.
pub fn read(paths: &[PathBuf]) -> Result<Vec<(PathBuf, String)>, Error> {
    let mut read = Vec::new();
    for path in paths {
        for file in files(path)? {
            let text = text(&file)?;
            read.push((file, text));
        }
    }
    Ok(read)
}

/// The text of one file.
pub fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|cause| Error::Read { path: path.to_owned(), cause })
}

/// The objects in a document: itself, or those of a list such as `kubectl get --output yaml` prints. An empty one has none.
pub fn unfolded(document: Value) -> Vec<Value> {
    match document {
        Value::Null => Vec::new(),
        Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => match list.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        },
        other => vec![other],
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let unread = |cause| Error::Read { path: path.to_owned(), cause };
    if !fs::metadata(path).map_err(unread)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(unread)?.collect::<Result<Vec<_>, _>>().map_err(unread)?;
    let mut inside: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(|file| is_read(file)).collect();
    if inside.is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    inside.sort();
    Ok(inside)
}

fn is_read(file: &Path) -> bool {
    file.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
}

/// A path as a shell reads it.
#[cfg(feature = "demo")]
pub fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    if path.chars().all(is_plain) { path.into_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(all(test, feature = "demo"))]
mod tests {
    use std::path::Path;

    use super::quoted;

    #[test]
    fn a_shell_reads_any_path_as_it_is() {
        assert_eq!(quoted(Path::new("/tmp/weir-sim-7/env")), "/tmp/weir-sim-7/env");
        assert_eq!(quoted(Path::new("/tmp/it's here/env")), r"'/tmp/it'\''s here/env'");
    }
}
