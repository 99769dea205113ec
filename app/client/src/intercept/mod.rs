//! What a user means by an intercept: from words to what the helper is asked, and from what it says to files.

mod environment;
mod filters;
mod listener;
mod ports;
mod time;
mod workload;

pub use environment::{Format, Output, Written, for_programs};
pub use filters::{HeaderFilter, PathFilter};
pub use listener::stranger;
pub use ports::{AskedPort, choose};
pub use time::until;
pub use workload::{Found, connection, find};
