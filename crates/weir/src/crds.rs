//! `weir crds`: prints the definitions of the four kinds.
//!
//! What is printed is what the repository keeps in `crds/` and in the chart; a test compares them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use thiserror::Error;

/// Print the CustomResourceDefinitions of Weir's kinds as YAML
///
/// They describe EntryPoint, Environment, WeightedRoute and TrafficShift, with every rule that the API server can
/// judge by itself. Install them before `weir run`; applying them again brings them up to date.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "the comments are the help that is printed")]
#[command(after_help = EXAMPLES)]
pub struct Crds {
    /// Write one file for each kind into this folder instead of printing them
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  weir crds | kubectl apply --server-side -f -
  weir crds --output-dir crds";

/// Why the definitions were not given out.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot print the definitions: {0}")]
    Print(io::Error),
    #[error("cannot write {}: {cause}; give a folder that may be written to with --output-dir", path.display())]
    Write { path: PathBuf, cause: io::Error },
}

/// Prints the definitions, or writes them to files.
pub fn run(arguments: &Crds) -> Result<(), Error> {
    match &arguments.output_dir {
        Some(folder) => write(folder),
        None => match print(&mut io::stdout().lock()) {
            // Whoever reads the output may have seen enough of it.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done.map_err(Error::Print),
        },
    }
}

fn print(out: &mut impl Write) -> io::Result<()> {
    for definition in weir_api::crds() {
        write!(out, "---\n{}", Yaml(&definition))?;
    }
    out.flush()
}

fn write(folder: &Path) -> Result<(), Error> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |cause| Error::Write { path, cause }
    };
    fs::create_dir_all(folder).map_err(fail(folder))?;
    for definition in weir_api::crds() {
        let path = folder.join(file_name(&definition));
        fs::write(&path, Yaml(&definition).to_string()).map_err(fail(&path))?;
    }
    Ok(())
}

/// The file in which a definition is kept: its full name, for example `trafficshifts.weir.dev.yaml`.
fn file_name(definition: &CustomResourceDefinition) -> String {
    format!("{}.yaml", definition.metadata.name.as_deref().unwrap_or_default())
}

/// A definition as it is printed.
struct Yaml<'a>(&'a CustomResourceDefinition);

impl fmt::Display for Yaml<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        serde_saphyr::to_fmt_writer(formatter, self.0).map_err(|_| fmt::Error)
    }
}

#[cfg(test)]
mod tests;
