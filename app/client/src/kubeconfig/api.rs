//! The API server of a kubeconfig's context, to be asked by the user's own program.

use std::time::Duration;

use hawser_fault::Fault;
use hawser_kube as kube;

use super::{Access, Cluster, Credential, Environment, Impersonation, Interaction, Proxy, ProxyKind};

impl Access {
    /// Obtains the credential and opens the way to the server. Nothing is dialled yet.
    ///
    /// # Errors
    /// Those of [`Access::credential`]; `kubeconfig-malformed` if server or credential cannot be used.
    pub async fn api(
        &self,
        environment: &Environment,
        interaction: Interaction<'_>,
        limit: Duration,
    ) -> Result<kube::Api, Fault> {
        let credential = self.credential(environment, interaction, limit).await?;
        self.api_as(credential)
    }

    /// The way to the server with a credential that was obtained before. Nothing is dialled yet.
    ///
    /// # Errors
    /// `kubeconfig-malformed` if server or credential cannot be used.
    pub fn api_as(&self, credential: Credential) -> Result<kube::Api, Fault> {
        let access = kube::Access {
            server: server(&self.cluster),
            credential: known_by(credential),
            impersonation: self.impersonation.as_ref().map(impersonation),
        };
        Ok(kube::Api::new(&access)?)
    }
}

fn server(cluster: &Cluster) -> kube::Server {
    kube::Server {
        url: cluster.server.to_string(),
        certificate_authority: cluster.certificate_authority.clone(),
        tls_server_name: cluster.tls_server_name.clone(),
        insecure_skip_tls_verify: cluster.insecure_skip_tls_verify,
        proxy: cluster.proxy.as_ref().map(proxy),
    }
}

fn proxy(proxy: &Proxy) -> kube::Proxy {
    kube::Proxy {
        kind: match proxy.kind {
            ProxyKind::Http => kube::ProxyKind::Http,
            ProxyKind::Https => kube::ProxyKind::Https,
            ProxyKind::Socks5 => kube::ProxyKind::Socks5,
        },
        host: proxy.host.clone(),
        port: proxy.port,
        login: proxy.login.as_ref().map(|(user, password)| (user.clone(), password.reveal().to_owned())),
    }
}

fn known_by(credential: Credential) -> kube::Credential {
    match credential {
        Credential::None => kube::Credential::None,
        Credential::Token { token, .. } => kube::Credential::Token(token.reveal().to_owned()),
        Credential::Basic { user, password } => {
            kube::Credential::Basic { user, password: password.reveal().to_owned() }
        }
        Credential::Certificate { chain, key, .. } => {
            kube::Credential::Certificate { chain, key: key.reveal().as_bytes().to_vec() }
        }
    }
}

fn impersonation(other: &Impersonation) -> kube::Impersonation {
    kube::Impersonation {
        user: other.user.clone().unwrap_or_default(),
        uid: other.uid.clone(),
        groups: other.groups.clone(),
        extra: other.extra.clone(),
    }
}
