//! Worlds wired to controllers, and the model: where what the controllers do is tried out and judged.

pub mod model;
