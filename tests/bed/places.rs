//! Where the test bed finds its sources and keeps what it makes.
//!
//! What is worth keeping between runs goes to a cache folder outside the checkout; what one run makes goes to a scratch
//! folder below cargo's target folder.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder with the Go modules and the Python requirements of the test bed.
pub(crate) fn sources() -> PathBuf {
    top().join("tests/testbed")
}

/// `${XDG_CACHE_HOME:-$HOME/.cache}/weir/testbed`, the folder for what is slow to make.
pub(crate) fn cache() -> Result<PathBuf, String> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => home()?.join(".cache"),
    };
    Ok(base.join("weir/testbed"))
}

/// The user's home folder.
pub(crate) fn home() -> Result<PathBuf, String> {
    env::var_os("HOME").map(PathBuf::from).ok_or_else(|| {
        "HOME is not set: set it, or set XDG_CACHE_HOME to a folder for the test bed's binaries".to_owned()
    })
}

/// A new empty folder for one server of this test process.
pub(crate) fn scratch(name: &str) -> Result<PathBuf, String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bed-{}-{number}-{name}", std::process::id()));
    // A process of the same number may have died here before.
    let _ = fs::remove_dir_all(&folder);
    make_folder(&folder)?;
    Ok(folder)
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("the folder {} cannot be made: {error}", folder.display()))
}

/// Waits until this process alone may make things in `folder`; the claim ends when the returned file is dropped.
pub(crate) fn claim(folder: &Path) -> Result<File, String> {
    make_folder(folder)?;
    let path = folder.join(".lock");
    let failed = |error: std::io::Error| format!("{} cannot be locked: {error}", path.display());
    let file = File::create(&path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}
