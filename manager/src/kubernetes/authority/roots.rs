//! Authorities in their order, oldest first: when there is to be another one, and whose turn it is to sign.
//!
//! A pod's agent knows the authorities of the day on which the pod was made, for good. So a new one is published long before it
//! signs anything, and the former one signs until shortly before its end: an agent loses its manager only if its pod lives
//! longer than the overlap.

use std::time::Duration;

use hawser_fault::{Code, Fault};
use k8s_openapi::jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::certified_name;
use crate::limits;

/// One authority.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Its certificate, in PEM.
    certificate: String,
    /// Its key, in PEM (PKCS #8).
    key: String,
    /// When it was made.
    made: Timestamp,
}

impl Root {
    fn make(namespace: &str, now: Timestamp) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = Self::parameters(namespace, now).self_signed(&key)?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem(), made: now })
    }

    /// A certificate for one replica, with a key of its own.
    pub fn issue(&self, namespace: &str, now: Timestamp) -> Result<CertifiedKey, Fault> {
        let broken = |error: String| Fault::new(Code::Internal, format!("no certificate could be made: {error}"));
        let certified = self.sign(namespace, now).map_err(|error| broken(error.to_string()))?;
        let (certificate, key) = certified;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = any_ecdsa_type(&key).map_err(|error| broken(error.to_string()))?;
        Ok(CertifiedKey::new(vec![certificate.into()], key))
    }

    fn sign(&self, namespace: &str, now: Timestamp) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
        let issuer = Issuer::new(Self::parameters(namespace, self.made), KeyPair::from_pem(&self.key)?);
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::new([certified_name(namespace)])?;
        parameters.distinguished_name = named(&certified_name(namespace));
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        (parameters.not_before, parameters.not_after) = span(now, limits::CERTIFICATE_LIFE.min(self.left(now)));
        Ok((parameters.signed_by(&key, &issuer)?, key))
    }

    fn parameters(namespace: &str, made: Timestamp) -> CertificateParams {
        let mut parameters = CertificateParams::default();
        // Each has a name of its own, so that nobody takes one for the other.
        parameters.distinguished_name = named(&format!("hawser {namespace} {made}"));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (parameters.not_before, parameters.not_after) = span(made, limits::AUTHORITY_LIFE);
        parameters
    }

    fn left(&self, now: Timestamp) -> Duration {
        let age = Duration::try_from(now.duration_since(self.made)).unwrap_or_default();
        limits::AUTHORITY_LIFE.saturating_sub(age)
    }
}

/// The authorities that there are to be, if they aren't those that there are.
pub fn rotated(roots: &[Root], namespace: &str, now: Timestamp) -> Option<Vec<Root>> {
    let mut next: Vec<Root> = roots.iter().filter(|root| !root.left(now).is_zero()).cloned().collect();
    if next.last().is_none_or(|newest| newest.left(now) < limits::AUTHORITY_OVERLAP) {
        match Root::make(namespace, now) {
            Ok(root) => next.push(root),
            Err(error) => tracing::error!(%error, "no authority could be made"),
        }
    }
    (next != roots).then_some(next)
}

/// Whose turn it is: the oldest's that isn't about to end.
pub fn signer(roots: &[Root], now: Timestamp) -> Option<&Root> {
    roots.iter().find(|root| root.left(now) > limits::AUTHORITY_LAST).or(roots.last())
}

/// All certificates, one after the other.
pub fn bundle(roots: &[Root]) -> String {
    roots.iter().map(|root| root.certificate.as_str()).collect()
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Begins earlier than it does: clocks differ.
fn span(from: Timestamp, life: Duration) -> (OffsetDateTime, OffsetDateTime) {
    let begin = OffsetDateTime::from_unix_timestamp(from.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (begin - limits::CLOCKS_DIFFER, begin + life)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use std::sync::Arc;

    fn day(number: u64) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + Duration::from_secs(number * 86_400)
    }

    /// Whether who trusts this bundle takes that certificate for a manager's.
    fn trusts(bundle: &str, certificate: &CertifiedKey, name: &str, now: Timestamp) -> bool {
        let mut store = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
            store.add(root.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build().unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().unsigned_abs()));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier.verify_server_cert(&certificate.cert[0], &[], &name, &[], now).is_ok()
    }

    #[test]
    fn who_trusts_the_authority_knows_the_managers_of_its_namespace() {
        let name = "hawser-manager-agents.tools.svc";
        let roots = rotated(&[], "tools", day(0)).unwrap();
        let own = signer(&roots, day(0)).unwrap().issue("tools", day(0)).unwrap();
        assert!(trusts(&bundle(&roots), &own, name, day(0)));
        assert!(!trusts(&bundle(&roots), &own, "hawser-manager-agents.other.svc", day(0)));
        assert!(!trusts(&bundle(&roots), &own, name, day(2)), "it is short-lived");
        let other = rotated(&[], "tools", day(0)).unwrap();
        assert!(!trusts(&bundle(&other), &own, name, day(0)));
    }

    #[test]
    fn an_agent_outlives_a_rotation() {
        let name = "hawser-manager-agents.tools.svc";
        let days = |life: Duration| life.as_secs() / 86_400;
        let made = rotated(&[], "tools", day(0)).unwrap();
        assert!(rotated(&made, "tools", day(1)).is_none());
        // The next one is published, and doesn't sign yet.
        let published = days(limits::AUTHORITY_LIFE - limits::AUTHORITY_OVERLAP) + 1;
        let both = rotated(&made, "tools", day(published)).unwrap();
        assert_eq!(both.len(), 2);
        assert!(rotated(&both, "tools", day(published)).is_none());
        let own = signer(&both, day(published)).unwrap().issue("tools", day(published)).unwrap();
        assert!(trusts(&bundle(&made), &own, name, day(published)), "an old agent still knows the managers");
        // The former one is about to end: agents made since then know its successor.
        let last = days(limits::AUTHORITY_LIFE - limits::AUTHORITY_LAST) + 1;
        let own = signer(&both, day(last)).unwrap().issue("tools", day(last)).unwrap();
        assert!(trusts(&bundle(&both), &own, name, day(last)));
        assert!(!trusts(&bundle(&made), &own, name, day(last)));
        let ended = rotated(&both, "tools", day(days(limits::AUTHORITY_LIFE))).unwrap();
        assert!(ended.len() == 1 && ended[0] == both[1]);
    }
}
