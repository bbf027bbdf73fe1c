//! What the repository promises about itself: the walls between its crates, and the style of its files.
//!
//! Each promise is a function that names what breaks it, tried on made-up input that must be found bad, and then on the
//! repository. What is here cannot be said in Cargo's or Clippy's own settings.

mod arrows;
mod circles;
mod fields;
mod kinds;
mod links;
mod references;
mod scripts;
mod style;
mod tree;

pub(crate) use tree::source_files;
