//! The environment of a container, for programs on this computer.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hawser_fault::{Code, Fault};

/// What is this computer's own, whatever the container has, or would make its loader and its shells take in other files.
const OWN: [&str; 8] = ["BASH_ENV", "HOME", "HOSTNAME", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER"];
/// The same, by how the names begin; what begins with the last is ours to say.
const OWN_PREFIXES: [&str; 3] = ["LD_", "XDG_", "HAWSER_"];

/// How a file of variables is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `NAME=VALUE`, as `docker run --env-file` reads it: to the end of the line, without quotes.
    Lines,
    /// One object.
    Json,
    /// `export NAME='VALUE'`, for a shell to read with `.`.
    Shell,
}

/// A file that is about to be written, which only its user can read.
pub struct Output {
    path: PathBuf,
    format: Format,
    file: File,
}

/// What came of writing a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Which file.
    pub path: PathBuf,
    /// Names of variables that its format has no room for.
    pub left_out: Vec<String>,
}

/// The variables that programs on this computer are given, by a file or not, in the order of their names.
pub fn for_programs(environment: HashMap<String, String>) -> BTreeMap<String, String> {
    environment.into_iter().filter(|(name, value)| !is_own(name, value)).collect()
}

fn is_own(name: &str, value: &str) -> bool {
    match name {
        // Many programs call a stage so; to a shell it is a file to run, of which it expands the name.
        "ENV" => !value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'),
        name => OWN.contains(&name) || OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)),
    }
}

impl Output {
    /// Opens the file, and leaves what it has as it is until it is written.
    ///
    /// # Errors
    /// `file-unwritable`.
    pub fn open(path: &Path, format: Format) -> Result<Self, Fault> {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = opened.map_err(|error| unwritable(path, &error))?;
        Ok(Self { path: path.to_owned(), format, file })
    }

    /// Writes the variables in place of what the file had.
    ///
    /// # Errors
    /// `file-unwritable`.
    pub fn write(mut self, variables: &BTreeMap<String, String>) -> Result<Written, Fault> {
        let mut left_out = Vec::new();
        let content = match self.format {
            Format::Lines => lines(variables, &mut left_out),
            Format::Json => serde_json::to_string_pretty(variables)
                .map(|text| text + "\n")
                .map_err(|error| Fault::new(Code::Internal, format!("variables cannot be written: {error}")))?,
            Format::Shell => shell(variables, &mut left_out),
        };
        self.replace(&content).map_err(|error| unwritable(&self.path, &error))?;
        Ok(Written { path: self.path, left_out })
    }

    fn replace(&mut self, content: &str) -> io::Result<()> {
        // What is no file, a pipe for example, has neither rights of ours nor a length.
        if self.file.metadata()?.is_file() {
            self.file.set_permissions(Permissions::from_mode(0o600))?;
            self.file.set_len(0)?;
        }
        self.file.write_all(content.as_bytes())
    }
}

fn lines(variables: &BTreeMap<String, String>, left_out: &mut Vec<String>) -> String {
    let mut content = String::new();
    for (name, value) in variables {
        if value.contains(['\n', '\r']) || name.contains(char::is_whitespace) || name.starts_with('#') {
            left_out.push(name.clone());
        } else {
            content += &format!("{name}={value}\n");
        }
    }
    content
}

fn shell(variables: &BTreeMap<String, String>, left_out: &mut Vec<String>) -> String {
    let is_name = |name: &str| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    let mut content = String::new();
    for (name, value) in variables {
        if is_name(name) {
            content += &format!("export {name}='{}'\n", value.replace('\'', r"'\''"));
        } else {
            left_out.push(name.clone());
        }
    }
    content
}

fn unwritable(path: &Path, error: &io::Error) -> Fault {
    Fault::new(Code::FileUnwritable, format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> BTreeMap<String, String> {
        let given = [
            ("PATH", "/pod/bin"),
            ("PLAIN", "a b\"c"),
            ("QUOTED", "it's $HOME `x`"),
            ("TWO_LINES", "a\nb"),
            ("with.dot", "1"),
            ("EMPTY", ""),
        ];
        for_programs(given.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    fn written(path: &Path, format: Format) -> (String, Vec<String>) {
        let written = Output::open(path, format).unwrap().write(&variables()).unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        (std::fs::read_to_string(path).unwrap(), written.left_out)
    }

    #[test]
    fn what_is_this_computers_own_is_left_out() {
        for (name, value, given) in [
            ("PATH", "/pod/bin", false),
            ("LD_PRELOAD", "/pod/lib.so", false),
            ("BASH_ENV", "rc", false),
            ("ENV", "/etc/profile", false),
            ("ENV", "$(id)", false),
            ("ENV", "production", true),
            ("XDG_RUNTIME_DIR", "/run", false),
            ("HAWSER_ROOT", "/", false),
            ("USER", "app", false),
            ("USERS", "app", true),
            ("OLD_LD_X", "", true),
        ] {
            let variables = for_programs([(name.to_owned(), value.to_owned())].into());
            assert_eq!(variables.contains_key(name), given, "{name}={value}");
        }
    }

    #[test]
    fn each_format_says_what_it_has_no_room_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("env");
        std::fs::write(&path, "what was there before, and much longer than what is written now ".repeat(20)).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let (lines, left_out) = written(&path, Format::Lines);
        assert_eq!(lines, "EMPTY=\nPLAIN=a b\"c\nQUOTED=it's $HOME `x`\nwith.dot=1\n");
        assert_eq!(left_out, ["TWO_LINES"]);
        let (json, left_out) = written(&path, Format::Json);
        assert_eq!(serde_json::from_str::<BTreeMap<String, String>>(&json).unwrap(), variables());
        assert!(left_out.is_empty());
    }

    #[test]
    fn a_shell_reads_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("env.sh");
        let (_, left_out) = written(&path, Format::Shell);
        assert_eq!(left_out, ["with.dot"]);
        let script = ". ./env.sh; printf '%s|%s|%s' \"$PLAIN\" \"$QUOTED\" \"$TWO_LINES\"";
        let output = std::process::Command::new("sh").args(["-c", script]).current_dir(dir.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "a b\"c|it's $HOME `x`|a\nb");
    }

    #[test]
    fn what_cannot_be_written_is_known_before_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let fault = Output::open(&dir.path().join("none/env"), Format::Json).err().unwrap();
        assert_eq!(fault.code, Code::FileUnwritable);
        let path = dir.path().join("env");
        std::fs::write(&path, "old").unwrap();
        drop(Output::open(&path, Format::Json).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    }
}
