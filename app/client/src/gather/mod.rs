//! Everything that somebody needs who looks for a fault, in one file that can be sent: what the user's programs know, what was
//! logged, and what of this computer matters. Secrets are taken out of each text as it is added; kubeconfigs never go in.

mod archive;
mod everything;
mod host;
pub mod limits;
mod managers;
mod redact;

use std::path::Path;

use hawser_fault::Fault;
use serde_json::Value;

pub use everything::everything;
pub use redact::Redactor;

/// Texts that are gathered, each under a name.
pub struct Bundle {
    redactor: Redactor,
    entries: Vec<Entry>,
    missing: Vec<(String, String)>,
}

/// A text of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the archive.
    pub name: String,
    /// Without secrets.
    pub text: String,
}

impl Bundle {
    /// Nothing yet.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, entries: Vec::new(), missing: Vec::new() }
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, text: &str) {
        let text = cut(text, limits::TEXT);
        self.entries.push(Entry { name: name.to_owned(), text: self.redactor.text(text) });
    }

    /// Adds an object; it stays well-formed.
    pub fn json(&mut self, name: &str, mut value: Value) {
        self.redactor.json(&mut value);
        self.entries.push(Entry { name: name.to_owned(), text: format!("{value:#}\n") });
    }

    /// Adds what came of asking for a text.
    pub fn text_or(&mut self, name: &str, text: Result<String, Fault>) {
        match text {
            Ok(text) => self.text(name, &text),
            Err(fault) => self.lacks(name, &fault),
        }
    }

    /// Says that something could not be had, and why.
    pub fn lacks(&mut self, name: &str, fault: &Fault) {
        self.missing.push((name.to_owned(), self.redactor.text(&format!("{}. {}", fault.detail, fault.fix))));
    }

    /// What is in it.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is not in it, each with the reason.
    pub fn missing(&self) -> &[(String, String)] {
        &self.missing
    }

    /// Writes the archive; only its owner may read it.
    ///
    /// # Errors
    /// `file-unwritable`, also if there is such a file already. Then nothing is left of it.
    pub fn write(&self, path: &Path) -> Result<(), Fault> {
        archive::write(path, &self.contents(), &self.entries)
    }

    fn contents(&self) -> Entry {
        let mut text = format!(
            "Gathered by `hawser logs gather` at {}.\n\n\
             What looked like a token, a password or a private key was replaced by {}. Names and addresses were not.\n\n",
            jiff::Timestamp::now().strftime("%F %T UTC"),
            redact::MARK,
        );
        for entry in &self.entries {
            text += &format!("{}\n", entry.name);
        }
        for (name, why) in &self.missing {
            text += &format!("not there: {name}: {why}\n");
        }
        Entry { name: "README.txt".to_owned(), text }
    }
}

/// Checks that nothing would be overwritten, before all the work.
///
/// # Errors
/// `file-unwritable`.
pub fn check_absent(path: &Path) -> Result<(), Fault> {
    match path.symlink_metadata() {
        Ok(_) => Err(archive::is_there(path)),
        Err(_) => Ok(()),
    }
}

/// What the archive is called unless somebody says otherwise.
pub fn default_name() -> String {
    format!("hawser-logs-{}.zip", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"))
}

/// Adds what of this computer matters, and the companion's log.
pub async fn host(bundle: &mut Bundle) {
    host::gather(bundle).await;
}

/// Adds the logs of the managers in a namespace, as far as the user may read them.
pub async fn managers(bundle: &mut Bundle, api: &hawser_kube::Api, namespace: &str) {
    managers::gather(bundle, api, namespace).await;
}

/// The end of a text.
fn cut(text: &str, longest: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(longest))..]
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;

    use hawser_fault::Code;
    use serde_json::json;

    use super::*;

    fn bundle() -> Bundle {
        let mut bundle = Bundle::new(Redactor::new(["hunter22".to_owned()]));
        bundle.text("helper.log", "INFO ready\nWARN the plugin said hunter22\n");
        bundle.json("status.json", json!({ "connections": [{ "name": "rig", "note": "Bearer abc.def" }] }));
        bundle.lacks("manager/", &Fault::new(Code::RightsMissing, "token=swordfish").with_fix("Ask."));
        bundle
    }

    #[test]
    fn the_archive_holds_each_text_without_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.zip");
        bundle().write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let mut archive = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
        let mut texts = std::collections::BTreeMap::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let name = file.name().unwrap().into_owned();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            texts.insert(name, text);
        }
        let names: Vec<_> = texts.keys().map(String::as_str).collect();
        assert_eq!(names, ["README.txt", "helper.log", "status.json"]);
        assert_eq!(texts["helper.log"], format!("INFO ready\nWARN the plugin said {}\n", redact::MARK));
        let status: Value = serde_json::from_str(&texts["status.json"]).unwrap();
        assert_eq!(status["connections"][0]["name"], "rig");
        assert!(texts["README.txt"].contains("helper.log\nstatus.json\n"), "{}", texts["README.txt"]);
        assert!(texts["README.txt"].contains("not there: manager/: token="), "{}", texts["README.txt"]);
        for secret in ["hunter22", "abc.def", "swordfish"] {
            assert!(texts.values().all(|text| !text.contains(secret)), "{secret}");
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.zip");
        fs::write(&path, "precious").unwrap();
        let fault = bundle().write(&path).unwrap_err();
        assert_eq!(fault.code, Code::FileUnwritable);
        assert_eq!(check_absent(&path), Err(fault));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let link = directory.path().join("link.zip");
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &link).unwrap();
        assert!(bundle().write(&link).is_err(), "a link leads nowhere");
        assert!(bundle().write(&directory.path().join("absent/out.zip")).is_err());
    }

    #[test]
    fn of_a_text_that_is_too_long_the_end_is_kept() {
        let mut bundle = bundle();
        bundle.text("long", &("ä".repeat(limits::TEXT) + "end"));
        let text = &bundle.entries().last().unwrap().text;
        assert!(text.len() <= limits::TEXT && text.ends_with("end"));
    }
}
