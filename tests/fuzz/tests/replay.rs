//! Runs every target over every file of its corpus, without a fuzzer.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;

use hawser_fuzz::{FRAMES, MESSAGES, PACKETS, Target};

#[test]
fn packets() {
    replay(&PACKETS);
}

#[test]
fn frames() {
    replay(&FRAMES);
}

#[test]
fn messages() {
    replay(&MESSAGES);
}

/// Each file as it is, cut short, and with each of its first bytes changed.
fn replay(target: &Target) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 8, "{} has {} files: make them with the example `seeds`", folder.display(), files.len());
    for file in files {
        let data = fs::read(&file).unwrap();
        println!("{}", file.display());
        (target.run)(&data);
        for length in 0..data.len().min(200) {
            (target.run)(&data[..length]);
            let mut changed = data.clone();
            for byte in [0x00, 0xff, data[length] ^ 0x01, data[length] ^ 0x80] {
                changed[length] = byte;
                (target.run)(&changed);
            }
        }
    }
}
