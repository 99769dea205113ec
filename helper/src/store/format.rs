//! Which version of the state directory this helper writes.

use std::path::Path;

use hawser_fault::{Code, Fault};

use super::{files, unwritable};

/// Raised when an older helper would lose or misread what is written. Packages of an older version read it too, and refuse to
/// take this one's place.
pub const FORMAT: u32 = 1;

/// Refuses a directory of a newer helper, and marks any other as of this one.
///
/// # Errors
/// `state-newer`; `state-unwritable`.
pub fn claim(directory: &Path) -> Result<(), Fault> {
    let path = directory.join("format");
    let found = files::read(&path).map_err(|error| unwritable(&path, &error))?;
    let found = found.and_then(|text| String::from_utf8(text).ok()?.trim().parse::<u32>().ok());
    match found {
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => {
            let detail = format!("{} is of format {newer}, and this version knows {FORMAT}", directory.display());
            Err(Fault::new(Code::StateNewer, detail))
        }
        _ => files::replace(&path, format!("{FORMAT}\n").as_bytes()).map_err(|error| unwritable(&path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_state_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("format");
        for (before, refused, after) in [
            (None, false, format!("{FORMAT}\n")),
            (Some(format!("{FORMAT}\n")), false, format!("{FORMAT}\n")),
            (Some("0\n".to_owned()), false, format!("{FORMAT}\n")),
            (Some("torn".to_owned()), false, format!("{FORMAT}\n")),
            (Some(format!("{}\n", FORMAT + 1)), true, format!("{}\n", FORMAT + 1)),
        ] {
            let _ = std::fs::remove_file(&path);
            if let Some(before) = before {
                std::fs::write(&path, before).unwrap();
            }
            let code = claim(dir.path()).err().map(|fault| fault.code);
            assert_eq!(code, refused.then_some(Code::StateNewer));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn directory_that_cannot_be_written() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(claim(&dir.path().join("absent")).unwrap_err().code, Code::StateUnwritable);
    }
}
