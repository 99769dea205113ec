//! What the tests of several files here need.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hawser_fault::Fault;
use tempfile::TempDir;

use super::{Access, Arguments, Environment, Selection, load};

/// A cluster that nothing is wrong with.
pub(crate) const SERVER: &str = "{server: 'https://10.0.0.1:6443'}";

/// These variables and nothing else, in the directory `/work`.
pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    Environment { variables, directory: "/work".into() }
}

/// The file's current context.
pub(crate) fn selection(file: &Path) -> Selection {
    let arguments = Arguments { kubeconfig: Some(file.to_owned()), ..Arguments::default() };
    Selection::new(arguments, &Environment::default()).unwrap()
}

/// A kubeconfig with one context whose cluster and user have these fields (YAML in one line).
pub(crate) fn kubeconfig(cluster: &str, user: &str) -> String {
    format!(
        "current-context: dev\n\
         contexts: [{{name: dev, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {cluster}}}]\n\
         users: [{{name: u, user: {user}}}]\n"
    )
}

/// Writes a shell script that can be run at once. A process of its own writes it, since a file that any thread's child still
/// has open for writing can't be executed.
pub(crate) fn script(path: &Path, text: &str) {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("cat > \"$0\" && chmod 755 \"$0\"").arg(path).stdin(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    shell.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}

/// A certificate that ends at 2099-12-31T23:59:58Z (GeneralizedTime).
pub(crate) const CERTIFICATE: &str = include_str!("testdata/certificate.pem");
/// The key of it.
pub(crate) const KEY: &str = include_str!("testdata/key.pem");
/// A certificate of the same key that ended at 2001-02-03T04:05:06Z (UTCTime).
pub(crate) const EXPIRED: &str = include_str!("testdata/expired.pem");

/// Loads a kubeconfig of this text, with an empty environment.
pub(crate) fn load_text(text: &str) -> Result<Access, Fault> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    fs::write(&file, text).unwrap();
    load(&selection(&file), &environment(&[]))
}

/// Puts the path of a directory, which has everything that fields can name, in place of `F`.
pub(crate) fn with_files(fields: &str) -> String {
    static FILES: std::sync::LazyLock<TempDir> = std::sync::LazyLock::new(|| {
        let directory = tempfile::tempdir().unwrap();
        let contents = [
            ("cert", CERTIFICATE),
            ("old", EXPIRED),
            ("key", KEY),
            ("token", " of-file\n"),
            ("empty", "\n"),
            ("bad", "a b"),
        ];
        for (name, text) in contents {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    });
    fields.replace("F/", &format!("{}/", FILES.path().display()))
}

pub(crate) fn base64(text: &str) -> String {
    STANDARD.encode(text)
}
