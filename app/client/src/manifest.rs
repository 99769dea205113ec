//! Files of Kubernetes objects, as people write them: documents that stay as they are keep their text.

use hawser_fault::{Code, Fault};
use serde_json::Value;

use crate::install::parse;

/// One document of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// As it is written, without the line before it.
    pub text: String,
    /// What it says; null if it says nothing.
    pub value: Value,
}

/// The documents of a file in YAML or JSON. Between two of them is a line that begins with `---` (YAML 1.2, section 9.1.4).
///
/// # Errors
/// `config-malformed` with what is wrong in which document.
pub fn documents(text: &str) -> Result<Vec<Document>, Fault> {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let is_border =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r', '\t']));
        if is_border {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
        }
    }
    if parts.first().is_some_and(|first| first.trim().is_empty()) {
        parts.remove(0);
    }
    let document = |(number, text): (usize, String)| {
        let malformed = |error| Fault::new(Code::ConfigMalformed, format!("document {}: {error}", number + 1));
        let value = parse(&text).map_err(malformed)?.into_iter().next().unwrap_or_default();
        Ok(Document { text, value })
    };
    parts.into_iter().enumerate().map(document).collect()
}

/// A file of these documents, each as it is written.
pub fn file<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut file = String::new();
    for text in texts {
        if !file.is_empty() {
            file.push_str("---\n");
        }
        file.push_str(text);
        if !text.ends_with('\n') {
            file.push('\n');
        }
    }
    file
}

/// One document in YAML.
///
/// # Errors
/// `internal`: it is plain data.
pub fn yaml(value: &Value) -> Result<String, Fault> {
    serde_saphyr::to_string(value)
        .map_err(|error| Fault::new(Code::Internal, format!("a document cannot be written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_their_text() {
        let text = "# ours\n---\n# first\na: 1 # one\n--- \nb: |\n  ---x\n  y\n---\n\n---\nc: no\n";
        let found = documents(text).unwrap();
        let texts: Vec<&str> = found.iter().map(|document| document.text.as_str()).collect();
        assert_eq!(texts, ["# ours\n", "# first\na: 1 # one\n", "b: |\n  ---x\n  y\n", "\n", "c: no\n"]);
        assert_eq!(found[1].value["a"], 1);
        assert_eq!((&found[3].value, &found[4].value["c"]), (&Value::Null, &Value::from("no")));
        assert_eq!(documents(&file(texts)).unwrap(), found);
        assert_eq!(documents("---\na: 1").unwrap().len(), 1);
        assert_eq!(documents("{\"a\": {\"b\": 2}}").unwrap()[0].value["a"]["b"], 2);
    }

    #[test]
    fn a_mistake_is_named_with_its_document() {
        let fault = documents("a: 1\n---\nb: [\n").unwrap_err();
        assert_eq!(fault.code, Code::ConfigMalformed);
        assert!(fault.detail.starts_with("document 2: "), "{fault}");
    }
}
