//! The end of a connection: nothing of it is left on the host.

use hawser_fault::Fault;

/// A connection that is over.
pub struct Disconnected {
    /// Why, if nobody asked for it.
    pub(super) cause: Option<Fault>,
}
