//! Everything here that somebody else's file or program can make grow. What goes beyond is refused with a fault.

/// Bytes of one kubeconfig, certificate or token file.
pub const LARGEST_FILE: usize = 8 << 20;
/// Files in `KUBECONFIG`.
pub const MOST_FILES: usize = 256;
/// Contexts of all files; the rest is counted.
pub const MOST_CONTEXTS: usize = 2_000;
/// Bytes in a name, of a context for example.
pub const LONGEST_NAME: usize = 1024;
/// Bytes that a plugin may write on its standard output.
pub const LARGEST_ANSWER: usize = 1 << 20;
/// Bytes that a login shell may write on its standard output: more than an environment can have (execve(2)).
pub const LARGEST_ENVIRONMENT: usize = 4 << 20;
/// Bytes of a plugin's standard error that are kept, the last ones.
pub const KEPT_STDERR: usize = 8 << 10;
/// Lines of it that a fault shows, the last ones.
pub const SHOWN_LINES: usize = 5;
/// Characters that a fault shows of one text that came from elsewhere.
pub const SHOWN_CHARACTERS: usize = 600;
/// Names that a fault lists.
pub const LISTED_NAMES: usize = 20;
