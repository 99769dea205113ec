//! What a user means by an intercept: from words to what the helper is asked, and from what it says to files.

mod containers;
mod environment;
mod filters;
mod known;
mod listener;
mod listening;
mod mounted;
mod place;
mod ports;
mod request;
mod time;
mod workload;

pub use containers::{Meant, meant};
pub use environment::{Format, Output, Written, for_programs};
pub use filters::{HeaderFilter, PathFilter};
pub use known::take_in;
pub use listener::{Heard, Listener, listeners, stranger};
pub use listening::{refuse_strangers, silent};
pub use mounted::mounted;
pub use place::{FAREWELL, LOOK_AGAIN, Place};
pub use ports::{AskedPort, choose};
pub use request::{Asked, Files, Traffic, request};
pub use time::until;
pub use workload::{Found, connection, find};
