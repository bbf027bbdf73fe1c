//! Every decision of Weir.
