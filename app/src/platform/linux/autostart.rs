//! Start with the user's session: a file in the autostart folder (freedesktop.org, Desktop Application Autostart Specification).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hawser_client::kubeconfig::Environment;
use hawser_fault::{Code, Fault};

const FILE: &str = "io.hawser.Hawser.desktop";

/// Writes the file or removes it.
///
/// # Errors
/// `file-unwritable`.
pub(crate) fn start_at_login(wanted: bool) -> Result<(), Fault> {
    let folder =
        folder().ok_or_else(|| unwritable(Path::new(FILE), &io::Error::other("you have no home directory")))?;
    // Of a program that was replaced meanwhile, the system says another name.
    let program = std::env::current_exe()
        .map(|path| path.with_file_name("hawser-app"))
        .map_err(|error| unwritable(&folder.join(FILE), &error))?;
    set(&folder, &program, wanted).map_err(|error| unwritable(&folder.join(FILE), &error))
}

fn folder() -> Option<PathBuf> {
    Some(Environment::of_this_process().ok()?.config_folder()?.join("autostart"))
}

fn set(folder: &Path, program: &Path, wanted: bool) -> io::Result<()> {
    let file = folder.join(FILE);
    if !wanted {
        return match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let entry = format!(
        "[Desktop Entry]\nType=Application\nName=Hawser\nComment=Joins this computer to Kubernetes clusters\nIcon=io.hawser.Hawser\n\
         Exec={} --hidden\nTerminal=false\nStartupNotify=false\n",
        quoted(program)?
    );
    fs::create_dir_all(folder)?;
    // Whole or not at all: a session may start meanwhile.
    let half = folder.join(format!(".{FILE}"));
    fs::write(&half, entry)?;
    fs::rename(half, file)
}

/// A path as an argument of `Exec` (Desktop Entry Specification 1.5, "The Exec key"): quoted, then escaped as a string.
fn quoted(program: &Path) -> io::Result<String> {
    let path = program.to_str().filter(|path| !path.chars().any(char::is_control));
    let path = path.ok_or_else(|| io::Error::other("the application's own path has unusual characters"))?;
    let mut argument = String::from("\"");
    for character in path.chars() {
        match character {
            '"' | '`' | '$' => argument.extend(["\\\\", character.encode_utf8(&mut [0; 4])]),
            '\\' => argument.push_str(r"\\\\"),
            '%' => argument.push_str("%%"),
            other => argument.push(other),
        }
    }
    argument.push('"');
    Ok(argument)
}

fn unwritable(file: &Path, error: &io::Error) -> Fault {
    Fault::new(Code::FileUnwritable, format!("{} cannot be changed: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_comes_and_goes() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("autostart");
        set(&folder, Path::new("/opt/my apps/hawser-app"), true).unwrap();
        let entry = fs::read_to_string(folder.join(FILE)).unwrap();
        assert!(entry.contains("\nExec=\"/opt/my apps/hawser-app\" --hidden\n"), "{entry}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        for _ in 0..2 {
            set(&folder, Path::new("/"), false).unwrap();
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        }
    }

    #[test]
    fn paths_are_quoted_as_the_specification_says() {
        assert_eq!(quoted(Path::new(r#"/a"b$c`d%e\f"#)).unwrap(), r#""/a\\"b\\$c\\`d%%e\\\\f""#);
        assert!(quoted(Path::new("/a\nExec=evil")).is_err());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("autostart");
        fs::write(&file, "").unwrap();
        assert!(set(&file, Path::new("/x"), true).is_err());
    }
}
