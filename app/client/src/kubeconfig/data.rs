//! Fields of a kubeconfig that come either as data or as the path of a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hawser_fault::Fault;

use super::file::{Place, read_bounded, unreadable};

/// What `NAME-data` or else the file `NAME` holds; `None` if neither is set.
///
/// # Errors
/// `kubeconfig-malformed` if both are set, as kubectl has it, or if the data is not base64; `file-unreadable`.
pub(super) fn data_or_file(place: &Place, name: &str, data: &str, file: &str) -> Result<Option<Vec<u8>>, Fault> {
    match (data, file) {
        ("", "") => Ok(None),
        (data, "") => {
            let data: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            let bytes = STANDARD.decode(data).map_err(|_| place.malformed(format!("its {name}-data is not base64")))?;
            Ok(Some(bytes))
        }
        ("", file) => {
            let path = place.resolve(file);
            let bytes = read_bounded(&path).map_err(|error| {
                let mut fault = unreadable(&path, &error);
                fault.detail = format!("{place}: the {name} there cannot be used: {}", fault.detail);
                fault
            })?;
            Ok(Some(bytes))
        }
        _ => Err(place
            .malformed(format!("it has both {name} and {name}-data, which kubectl refuses too"))
            .with_fix("Remove one of the two.")),
    }
}
