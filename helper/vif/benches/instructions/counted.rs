//! What callgrind counts: it starts at the entry of this function and stops at its return.

/// The pattern of the function's name for `--toggle-collect`.
pub const PATTERN: &str = "instructions::counted::counted*";

/// Runs a part of the core. Calls of it must not be nested: the inner one would stop the count.
#[inline(never)]
pub fn counted<R>(part: impl FnOnce() -> R) -> R {
    part()
}
