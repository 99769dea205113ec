//! What can be said of intercepts without asking anybody.

pub mod filters;
pub mod overlap;
pub mod verdict;
