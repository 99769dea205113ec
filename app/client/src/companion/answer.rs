//! The answer to a question of the helper: who the user is to a cluster.

use std::time::{Duration, UNIX_EPOCH};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::access::Credential as Given;
use hawser_ipc::proto::{self, CredentialRequest};

use super::logins::Logins;
use crate::kubeconfig::{self, Access, Credential, Environment, Interaction, Proxy, ProxyKind, Selection};

/// How long a plugin may take. The helper waits a little longer.
const PLUGIN_TIME: Duration = Duration::from_secs(60);

/// Reads the profile's kubeconfigs anew and obtains the credential. Where that takes a person, what the user logged in with does
/// for as long as it holds.
pub async fn credential(
    request: &CredentialRequest,
    environment: &Environment,
    logins: &Logins,
) -> Result<proto::Access, Fault> {
    let access = load(request, environment)?;
    match access.credential(environment, Interaction::Unattended, PLUGIN_TIME).await {
        Ok(credential) => Ok(message(&access, credential, false)),
        Err(fault) => {
            if !matches!(fault.code, Code::LoginRequired | Code::PluginFailed | Code::PluginTimedOut) {
                return Err(fault);
            }
            let login = logins.of(&request.connection, &access).await;
            login.map(|login| message(&access, login, true)).ok_or(fault)
        }
    }
}

/// Reads the profile's kubeconfigs anew and says where the cluster is and how it is asked, without the credential.
pub fn server(request: &CredentialRequest, environment: &Environment) -> Result<proto::Access, Fault> {
    Ok(message(&load(request, environment)?, Credential::None, false))
}

fn load(request: &CredentialRequest, environment: &Environment) -> Result<Access, Fault> {
    let selection: Selection = serde_json::from_str(&request.profile).map_err(|error| {
        Fault::new(Code::Internal, format!("the profile of {} is damaged: {error}", request.connection))
    })?;
    kubeconfig::load(&selection, environment)
}

fn message(access: &Access, credential: Credential, attended: bool) -> proto::Access {
    let expires = credential.expires().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let cluster = &access.cluster;
    proto::Access {
        server: cluster.server.to_string(),
        certificate_authority: cluster.certificate_authority.clone().unwrap_or_default(),
        tls_server_name: cluster.tls_server_name.clone().unwrap_or_default(),
        insecure_skip_tls_verify: cluster.insecure_skip_tls_verify,
        proxy: cluster.proxy.as_ref().map(proxy),
        credential: match credential {
            Credential::None => None,
            Credential::Token { token, .. } => Some(Given::Token(token.reveal().to_owned())),
            Credential::Basic { user, password } => {
                Some(Given::Basic(proto::Basic { user, password: password.reveal().to_owned() }))
            }
            Credential::Certificate { chain, key, .. } => {
                Some(Given::Certificate(proto::Certificate { chain, key: key.reveal().as_bytes().to_vec() }))
            }
        },
        attended,
        expires: expires.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        impersonation: access.impersonation.as_ref().map(|other| proto::Impersonation {
            user: other.user.clone().unwrap_or_default(),
            uid: other.uid.clone().unwrap_or_default(),
            groups: other.groups.clone(),
            extra: other
                .extra
                .iter()
                .map(|(key, values)| proto::Extra { key: key.clone(), values: values.clone() })
                .collect(),
        }),
    }
}

fn proxy(proxy: &Proxy) -> proto::Proxy {
    let (user, password) = match &proxy.login {
        Some((user, password)) => (user.clone(), password.reveal().to_owned()),
        None => Default::default(),
    };
    let kind = match proxy.kind {
        ProxyKind::Http => "http",
        ProxyKind::Https => "https",
        ProxyKind::Socks5 => "socks5",
    };
    proto::Proxy { kind: kind.to_owned(), host: proxy.host.clone(), port: proxy.port.into(), user, password }
}
