//! Texts as one zip file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hawser_fault::{Code, Fault};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::Entry;

/// Writes a new file; what is there already stays as it is.
pub(super) fn write(path: &Path, contents: &Entry, entries: &[Entry]) -> Result<(), Fault> {
    let unwritable = |error: io::Error| {
        Fault::new(Code::FileUnwritable, format!("the file {} could not be written: {error}", path.display()))
    };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => is_there(path),
        _ => unwritable(error),
    })?;
    compress(file, contents, entries).map_err(|error| {
        let _ = fs::remove_file(path);
        unwritable(error)
    })
}

/// That nothing is overwritten.
pub(super) fn is_there(path: &Path) -> Fault {
    Fault::new(Code::FileUnwritable, format!("the file {} is there already", path.display()))
        .with_fix("Move it away, or name another with --output.")
}

fn compress(file: File, contents: &Entry, entries: &[Entry]) -> io::Result<()> {
    let mut archive = ZipWriter::new(file);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(0o600)
        .last_modified_time(now());
    for Entry { name, text } in std::iter::once(contents).chain(entries) {
        archive.start_file(name.as_str(), options)?;
        archive.write_all(text.as_bytes())?;
    }
    archive.finish()?.sync_all()
}

fn now() -> DateTime {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).unwrap_or_default();
    let year = u16::try_from(now.year()).unwrap_or_default();
    let [month, day, hour, minute, second] = [now.month(), now.day(), now.hour(), now.minute(), now.second()].map(part);
    DateTime::from_date_and_time(year, month, day, hour, minute, second).unwrap_or_default()
}
