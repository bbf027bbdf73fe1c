//! The integration tests of Weir, as one program: the real test bed, and what the repository promises about itself.

mod bed;
mod conformance;
mod layout;
