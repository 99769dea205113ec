//! Puts the page into the program and allows it two commands.

use std::path::Path;

fn main() {
    // Relative to the crate, as in tauri.conf.json.
    if !Path::new("../ui/dist/index.html").is_file() {
        println!("cargo::error=ui/dist is missing: build the page first (npm ci && npm run build, in ui/)");
        return;
    }
    // Without a manifest every command would be allowed to every window.
    let commands = tauri_build::AppManifest::new().commands(&["attach", "act"]);
    let attributes = tauri_build::Attributes::new().app_manifest(commands);
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={error:#}");
    }
}
