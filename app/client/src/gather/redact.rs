//! Takes secrets out of texts: those that are known, and whatever looks like one. A word too many that is gone costs less than
//! one secret that stays.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex::{Captures, Regex};
use serde_json::Value;

use crate::kubeconfig::{Access, Credential};

/// What stands in a secret's place.
pub const MARK: &str = "[redacted]";

/// What is shorter is no secret that could be told from other words.
const SHORTEST: usize = 4;

/// Words by whose end a name says that its value is secret.
const NAMES: &str = "password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|key[_-]data|\
                     client[_-]key|credentials?|cookie";

/// What a secret looks like; groups are what stays before and behind it. The order counts: blocks before the words in them.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = format!(r"(?i)([\w.-]*(?:{NAMES})");
    let shapes = [
        // Private keys in PEM (RFC 7468), also with their lines' ends spelled out; and what is left of one whose head was cut off.
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)".to_owned(),
        r"(?:[A-Za-z0-9+/=]+(?:\\r|\\n|\s)+)*-----END [A-Z0-9 ]*PRIVATE KEY-----".to_owned(),
        // Any PEM in base64, as kubeconfigs and Secrets have it.
        r"LS0tLS1CRUdJTi[A-Za-z0-9+/=_-]*".to_owned(),
        // JSON Web Tokens (RFC 7519).
        r"eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)+".to_owned(),
        // Tokens of GitHub, GitLab, Slack, Google, EKS, OpenShift and AWS.
        r"(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|ya29\.|k8s-aws-v1\.|sha256~)[A-Za-z0-9._-]{8,}".to_owned(),
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b".to_owned(),
        // Headers (RFC 9110, section 11.6.2), and their schemes wherever they stand.
        r#"(?i)\b((?:proxy-)?authorization\\?["']?\s*[:=]\s*\\?["']?)[^"'\\\r\n]+"#.to_owned(),
        r#"(?i)\b(bearer\s+)[^\s"'\\]+"#.to_owned(),
        r"(?i)\b(basic\s+)[A-Za-z0-9+/_-]{8,}=*".to_owned(),
        // Logins in URLs (RFC 3986, section 3.2.1).
        r#"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'<>]*(@)"#.to_owned(),
        // Values of names and options that say so: in quotes, in quotes of a text that is in quotes itself, and without any up to
        // the next space, behind a colon up to the line's end.
        format!(r#"{name}\\?["']?\s*[:=]\s*\\["']).*?(\\["']|$)"#),
        format!(r#"{name}["']?\s*[:=]\s*")[^"]*"#),
        format!(r#"{name}["']?\s*[:=]\s*')[^']*"#),
        format!(r#"{name}\s*=\s*)(?:[^\s"'\\]|\\[^\s"'])\S*"#),
        format!(r#"{name}\\?["']?\s*:[ \t]*)(?:[^\s"'\\]|\\[^\s"'])[^\r\n]*"#),
        format!(r#"(?i)(--[\w-]*(?:{NAMES})\s+["']?)[^\s"']\S*"#),
    ];
    shapes.iter().map(|shape| Regex::new(shape).expect("a shape that was tested")).collect()
});

static SECRET_NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("(?i)(?:{NAMES})$")).expect("a shape that was tested"));

/// Takes secrets out of texts.
#[derive(Default)]
pub struct Redactor {
    /// The longest first, so that none is cut into pieces by a part of it.
    known: Vec<String>,
}

impl Redactor {
    /// These are secrets whatever they look like, as they are and in base64.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST);
        let mut known: Vec<_> = secrets.flat_map(|secret| [BASE64_STANDARD.encode(&secret), secret]).collect();
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        known.dedup();
        Self { known }
    }

    /// What of this user's login is secret.
    pub fn of_login(access: &Access, credential: &Credential) -> Self {
        let mut secrets = Vec::new();
        match credential {
            Credential::None => {}
            Credential::Token { token, .. } => secrets.push(token.reveal().to_owned()),
            Credential::Basic { password, .. } => secrets.push(password.reveal().to_owned()),
            Credential::Certificate { key, .. } => {
                let lines = key.reveal().lines().filter(|line| !line.starts_with("-----"));
                secrets.extend(lines.map(str::to_owned));
            }
        }
        let login = access.cluster.proxy.as_ref().and_then(|proxy| proxy.login.as_ref());
        secrets.extend(login.map(|(_, password)| password.reveal().to_owned()));
        Self::new(secrets)
    }

    /// The text without secrets.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MARK);
            }
        }
        for shape in SHAPES.iter() {
            let stays = |found: &Captures<'_>, group| found.get(group).map_or("", |part| part.as_str()).to_owned();
            let replaced = shape.replace_all(&text, |found: &Captures<'_>| stays(found, 1) + MARK + &stays(found, 2));
            if let Cow::Owned(replaced) = replaced {
                text = replaced;
            }
        }
        text
    }

    /// Takes secrets out of every text in a value, and whatever a secret's name is given to.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.json(value)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if !text.is_empty() && SECRET_NAME.is_match(name) => {
                            *text = MARK.to_owned();
                        }
                        value => self.json(value),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
