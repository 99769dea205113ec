//! The manager's own authority: whom the API server and agents trust when they call a replica.
//!
//! It's kept in the manager's Secret, so that it outlives replicas and is the same for all of them; who writes it first has
//! made it. Each replica signs a certificate for itself, which it never writes down.

mod roots;

use std::sync::Arc;

use hawser_fault::{Code, Fault};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::json;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::settings::Place;
use crate::limits;
use roots::Root;

/// The chart's Service before webhook and agents' port of all replicas.
pub const SERVICE: &str = "hawser-manager-agents";
/// The chart's Secret; empty until a manager fills it.
const SECRET: &str = "hawser-manager";
/// The key in it that holds the authorities and their keys.
const ROOTS: &str = "authorities.json";
/// The key in it that holds their certificates, for people.
const BUNDLE: &str = "ca.crt";
/// The webhook in the chart's configuration of it.
const WEBHOOK: &str = "pods.hawser.dev";

/// The name in the certificates of all replicas.
pub fn certified_name(namespace: &str) -> String {
    format!("{SERVICE}.{namespace}.svc")
}

/// The authority, as this replica knows it.
pub struct Authority {
    secrets: Api<Secret>,
    webhooks: Api<MutatingWebhookConfiguration>,
    namespace: String,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    roots: Vec<Root>,
    own: Option<Arc<CertifiedKey>>,
    /// Whose certificate that is, and when the next one is due.
    signer: Option<(Root, Timestamp)>,
}

impl Authority {
    /// Begins to keep it.
    pub fn keep(client: &Client, place: &Place) -> Arc<Self> {
        let authority = Arc::new(Self {
            secrets: Api::namespaced(client.clone(), &place.namespace),
            webhooks: Api::all(client.clone()),
            namespace: place.namespace.clone(),
            known: RwLock::default(),
        });
        let keeping = authority.clone();
        tokio::spawn(async move {
            loop {
                let wait = match keeping.look_after().await {
                    Ok(()) => limits::AUTHORITY_CHECK,
                    Err(fault) => {
                        tracing::warn!(%fault, "the authority is not up to date");
                        limits::AUTHORITY_RETRY
                    }
                };
                sleep(wait).await;
            }
        });
        authority
    }

    /// The certificates to trust, in PEM; `None` until they are known.
    pub fn bundle(&self) -> Option<String> {
        let known = self.known.read();
        known.own.as_ref().map(|_| roots::bundle(&known.roots))
    }

    /// The name in the certificates.
    pub fn name(&self) -> String {
        certified_name(&self.namespace)
    }

    /// TLS 1.3 with this replica's certificate of the moment, for these protocols (RFC 7301).
    ///
    /// # Errors
    /// `internal` if the TLS library doesn't know its own defaults.
    pub fn acceptor(self: &Arc<Self>, protocols: &[&str]) -> Result<TlsAcceptor, Fault> {
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(Own(self.clone())));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the Secret, rotates what is due there, renews the own certificate, and tells the API server.
    async fn look_after(&self) -> Result<(), Fault> {
        let refused = |error: kube::Error| Fault::new(Code::ApiRefused, format!("the manager's authority: {error}"));
        let roots = self.roots().await.map_err(refused)?;
        self.adopt(roots, Timestamp::now())?;
        self.tell_api_server().await.map_err(refused)
    }

    /// The authorities that the Secret holds, brought up to date.
    async fn roots(&self) -> Result<Vec<Root>, kube::Error> {
        loop {
            let secret = self.secrets.get(SECRET).await?;
            let kept = kept(&secret);
            let Some(next) = roots::rotated(&kept, &self.namespace, Timestamp::now()) else { return Ok(kept) };
            let data = [
                (ROOTS, ByteString(serde_json::to_vec(&next).map_err(kube::Error::SerdeError)?)),
                (BUNDLE, ByteString(roots::bundle(&next).into_bytes())),
            ];
            let patch = json!({
                "metadata": { "resourceVersion": secret.resource_version() },
                "data": data.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect::<serde_json::Map<_, _>>(),
            });
            match self.secrets.patch(SECRET, &PatchParams::default(), &Patch::Merge(&patch)).await {
                Ok(_) => {
                    tracing::info!(authorities = next.len(), "an authority was made");
                    return Ok(next);
                }
                // Another replica was faster: its authority is ours.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Signs a certificate for this replica, if the present one is another authority's or half its life is over.
    fn adopt(&self, roots: Vec<Root>, now: Timestamp) -> Result<(), Fault> {
        let mut known = self.known.write();
        let signer = roots::signer(&roots, now).cloned();
        let is_due = known.signer.as_ref().is_none_or(|(by, due)| Some(by) != signer.as_ref() || *due <= now);
        if let Some(signer) = signer.filter(|_| is_due) {
            known.own = Some(Arc::new(signer.issue(&self.namespace, now)?));
            known.signer = Some((signer, now + limits::CERTIFICATE_LIFE / 2));
        }
        known.roots = roots;
        Ok(())
    }

    async fn tell_api_server(&self) -> Result<(), kube::Error> {
        let name = format!("hawser-manager.{}", self.namespace);
        let present = self.webhooks.get(&name).await?;
        let bundle = self.bundle().unwrap_or_default().into_bytes();
        let webhook = present.webhooks.iter().flatten().find(|webhook| webhook.name == WEBHOOK);
        let told = webhook.and_then(|webhook| webhook.client_config.ca_bundle.as_ref());
        if told.is_some_and(|told| told.0 == bundle) {
            return Ok(());
        }
        let patch = json!({ "webhooks": [{ "name": WEBHOOK, "clientConfig": { "caBundle": ByteString(bundle) } }] });
        self.webhooks.patch(&name, &PatchParams::default(), &Patch::Strategic(&patch)).await.map(|_| ())
    }
}

/// What cannot be read counts as nothing: without an authority no agent could ever come in.
fn kept(secret: &Secret) -> Vec<Root> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(ROOTS));
    bytes
        .and_then(|bytes| {
            serde_json::from_slice(&bytes.0)
                .inspect_err(
                    |error| tracing::warn!(%error, "the Secret's authorities cannot be read; there will be new ones"),
                )
                .ok()
        })
        .unwrap_or_default()
}

/// Hands out the certificate of the moment.
struct Own(Arc<Authority>);

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Own")
    }
}

impl ResolvesServerCert for Own {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.known.read().own.clone()
    }
}
