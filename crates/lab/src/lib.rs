//! Worlds wired to controllers.
