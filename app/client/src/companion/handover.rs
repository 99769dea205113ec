//! A user's programs hand the companion the environment in which a connection was asked for: plugins need it later. `hawser
//! login` hands over what a plugin gave it at a terminal too.
//!
//! On the wire it is the connection's name, the working directory, the four fields of the login (empty without one), and each
//! variable, each ended by a zero byte, all of it after its length in four bytes (big endian); the answer is one byte.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::kubeconfig::{Credential, Environment, Secret};

/// Bytes of a name and an environment; Linux gives a program 2 MB with its arguments (execve(2)).
const LONGEST: u32 = 4 * 1024 * 1024;
const TIME: Duration = Duration::from_secs(5);
const TAKEN: u8 = 1;

/// What is handed over.
#[derive(PartialEq, Eq)]
pub struct Handover {
    /// Its name.
    pub connection: String,
    /// Where it was asked for.
    pub environment: Environment,
    /// What the user has just logged in with.
    pub login: Option<Credential>,
}

/// Hands this to the companion at `socket`.
///
/// # Errors
/// If nobody takes it within five seconds.
pub async fn hand_over(socket: &Path, handover: &Handover) -> io::Result<()> {
    let handing = async {
        let mut stream = UnixStream::connect(socket).await?;
        let bytes = encode(handover);
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST);
        stream.write_u32(length.ok_or(io::ErrorKind::FileTooLarge)?).await?;
        stream.write_all(&bytes).await?;
        match stream.read_u8().await? {
            TAKEN => Ok(()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    };
    timeout(TIME, handing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Takes over what one of the user's own programs has to hand.
pub async fn take_over(mut stream: UnixStream) -> io::Result<Handover> {
    if stream.peer_cred()?.uid() != nix::unistd::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let taking = async {
        let length = stream.read_u32().await?;
        if length > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = vec![0; length as usize];
        stream.read_exact(&mut bytes).await?;
        let handover = decode(&bytes).ok_or(io::ErrorKind::InvalidData)?;
        stream.write_u8(TAKEN).await?;
        Ok(handover)
    };
    timeout(TIME, taking).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn encode(handover: &Handover) -> Vec<u8> {
    let Handover { connection, environment, login } = handover;
    let mut bytes = Vec::new();
    let mut push = |parts: &[&[u8]]| {
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        bytes.push(0);
    };
    push(&[connection.as_bytes()]);
    push(&[environment.directory.as_os_str().as_bytes()]);
    let expires = login.as_ref().and_then(Credential::expires).map_or_else(String::new, milliseconds);
    let fields: [&[u8]; 4] = match login {
        Some(Credential::Token { token, .. }) => [b"token", expires.as_bytes(), token.reveal().as_bytes(), b""],
        Some(Credential::Certificate { chain, key, .. }) => {
            [b"certificate", expires.as_bytes(), chain, key.reveal().as_bytes()]
        }
        // A password is the kubeconfig's own, so nobody has to log in for it.
        Some(Credential::Basic { .. } | Credential::None) | None => [b""; 4],
    };
    fields.into_iter().for_each(|field| push(&[field]));
    for (name, value) in &environment.variables {
        push(&[name.as_bytes(), b"=", value.as_bytes()]);
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Handover> {
    let mut parts = bytes.strip_suffix(&[0])?.split(|byte| *byte == 0);
    let connection = String::from_utf8(parts.next()?.to_vec()).ok()?;
    let directory = PathBuf::from(OsString::from_vec(parts.next()?.to_vec()));
    let login = login([parts.next()?, parts.next()?, parts.next()?, parts.next()?])?;
    let variable = |part: &[u8]| {
        let equals = part.iter().skip(1).position(|byte| *byte == b'=')? + 1;
        let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        Some((text(&part[..equals]), text(&part[equals + 1..])))
    };
    let variables = parts.map(variable).collect::<Option<_>>()?;
    let environment = Environment { variables, directory };
    environment.directory.is_absolute().then_some(Handover { connection, environment, login })
}

/// `None` if the fields make no sense.
fn login([kind, expires, first, second]: [&[u8]; 4]) -> Option<Option<Credential>> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let expires = match text(expires)?.as_str() {
        "" => None,
        milliseconds => Some(UNIX_EPOCH + Duration::from_millis(milliseconds.parse().ok()?)),
    };
    Some(match kind {
        b"" => None,
        b"token" => Some(Credential::Token { token: Secret::from(text(first)?), expires }),
        b"certificate" => {
            Some(Credential::Certificate { chain: first.to_vec(), key: Secret::from(text(second)?), expires })
        }
        _ => return None,
    })
}

fn milliseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    #[tokio::test]
    async fn an_environment_arrives_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let variables =
            [("A", "1"), ("EMPTY", ""), ("PATHS", "/a:/b=c")].map(|(name, value)| (name.into(), value.into()));
        let odd = (OsString::from("ODD"), OsString::from_vec(vec![0xff, b'\n']));
        let environment =
            Environment { variables: variables.into_iter().chain([odd]).collect(), directory: "/home/ann".into() };
        let expires = Some(UNIX_EPOCH + Duration::from_millis(1_700_000_000_123));
        let secret = |text: &str| Secret::from(text.to_owned());
        for login in [
            None,
            Some(Credential::Token { token: secret("abc"), expires: None }),
            Some(Credential::Token { token: secret("abc"), expires }),
            Some(Credential::Certificate { chain: b"chain".to_vec(), key: secret("key"), expires }),
        ] {
            let handover = Handover { connection: "shop".to_owned(), environment: environment.clone(), login };
            let (handed, taken) = tokio::join!(hand_over(&socket, &handover), async {
                take_over(listener.accept().await.unwrap().0).await.unwrap()
            });
            handed.unwrap();
            assert!(taken == handover);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bytes in [
            &b""[..],
            b"shop",
            b"shop\0",
            b"shop\0/a\0",
            b"shop\0relative\0\0\0\0\0",
            b"shop\0/a\0\0\0\0\0NOVALUE\0",
            b"shop\0/a\0ticket\0\0a\0\0",
            b"shop\0/a\0token\0soon\0a\0\0",
            b"\xff\0/a\0\0\0\0\0",
        ] {
            assert!(decode(bytes).is_none(), "{bytes:?}");
        }
    }
}
