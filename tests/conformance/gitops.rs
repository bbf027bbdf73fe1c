//! GitOps tools: what Argo CD and Flux make of the objects' statuses, and what comes of how they apply and remove objects.
//!
//! Neither of them runs here. Health is judged by what they judge it with (see `tests/testbed/gitops`): the interpreter of
//! Argo CD with the scripts of `examples/gitops`, kstatus, and the expressions of Flux. Flux' own module applies and
//! removes for it; for Argo CD kubectl does, as Argo CD's documentation says that it does itself.

mod changes;
mod files;
mod judge;
mod prunes;
mod situations;
mod tools;
