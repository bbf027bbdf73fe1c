//! The kinds of Weir.
