//! The little that has to be known of certificates before TLS sees them: whether the PEM holds any, and until when.

use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The certificates in a PEM file; what is between them is ignored.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("holds no certificate"),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err("is malformed PEM"),
    }
}

/// Checks that a PEM file holds a private key that needs no passphrase.
pub(super) fn check_key(pem: &[u8]) -> Result<(), &'static str> {
    PrivateKeyDer::from_pem_slice(pem)
        .map(drop)
        .map_err(|_| "holds no private key that can be read without a passphrase")
}

/// When a certificate ends (RFC 5280, section 4.1.2.5); `None` if it isn't one.
pub(super) fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    const INTEGER: u8 = 0x02;
    const SEQUENCE: u8 = 0x30;
    const EXPLICIT_VERSION: u8 = 0xa0;

    let mut rest = certificate;
    let mut signed = expect(&mut rest, SEQUENCE)?;
    let mut fields = expect(&mut signed, SEQUENCE)?;
    if fields.first() == Some(&EXPLICIT_VERSION) {
        expect(&mut fields, EXPLICIT_VERSION)?;
    }
    expect(&mut fields, INTEGER)?; // serial number
    expect(&mut fields, SEQUENCE)?; // signature algorithm
    expect(&mut fields, SEQUENCE)?; // issuer
    let mut validity = expect(&mut fields, SEQUENCE)?;
    element(&mut validity)?; // not before
    let (tag, text) = element(&mut validity)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

/// `YYMMDDHHMMSSZ` (UTCTime) or `YYYYMMDDHHMMSSZ` (GeneralizedTime).
fn time(tag: u8, text: &str) -> Option<SystemTime> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;

    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    let (year, digits) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year: i16 = digits[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (digits[..4].parse().ok()?, &digits[4..]),
        _ => return None,
    };
    let pair = |index: usize| digits[2 * index..2 * index + 2].parse::<i8>().ok();
    let time = DateTime::new(year, pair(0)?, pair(1)?, pair(2)?, pair(3)?, pair(4)?, 0).ok()?;
    Some(SystemTime::from(time.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

fn expect<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    element(input).filter(|(found, _)| *found == tag).map(|(_, contents)| contents)
}

/// Takes one DER element (X.690, section 8.1) off the front: its tag and its contents.
fn element<'a>(input: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, first], rest) = input.split_first_chunk()?;
    let (length, rest) = match usize::from(first) {
        short @ ..=0x7f => (short, rest),
        long @ 0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(long - 0x80)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some((tag, contents))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::testing::{CERTIFICATE, EXPIRED, KEY};

    fn seconds(time: SystemTime) -> u64 {
        time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        for (pem, expected) in [(CERTIFICATE, 4_102_444_798), (EXPIRED, 981_173_106)] {
            let certificates = certificates(pem.as_bytes()).unwrap();
            assert_eq!(not_after(&certificates[0]).map(seconds), Some(expected));
        }
        let table = [
            (0x17, "490203040506Z", Some(2_495_937_906)),
            (0x17, "700101000000Z", Some(0)),
            (0x18, "20990230000000Z", None),
            (0x17, "20990101000000Z", None),
            (0x18, "990101000000Z", None),
            (0x17, "9901010000Z", None),
            (0x17, "990101000000", None),
            (0x17, "99010100000+Z", None),
            (0x04, "990101000000Z", None),
        ];
        for (tag, text, expected) in table {
            assert_eq!(time(tag, text).map(seconds), expected, "{text}");
        }
    }

    #[test]
    fn no_cut_or_flipped_certificate_makes_it_panic() {
        let whole = certificates(CERTIFICATE.as_bytes()).unwrap().remove(0);
        for end in 0..whole.len() {
            assert_eq!(not_after(&whole[..end]), None, "{end}");
        }
        for index in 0..whole.len() {
            let mut flipped = whole.to_vec();
            flipped[index] ^= 0xff;
            let _ = not_after(&flipped);
        }
    }

    #[test]
    fn pem_that_holds_nothing_is_refused() {
        assert_eq!(certificates(format!("{CERTIFICATE}junk\n{EXPIRED}").as_bytes()).unwrap().len(), 2);
        for pem in
            ["", "junk", KEY, "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", &CERTIFICATE[..200]]
        {
            assert!(certificates(pem.as_bytes()).is_err(), "{pem}");
        }
        assert!(check_key(KEY.as_bytes()).is_ok());
        for pem in ["", CERTIFICATE, &KEY.replace("PRIVATE", "ENCRYPTED PRIVATE")] {
            assert!(check_key(pem.as_bytes()).is_err(), "{pem}");
        }
    }
}
