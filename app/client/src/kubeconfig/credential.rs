//! By what the API server knows the user, as far as the kubeconfig itself or a file that it names holds it.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use hawser_fault::{Code, Fault};

use super::certificate::{certificates, check_key, not_after};
use super::data::data_or_file;
use super::file::{Entry, Place, UserFields, read_bounded, unreadable};
use super::secret::Secret;

/// By what the API server knows the user. Times of expiry are as the credential itself tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// By nothing.
    None,
    /// A bearer token. That of a file may be replaced at any time: ask again at least once a minute, as kubectl does.
    Token {
        /// Printable ASCII without spaces.
        token: Secret,
        /// Until when it can be used, if that is known.
        expires: Option<SystemTime>,
    },
    /// A user name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A client certificate.
    Certificate {
        /// PEM, the user's own first.
        chain: Vec<u8>,
        /// PEM, without a passphrase.
        key: Secret,
        /// Until when it can be used, if that is known.
        expires: Option<SystemTime>,
    },
}

impl Credential {
    /// Until when it can be used, if that is known.
    pub fn expires(&self) -> Option<SystemTime> {
        match self {
            Self::None | Self::Basic { .. } => None,
            Self::Token { expires, .. } | Self::Certificate { expires, .. } => *expires,
        }
    }

    /// A token, once it is known to fit into a header; `origin` is what faults call it.
    pub(super) fn token(text: &str, expires: Option<SystemTime>, origin: &str) -> Result<Self, Fault> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed(format!("{origin} has characters that no token can have")));
        }
        check_time(expires, origin)?;
        Ok(Self::Token { token: Secret::from(text.to_owned()), expires })
    }

    /// A certificate, once it and its key can be read. It expires at its own end or at `expires`, whichever comes first.
    pub(super) fn certificate(
        chain: Vec<u8>,
        key: Vec<u8>,
        expires: Option<SystemTime>,
        origin: &str,
    ) -> Result<Self, Fault> {
        let found = certificates(&chain).map_err(|why| malformed(format!("the certificate of {origin} {why}")))?;
        check_key(&key).map_err(|why| malformed(format!("the key of {origin} {why}")))?;
        let key = String::from_utf8(key).map_err(|_| malformed(format!("the key of {origin} is not PEM")))?;
        let end = found.first().and_then(|own| not_after(own));
        let expires = [end, expires].into_iter().flatten().min();
        check_time(expires, origin)?;
        Ok(Self::Certificate { chain, key: Secret::from(key), expires })
    }
}

/// What the entry itself holds, of several the one that kubectl lets count; `None` if that is nothing.
pub(super) fn held(name: &str, entry: &Entry<UserFields>) -> Result<Option<Credential>, Fault> {
    let Entry { place, fields } = entry;
    let has_login = !fields.username.is_empty() || !fields.password.is_empty();
    if has_login && !fields.token.is_empty() {
        let why = format!("the user {name:?} has both a token and a password, which kubectl refuses too");
        return Err(place.malformed(why));
    }

    // A server that gets a certificate and a token goes by the certificate.
    if let Some(credential) = certificate(name, place, fields)? {
        return Ok(Some(credential));
    }
    if let Some(credential) = token(name, place, fields)? {
        return Ok(Some(credential));
    }
    if fields.username.is_empty() {
        return Ok(None);
    }
    Ok(Some(Credential::Basic { user: fields.username.to_string(), password: Secret::clone(&fields.password) }))
}

fn certificate(name: &str, place: &Place, fields: &UserFields) -> Result<Option<Credential>, Fault> {
    let (data, file) = (&fields.client_certificate_data, &fields.client_certificate);
    let Some(chain) = data_or_file(place, "client-certificate", data, file)? else { return Ok(None) };
    let key = data_or_file(place, "client-key", fields.client_key_data.reveal(), &fields.client_key)?;
    let Some(key) = key else {
        return Err(place.malformed(format!("the user {name:?} has a client-certificate but no client-key")));
    };
    Credential::certificate(chain, key, None, &format!("the user {name:?} ({place})")).map(Some)
}

/// A token file counts before a token, which is its stand-in while the file can't be read.
fn token(name: &str, place: &Place, fields: &UserFields) -> Result<Option<Credential>, Fault> {
    let of_entry = || {
        let origin = format!("the token of the user {name:?} ({place})");
        Credential::token(fields.token.reveal(), None, &origin).map(Some)
    };
    if fields.token_file.is_empty() {
        return if fields.token.is_empty() { Ok(None) } else { of_entry() };
    }

    let path = place.resolve(&fields.token_file);
    let text = match read_bounded(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(_) if !fields.token.is_empty() => return of_entry(),
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let origin = format!("the token file {}", path.display());
    match text.as_str() {
        "" if !fields.token.is_empty() => of_entry(),
        "" => Err(malformed(format!("{origin} is empty"))),
        token => Credential::token(token, None, &origin).map(Some),
    }
}

fn malformed(why: String) -> Fault {
    Fault::new(Code::CredentialMalformed, why)
}

fn check_time(expires: Option<SystemTime>, origin: &str) -> Result<(), Fault> {
    let now = SystemTime::now();
    match expires {
        Some(end) if end <= now => {
            let detail = format!("{origin} expired at {}, and this computer's clock says {}", shown(end), shown(now));
            Err(Fault::new(Code::CredentialExpired, detail))
        }
        _ => Ok(()),
    }
}

/// A time of RFC 3339, to the second.
fn shown(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "an impossible time".to_owned(), |time| time.to_string())
}
