//! Who is at each end of a tunnel: a key pair, and the hash by which the other side pins it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ring::signature::Ed25519KeyPair;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

/// SHA-256 of a public key in SubjectPublicKeyInfo form (RFC 7469, section 2.4, without the base64).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

/// A text that is not a pin.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not sha256: followed by 64 hexadecimal digits")]
pub struct PinError(String);

impl Pin {
    /// The pin of a public key in DER SubjectPublicKeyInfo form.
    pub fn of(spki: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, spki);
        Self(digest.as_ref().try_into().expect("a SHA-256 digest has 32 bytes"))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let wrong = || PinError(text.chars().take(80).collect());
        let digits = text.strip_prefix("sha256:").ok_or_else(wrong)?.as_bytes();
        if digits.len() != 64 {
            return Err(wrong());
        }
        let mut pin = [0; 32];
        for (byte, pair) in pin.iter_mut().zip(digits.chunks_exact(2)) {
            let high = (pair[0] as char).to_digit(16).ok_or_else(wrong)?;
            let low = (pair[1] as char).to_digit(16).ok_or_else(wrong)?;
            *byte = (high * 16 + low) as u8;
        }
        Ok(Self(pin))
    }
}

/// An Ed25519 key pair. It is used as a raw public key (RFC 7250), so there is no certificate to parse or to expire.
pub struct Identity {
    pkcs8: Vec<u8>,
    pub(crate) key: Arc<CertifiedKey>,
    pin: Pin,
}

/// A key that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The system's random generator failed.
    #[error("no key could be made: the random generator failed")]
    Random,
    /// The bytes are no private key that this build can use.
    #[error("not a private key in PKCS#8 form: {0}")]
    Malformed(rustls::Error),
    /// The key has no public half.
    #[error("the private key does not yield its public key")]
    NoPublicKey,
}

impl Identity {
    /// Makes a new key pair.
    ///
    /// # Errors
    /// [`IdentityError::Random`] if the system has no randomness to give.
    pub fn generate() -> Result<Self, IdentityError> {
        let random = ring::rand::SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| IdentityError::Random)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// Reads a key pair in PKCS#8 (DER) form.
    ///
    /// # Errors
    /// Fails if the bytes are not a private key of a supported kind.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, IdentityError> {
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bytes.to_vec()));
        let signing = any_supported_type(&der).map_err(IdentityError::Malformed)?;
        let spki = signing.public_key().ok_or(IdentityError::NoPublicKey)?.to_vec();
        let pin = Pin::of(&spki);
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], signing));
        Ok(Self { pkcs8: bytes.to_vec(), key, pin })
    }

    /// The private key in PKCS#8 form, for keeping in a file that only its owner can read.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The pin of the public key.
    pub fn pin(&self) -> Pin {
        self.pin
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_they_are_written() {
        let pin = Identity::generate().unwrap().pin();
        assert_eq!(pin.to_string().parse::<Pin>().unwrap(), pin);
        assert_eq!(pin.to_string().len(), 7 + 64);
    }

    #[test]
    fn what_is_no_pin_is_refused() {
        let good = Identity::generate().unwrap().pin().to_string();
        for bad in ["", "sha256:", "sha1:00", &good[7..], &good[..70], &good.replace('a', "g").replace('0', "x")] {
            assert!(bad.parse::<Pin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_survives_its_file() {
        let identity = Identity::generate().unwrap();
        assert_eq!(Identity::from_pkcs8(identity.pkcs8()).unwrap().pin(), identity.pin());
        assert!(Identity::from_pkcs8(b"nonsense").is_err());
    }
}
