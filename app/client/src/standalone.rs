//! The user's file about a manager that runs without Kubernetes.
//!
//! ```toml
//! manager = "203.0.113.7:7300"
//! pin = "sha256:…"              # 64 hexadecimal digits, printed by `hawser-manager key`
//! ```

use std::fs::File;
use std::io::Read;
use std::path::Path;

use hawser_fault::{Code, Fault};
use serde::Deserialize;
use toml::Spanned;

/// Such a file has two lines; what is longer than this isn't one.
const LONGEST_FILE: u64 = 64 * 1024;

/// Which manager to dial and the key that it must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standalone {
    /// `host:port`; an IPv6 address stands in brackets.
    pub address: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub pin: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    manager: Spanned<String>,
    pin: Spanned<String>,
}

impl Standalone {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// `file-unreadable`, `config-malformed` or `key-malformed`; the latter two name the line.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let unreadable = |why: String| {
            Fault::new(Code::FileUnreadable, format!("the file {} could not be read: {why}", path.display()))
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
        if bytes.len() as u64 > LONGEST_FILE {
            return Err(unreadable(format!("it is longer than {LONGEST_FILE} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Checks a file's text; `file` is what errors call it.
    fn parse(text: &str, file: &str) -> Result<Self, Fault> {
        let place = |offset: usize| format!("{file}, line {}", text[..offset].matches('\n').count() + 1);
        let fields: Fields = toml::from_str(text).map_err(|error| match error.span() {
            // A field that is missing has the whole file as its place.
            Some(span) if !error.message().starts_with("missing field") => {
                Fault::new(Code::ConfigMalformed, format!("{}: {}", place(span.start), error.message()))
            }
            _ => Fault::new(Code::ConfigMalformed, format!("{file}: {}", error.message()))
                .with_fix("The file needs two lines: manager = \"HOST:PORT\" and pin = \"sha256:…\"."),
        })?;

        let address = fields.manager.get_ref();
        if let Err(why) = check_address(address) {
            let detail = format!("{}: the manager's address {address:?} {why}", place(fields.manager.span().start));
            return Err(Fault::new(Code::ConfigMalformed, detail)
                .with_fix("Write it as HOST:PORT, for example 203.0.113.7:7300 or [2001:db8::7]:7300."));
        }
        if !is_pin(fields.pin.get_ref()) {
            let detail =
                format!("{}: {:?} is not the pin of a key", place(fields.pin.span().start), fields.pin.get_ref());
            return Err(Fault::new(Code::KeyMalformed, detail).with_fix(
                "A pin is sha256: and 64 hexadecimal digits; the manager's operator gets it with: hawser-manager key",
            ));
        }
        Ok(Self { address: address.clone(), pin: fields.pin.into_inner().to_ascii_lowercase() })
    }
}

fn check_address(address: &str) -> Result<(), &'static str> {
    let (host, port) = address.rsplit_once(':').ok_or("has no port")?;
    if !matches!(port.parse(), Ok(1..=u16::MAX)) {
        return Err("has no port between 1 and 65535");
    }
    match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
        Some(Some(host)) if host.parse::<std::net::Ipv6Addr>().is_ok() => Ok(()),
        Some(_) => Err("has no IPv6 address between its brackets"),
        None if host.is_empty() => Err("has no host"),
        None if host.contains(':') => Err("has an IPv6 address without brackets"),
        None if host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) => Ok(()),
        None => Err("has a host that is neither a name nor an address"),
    }
}

fn is_pin(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF";

    fn file(manager: &str, pin: &str) -> String {
        format!("manager = {manager:?}\npin = {pin:?}\n")
    }

    #[test]
    fn addresses_and_pins_that_are_meant_to_work() {
        let pin = format!("sha256:{DIGITS}");
        for address in ["203.0.113.7:7300", "[2001:db8::7]:7300", "manager.example.com:1", "my_host:65535"] {
            let parsed = Standalone::parse(&file(address, &pin), "x.toml").unwrap();
            assert_eq!(parsed, Standalone { address: address.into(), pin: pin.to_lowercase() });
        }
    }

    #[test]
    fn each_mistake_has_its_code_and_line() {
        let pin = format!("sha256:{DIGITS}");
        let good = file("a:1", &pin);
        let table: &[(String, Code, &str)] = &[
            (String::new(), Code::ConfigMalformed, "x.toml: missing field `manager`"),
            ("manager = \"a:1\"\n".into(), Code::ConfigMalformed, "x.toml: missing field `pin`"),
            (format!("{good}speed = 9\n"), Code::ConfigMalformed, "x.toml, line 3: unknown field `speed`"),
            (format!("{good}pin = \"b\"\n"), Code::ConfigMalformed, "x.toml, line 3: duplicate key"),
            (format!("\n\nmanager = 7300\npin = {pin:?}\n"), Code::ConfigMalformed, "x.toml, line 3: invalid type"),
            ("manager = \"a:1\npin = 1".into(), Code::ConfigMalformed, "x.toml, line 1: "),
            ("manager".into(), Code::ConfigMalformed, "x.toml, line 1: "),
            (file("", &pin), Code::ConfigMalformed, "x.toml, line 1: the manager's address \"\" has no port"),
            (file("host", &pin), Code::ConfigMalformed, "x.toml, line 1: the manager's address \"host\" has no port"),
            (file(":1", &pin), Code::ConfigMalformed, "x.toml, line 1: the manager's address \":1\" has no host"),
            (file("host:0", &pin), Code::ConfigMalformed, "has no port between"),
            (file("host:65536", &pin), Code::ConfigMalformed, "has no port between"),
            (file("2001:db8::7:7300", &pin), Code::ConfigMalformed, "without brackets"),
            (file("[2001:db8::7:7300", &pin), Code::ConfigMalformed, "between its brackets"),
            (file("[host]:7300", &pin), Code::ConfigMalformed, "between its brackets"),
            (file("a b:7300", &pin), Code::ConfigMalformed, "neither a name nor an address"),
            (file("a:1", "sha256:12"), Code::KeyMalformed, "x.toml, line 2: \"sha256:12\" is not"),
            (file("a:1", DIGITS), Code::KeyMalformed, "x.toml, line 2: "),
            (file("a:1", &format!("sha256:{}g", &DIGITS[1..])), Code::KeyMalformed, "x.toml, line 2: "),
        ];
        for (text, code, part) in table {
            let fault = Standalone::parse(text, "x.toml").unwrap_err();
            assert_eq!(fault.code, *code, "{text}");
            assert!(fault.detail.contains(part), "{text}\n{}", fault.detail);
            assert!(!fault.detail.contains('\n'), "{}", fault.detail);
        }
    }

    #[test]
    fn unreadable_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let long = directory.path().join("long.toml");
        std::fs::write(&long, vec![b'#'; 100_000]).unwrap();
        let binary = directory.path().join("binary.toml");
        std::fs::write(&binary, [0xff, 0xfe]).unwrap();
        for path in [directory.path().to_owned(), directory.path().join("absent.toml"), long, binary] {
            let fault = Standalone::read(&path).unwrap_err();
            assert_eq!(fault.code, Code::FileUnreadable);
            assert!(fault.detail.contains(&path.display().to_string()));
        }
    }
}
