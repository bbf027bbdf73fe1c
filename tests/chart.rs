//! The chart, tried by those who will judge it: Helm, a real API server and Prometheus' own tool.
//!
//! Nothing of Kubernetes is imitated but the node: where pods are made, [`kubelet`] starts `weir run` as a pod's
//! template says, with a token of its service account, so that it may do what the chart allows and nothing else.

mod accepted;
mod alerts;
mod befallen;
mod helm;
mod kubelet;
mod life;
mod neighbours;
mod newcomer;
mod policies;
mod recorded;
mod rights;
mod script;
mod users;
mod values;
