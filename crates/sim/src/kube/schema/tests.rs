//! Schemas applied to objects.
