//! What people read, as pure functions of what the helper said.

pub(crate) mod doctor;
pub(crate) mod flows;
pub(crate) mod install;
pub(crate) mod intercept;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod queries;
mod rights;
pub(crate) mod status;
