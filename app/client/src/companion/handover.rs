//! A user's programs hand the companion the environment in which a connection was asked for: plugins need it later. `hawser
//! login` hands over what a plugin gave it at a terminal too.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::kubeconfig::Environment;
use crate::secrets::Login;

/// What is handed over.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Handover {
    /// The connection's name.
    pub connection: String,
    /// Where it was asked for.
    pub environment: Environment,
    /// What the user has just logged in with.
    pub login: Option<Login>,
}

/// On its way. Paths and variables can be any bytes but zero.
#[derive(Serialize, Deserialize)]
struct Written {
    connection: String,
    /// Base64.
    directory: String,
    /// Base64 of `NAME=value`, each ended by a zero byte.
    variables: String,
    login: Option<Login>,
}

impl From<Handover> for Written {
    fn from(Handover { connection, environment, login }: Handover) -> Self {
        let mut variables = Vec::new();
        for (name, value) in &environment.variables {
            for part in [name.as_bytes(), b"=", value.as_bytes(), b"\0"] {
                variables.extend_from_slice(part);
            }
        }
        let directory = STANDARD.encode(environment.directory.as_os_str().as_bytes());
        Self { connection, directory, variables: STANDARD.encode(variables), login }
    }
}

impl TryFrom<Written> for Handover {
    type Error = &'static str;

    fn try_from(Written { connection, directory, variables, login }: Written) -> Result<Self, Self::Error> {
        let bytes = |text: String| STANDARD.decode(text).map_err(|_| "it is not base64");
        let directory = PathBuf::from(OsString::from_vec(bytes(directory)?));
        if !directory.is_absolute() {
            return Err("the directory is relative");
        }
        let variables = bytes(variables)?;
        let lines = variables.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        let variables = lines.map(variable).collect::<Option<_>>().ok_or("a variable has no value")?;
        Ok(Self { connection, environment: Environment { variables, directory }, login })
    }
}

fn variable(line: &[u8]) -> Option<(OsString, OsString)> {
    let equals = line.iter().skip(1).position(|byte| *byte == b'=')? + 1;
    let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    Some((text(&line[..equals]), text(&line[equals + 1..])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::testing::login;

    #[test]
    fn everything_arrives() {
        let odd = OsString::from_vec(vec![0xff, b'\n', b'=']);
        let variables = [("A".into(), "b=c".into()), ("EMPTY".into(), "".into()), ("ODD".into(), odd.clone())].into();
        let environment = Environment { variables, directory: PathBuf::from("/").join(odd) };
        for login in [None, Some(login("abc", None))] {
            let handover = Handover { connection: "shop".to_owned(), environment: environment.clone(), login };
            let text = serde_json::to_vec(&handover).unwrap();
            assert!(serde_json::from_slice::<Handover>(&text).unwrap() == handover);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let base64 = |text: &str| STANDARD.encode(text);
        for (directory, variables) in [
            (base64("a"), base64("A=b\0")),
            (base64("/a"), base64("NOVALUE\0")),
            ("?".to_owned(), base64("")),
            (base64("/a"), "?".to_owned()),
        ] {
            let written = Written { connection: "shop".to_owned(), directory, variables, login: None };
            let text = serde_json::to_vec(&written).unwrap();
            assert!(serde_json::from_slice::<Handover>(&text).is_err(), "{}", String::from_utf8_lossy(&text));
        }
    }
}
