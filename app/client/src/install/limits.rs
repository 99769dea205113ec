//! Every bound of installing and removing, and what happens at it.

use std::time::Duration;

/// How often something that is waited for is looked at.
pub const LOOK: Duration = Duration::from_millis(500);
/// Until the custom resources are served. Beyond it installing has failed.
pub const ESTABLISHED: Duration = Duration::from_secs(30);
/// Objects that one page of a list holds; longer lists come in several.
pub const PAGE: usize = 100;
/// Objects that a fault names of those that stay; the others are counted.
pub const NAMED: usize = 5;
