//! Tests that need a companion of their own.

use std::env::current_exe;
use std::process::Command;

/// Runs a test in a process of its own, with a folder for its companion, and neither keyring nor helper but its own. What it says
/// is shown if it fails; else it would be counted as a test more.
pub fn alone(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    for name in ["XDG_RUNTIME_DIR", "HAWSER_TEST_ALONE", "HOME"] {
        command.env(name, folder.path());
    }
    command.env("XDG_STATE_HOME", folder.path().join("state"));
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere").env("HAWSER_SOCKET", "/nowhere");
    let said = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
}

/// Takes what is handed to it, and tells the connections' names.
pub fn companion(folder: &std::path::Path) -> std::sync::mpsc::Receiver<String> {
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = folder.join("hawser");
    std::fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(folder.join("companion.sock")).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 4];
            // Somebody only looks whether it is there.
            if stream.read_exact(&mut length).is_err() {
                continue;
            }
            let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut bytes).unwrap();
            let asked: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            stream.write_all(b"\0\0\0\x06\"done\"").unwrap();
            let _ = tell.send(asked["hand-over"]["connection"].as_str().unwrap().to_owned());
        }
    });
    told
}
