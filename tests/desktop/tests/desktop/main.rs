//! The application, used as a person would: `cargo test --workspace --test desktop`.

mod measures;
mod notifications;
mod tray;
mod window;
mod world;
