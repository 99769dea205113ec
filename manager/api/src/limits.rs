//! How big an object can be made by who may create one. At each of these the API server refuses the object (422, the
//! field named); what exists already stays as it was.
//!
//! Lengths are in characters, all others in items.

/// A user name as the cluster's authenticator gives it; certificates and OIDC make long ones.
pub const USER: u32 = 1024;
/// The authenticator's own identifier of a user.
pub const UID: u32 = 256;
/// The groups of one user; directories hand out several hundred.
pub const GROUPS: u32 = 1024;
/// The name of one group.
pub const GROUP: u32 = 512;
/// Keys of a user's extra attributes.
pub const EXTRA_KEYS: u32 = 32;
/// Values of one extra attribute.
pub const EXTRA_VALUES: u32 = 64;
/// One value of an extra attribute.
pub const EXTRA_VALUE: u32 = 1024;
/// `sha256:` and 64 hexadecimal digits.
pub const KEY: u32 = 71;
/// A DNS label (RFC 1123, section 2.1).
pub const LABEL: u32 = 63;
/// A DNS name (RFC 1123, section 2.1), and so the name of an object.
pub const NAME: u32 = 253;
/// An IPv4 or IPv6 address as text (RFC 5952), one of each kind in one included.
pub const ADDRESS: u32 = 45;
/// What a program calls its version.
pub const VERSION: u32 = 64;
/// Replicas of the manager that a session can name.
pub const REPLICAS: u32 = 64;
/// Ways to one replica.
pub const ENDPOINTS: u32 = 16;
/// Conditions of one object.
pub const CONDITIONS: u32 = 16;
/// A condition's type or reason, as Kubernetes bounds them.
pub const CONDITION_WORD: u32 = 316;
/// A code of the project's table of errors.
pub const CODE: u32 = 64;
/// A sentence for people, as Kubernetes bounds a condition's message.
pub const SENTENCE: u32 = 4096;
/// Ports of one intercept.
pub const PORTS: u32 = 64;
/// The name of a port (RFC 6335, section 5.1).
pub const PORT_NAME: u32 = 15;
/// Headers that one filter looks at.
pub const HEADERS: u32 = 16;
/// The name of a header.
pub const HEADER_NAME: u32 = 256;
/// What a header or path is held against, be it a text or a pattern.
pub const MATCH: u32 = 1024;
