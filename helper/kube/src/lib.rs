//! The way to a Kubernetes API server and through it, as one user: requests, and a port-forward to a pod.
//!
//! [`Api::request`] speaks JSON over one kept connection. [`Api::port_forward`] makes a connection of its own, upgrades it to a
//! WebSocket and hands out a plain byte stream to a port of a pod. Nothing here reads a kubeconfig, runs a program or opens a
//! path that somebody named: an [`Access`] has everything in it.

mod access;
mod api;
mod dial;
mod error;
mod greeting;
pub mod limits;
mod port_forward;
mod tls;
mod user;
mod websocket;

pub use access::{Access, Credential, Impersonation, Proxy, ProxyKind, Server};
pub use api::{Answer, Api, Body, Events};
pub use error::ApiError;
pub use greeting::greet;
pub use port_forward::{PortForward, Protocol};
pub use user::User;
