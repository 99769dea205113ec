//! What runs as the user, for every program that shows Hawser: it reads the user's files, names the user's processes and
//! checks what only the user's side can see. It owns no truth about connections; that is the helper's.

pub mod companion;
pub mod doctor;
pub mod gather;
pub mod install;
pub mod intercept;
pub mod kubeconfig;
mod lists;
pub mod manifest;
pub mod mounts;
mod platform;
pub mod processes;
mod standalone;

pub use lists::some_of;
pub use standalone::Standalone;
