//! What a person logged in with, and how it is written down.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::kubeconfig::{Access, Credential, Secret, host_and_port};

/// What a person logged in with. It is good for one user of one server: a connection's name may mean another cluster tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Login {
    /// `host:port` of the API server.
    pub server: String,
    /// The kubeconfig's name for the user.
    pub user: String,
    /// A token or a certificate.
    pub credential: Credential,
}

impl Login {
    /// A credential that was obtained for this access. Nobody has to log in for a password, which is the kubeconfig's own, or
    /// for nothing.
    pub fn of(access: &Access, credential: Credential) -> Option<Self> {
        let is_login = matches!(credential, Credential::Token { .. } | Credential::Certificate { .. });
        let (server, user) = whose(access);
        is_login.then_some(Self { server, user, credential })
    }

    /// Whether it may be shown to this server as this user.
    pub fn is_for(&self, access: &Access) -> bool {
        (self.server.clone(), self.user.clone()) == whose(access)
    }

    /// Whether it can still be used, as far as it tells itself.
    pub fn holds(&self) -> bool {
        self.credential.expires().is_none_or(|at| at > SystemTime::now())
    }
}

fn whose(access: &Access) -> (String, String) {
    (host_and_port(&access.cluster.server), access.user_name.clone().unwrap_or_default())
}

/// A login in a keyring, a file, or on its way to the companion.
#[derive(Clone, Serialize, Deserialize)]
struct Written {
    server: String,
    user: String,
    /// Of a login by token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// PEM, of a login by certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

impl From<Login> for Written {
    fn from(login: Login) -> Self {
        let expires = login.credential.expires().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let expires = expires.and_then(|since| u64::try_from(since.as_millis()).ok());
        let bare = Self { server: login.server, user: login.user, token: None, certificate: None, key: None, expires };
        match login.credential {
            Credential::Token { token, .. } => Self { token: Some(token.reveal().to_owned()), ..bare },
            Credential::Certificate { chain, key, .. } => {
                let certificate = String::from_utf8_lossy(&chain).into_owned();
                Self { certificate: Some(certificate), key: Some(key.reveal().to_owned()), ..bare }
            }
            Credential::Basic { .. } | Credential::None => bare,
        }
    }
}

impl TryFrom<Written> for Login {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { server, user, token, certificate, key, expires } = written;
        let time = |since| UNIX_EPOCH.checked_add(Duration::from_millis(since)).ok_or("its end is no time");
        let expires = expires.map(time).transpose()?;
        let credential = match (token, certificate, key) {
            (Some(token), None, None) => Credential::Token { token: Secret::from(token), expires },
            (None, Some(chain), Some(key)) => {
                Credential::Certificate { chain: chain.into_bytes(), key: Secret::from(key), expires }
            }
            _ => return Err("it is neither a token nor a certificate with its key"),
        };
        Ok(Self { server, user, credential })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::testing::{kubeconfig, load_text};
    use crate::secrets::testing::login;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        let end = UNIX_EPOCH + Duration::from_millis(4_000_000_000_123);
        let certificate =
            Credential::Certificate { chain: b"chain".to_vec(), key: "key".to_owned().into(), expires: None };
        for login in [login("abc", None), login("abc", Some(end)), Login { credential: certificate, ..login("", None) }]
        {
            let text = serde_json::to_string(&login).unwrap();
            assert_eq!(serde_json::from_str::<Login>(&text).unwrap(), login);
        }
        for text in [
            r#"{"server": "a", "user": "u"}"#,
            r#"{"server": "a", "user": "u", "token": "t", "key": "k"}"#,
            r#"{"server": "a", "user": "u", "certificate": "c"}"#,
            r#"{"user": "u", "token": "t"}"#,
        ] {
            assert!(serde_json::from_str::<Login>(text).is_err(), "{text}");
        }
        assert!(!format!("{:?}", login("tops3cret", None)).contains("tops3cret"));
    }

    #[test]
    fn a_login_is_for_its_server_and_user_and_for_its_time() {
        let access = |server: &str| load_text(&kubeconfig(&format!("{{server: 'https://{server}'}}"), "{}")).unwrap();
        assert!(login("t", None).is_for(&access("10.0.0.1:6443")));
        assert!(!login("t", None).is_for(&access("10.0.0.2:6443")));
        assert!(!Login { user: "v".to_owned(), ..login("t", None) }.is_for(&access("10.0.0.1:6443")));
        let now = SystemTime::now();
        assert!(login("t", None).holds() && login("t", Some(now + Duration::from_secs(60))).holds());
        assert!(!login("t", Some(now)).holds());
        assert!(Login::of(&access("a:1"), Credential::None).is_none());
    }
}
