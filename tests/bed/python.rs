//! A Python environment in the cache folder, with exactly what `tests/testbed/requirements.txt` pins.
//!
//! It is complete when it holds a copy of the requirements it was made from; any other is made afresh. A change of the
//! requirements leads to another folder, so that checkouts of different age do not take theirs from each other.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{places, skipping};

/// A Python environment that holds moto and the AWS CLI.
pub(crate) struct Python {
    programs: PathBuf,
}

impl Python {
    /// Finds the environment or makes it; or says what is missing.
    pub(crate) fn prepare() -> Result<&'static Python, String> {
        static PYTHON: OnceLock<Result<Python, String>> = OnceLock::new();
        PYTHON.get_or_init(prepare).as_ref().map_err(String::clone)
    }

    /// The path of a program that came with the packages.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

fn prepare() -> Result<Python, String> {
    let requirements = places::sources().join("requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .map_err(|error| format!("{} cannot be read: {error}", requirements.display()))?;
    let mut hasher = DefaultHasher::new();
    wanted.hash(&mut hasher);
    let folder = places::cache()?.join(format!("python-{:016x}", hasher.finish()));
    let python = Python { programs: folder.join("bin") };
    if !complete(&folder, &wanted) {
        let _claim = places::claim(&folder.with_extension("claim"))?;
        if !complete(&folder, &wanted) {
            install(&folder, &requirements)?;
            fs::write(marker(&folder), &wanted)
                .map_err(|error| format!("{} cannot be written: {error}", marker(&folder).display()))?;
        }
    }
    Ok(python)
}

fn marker(folder: &Path) -> PathBuf {
    folder.join("installed.txt")
}

/// Whether the environment was completed, and its interpreter still runs: an upgrade of Python can take that away.
fn complete(folder: &Path, wanted: &str) -> bool {
    let installed = fs::read_to_string(marker(folder)).is_ok_and(|installed| installed == wanted);
    installed && Command::new(folder.join("bin/python")).arg("--version").output().is_ok_and(|run| run.status.success())
}

fn install(folder: &Path, requirements: &Path) -> Result<(), String> {
    skipping::notice("installing moto and the AWS CLI into a Python environment; once, takes a minute");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    run(Command::new(folder.join("bin/python"))
        .args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--quiet", "--requirement"])
        .arg(requirements))
}

fn run(command: &mut Command) -> Result<(), String> {
    let advice = "Python 3 with its venv module and a package index are needed for moto and the AWS CLI";
    let output = command
        .output()
        .map_err(|error| format!("{} does not run ({error}): {advice}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.trim().lines().rev().take(3).collect();
    Err(format!("{command:?} failed ({}; last line first): {}; {advice}", output.status, last.join(" / ")))
}
