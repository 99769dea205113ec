//! How long things may take, and from where on they are wrong.

use std::time::Duration;

/// One step over the network, or one run of a credential plugin. What takes longer has failed.
pub const STEP: Duration = Duration::from_secs(5);
/// Looks at whether a manager has answered.
pub const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Round trips that the way to the API server is measured by.
pub const ROUND_TRIPS: usize = 3;
/// Replicas of a manager that are tried.
pub const REPLICAS: usize = 3;
/// A clock that is further away is worth a warning: logins begin to fail.
pub const CLOCK_WARN: Duration = Duration::from_secs(30);
/// A clock that is further away is wrong: tokens and certificates seem to be of another time.
pub const CLOCK_FAIL: Duration = Duration::from_secs(300);
/// A client certificate that ends sooner is worth a warning; tokens are short-lived on purpose.
pub const CERTIFICATE_WARN: Duration = Duration::from_secs(3600);
/// A hop that takes longer is worth a warning.
pub const SLOW_HOP: Duration = Duration::from_millis(500);
/// The oldest minor version of Kubernetes 1 that has what the chart needs (ValidatingAdmissionPolicy).
pub const OLDEST_MINOR: u32 = 30;
/// From this minor version on servers ask for `create` of a port-forward over a WebSocket too.
pub const CREATES_PORT_FORWARDS: u32 = 35;
