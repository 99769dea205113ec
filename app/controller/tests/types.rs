//! The page's types are these types, and its words are the command line's.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hawser_client::units;
use hawser_controller::{Act, Update};
use ts_rs::{Config, TS as _};

#[test]
fn the_page_has_the_types_of_the_controller() {
    let exported = tempfile::tempdir().unwrap();
    let config = Config::new().with_out_dir(exported.path());
    Act::export_all(&config).unwrap();
    Update::export_all(&config).unwrap();

    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/generated");
    if std::env::var_os("HAWSER_UPDATE").is_some() {
        replace(exported.path(), &kept);
    }
    assert_eq!(files(exported.path()), files(&kept), "write them anew with HAWSER_UPDATE=1");
}

fn replace(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for (name, text) in files(from) {
        fs::write(to.join(name), text).unwrap();
    }
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let read =
        |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap());
    entries.map(|entry| read(entry.unwrap())).collect()
}

#[test]
fn the_page_words_quantities_as_the_command_line_does() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/format.cases.json");
    let cases: BTreeMap<String, Vec<(u64, String)>> = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(cases.keys().collect::<Vec<_>>(), ["age", "bytes", "latency"]);
    for (kind, cases) in cases {
        for (number, words) in cases {
            let expected = match kind.as_str() {
                "age" => units::age(Duration::from_secs(number)),
                "bytes" => units::bytes(number),
                _ => units::latency(number),
            };
            assert_eq!(words, expected, "{kind} {number}");
        }
    }
}
