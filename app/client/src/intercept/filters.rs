//! Which requests somebody means.

use std::str::FromStr;

use hawser_ipc::proto::{HeaderMatch, PathMatch};

/// A header as it is typed: `NAME=VALUE`, `NAME: VALUE` as in a request, or `NAME~=REGEX`.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderFilter(pub HeaderMatch);

impl FromStr for HeaderFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let equal = text.find('=');
        let colon = text.find(": ");
        let (name, value, regex) = match (equal, colon) {
            (Some(equal), None) => split(text, equal, 1),
            (Some(equal), Some(colon)) if equal < colon => split(text, equal, 1),
            (_, Some(colon)) => split(text, colon, 2),
            (None, None) => return Err("write it as NAME=VALUE or NAME~=REGEX".to_owned()),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(format!("{name:?} cannot be the name of a header"));
        }
        if value.is_empty() {
            return Err(format!("the header {name} is to be nothing"));
        }
        Ok(Self(HeaderMatch { name: name.to_owned(), value: value.to_owned(), regex }))
    }
}

fn split(text: &str, at: usize, width: usize) -> (&str, &str, bool) {
    let (name, value) = (&text[..at], &text[at + width..]);
    match name.strip_suffix('~') {
        Some(name) if width == 1 => (name, value, true),
        _ => (name, value, false),
    }
}

/// How a path is to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathFilter {
    /// Byte for byte.
    Exact(String),
    /// By whole segments.
    Prefix(String),
    /// By a regular expression over the whole path.
    Regex(String),
}

impl From<PathFilter> for PathMatch {
    fn from(filter: PathFilter) -> Self {
        let (value, kind) = match filter {
            PathFilter::Exact(value) => (value, "Exact"),
            PathFilter::Prefix(value) => (value, "PathPrefix"),
            PathFilter::Regex(value) => (value, "RegularExpression"),
        };
        Self { value, kind: kind.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_as_they_are_typed() {
        let parsed = |text: &str| text.parse::<HeaderFilter>().map(|HeaderFilter(m)| (m.name, m.value, m.regex));
        let found = |name: &str, value: &str, regex| Ok((name.to_owned(), value.to_owned(), regex));
        assert_eq!(parsed("x-user=ann"), found("x-user", "ann", false));
        assert_eq!(parsed("x-user~=ann|bob"), found("x-user", "ann|bob", true));
        assert_eq!(parsed("X-User: ann"), found("X-User", "ann", false));
        assert_eq!(parsed("cookie=a=b: c"), found("cookie", "a=b: c", false));
        assert_eq!(parsed("cookie: a=b"), found("cookie", "a=b", false));
        for text in ["", "x-user", "=ann", "x-user=", "x user=ann", "x:user=a"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
