//! A companion's answer as what the API server is asked with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto;
use hawser_kube::{Access, Credential, Impersonation, Proxy, ProxyKind, Server};

use crate::limits;

/// The access, and until when it holds if that is known.
///
/// # Errors
/// `internal` if the companion says what the contract doesn't know.
pub fn access(answer: proto::Access) -> Result<(Access, Option<SystemTime>), Fault> {
    use proto::access::Credential as Given;
    let credential = match answer.credential {
        None => Credential::None,
        Some(Given::Token(token)) => Credential::Token(token),
        Some(Given::Basic(proto::Basic { user, password })) => Credential::Basic { user, password },
        Some(Given::Certificate(proto::Certificate { chain, key })) => Credential::Certificate { chain, key },
    };
    let server = Server {
        url: answer.server,
        certificate_authority: Some(answer.certificate_authority).filter(|pem| !pem.is_empty()),
        tls_server_name: Some(answer.tls_server_name).filter(|name| !name.is_empty()),
        insecure_skip_tls_verify: answer.insecure_skip_tls_verify,
        proxy: answer.proxy.map(proxy).transpose()?,
    };
    let impersonation = answer.impersonation.map(|other| Impersonation {
        user: other.user,
        uid: Some(other.uid).filter(|uid| !uid.is_empty()),
        groups: other.groups,
        extra: other.extra.into_iter().map(|extra| (extra.key, extra.values)).collect(),
    });
    let expires = u64::try_from(answer.expires).ok().filter(|at| *at > 0);
    let expires = expires.map(|at| UNIX_EPOCH + Duration::from_millis(at));
    Ok((Access { server, credential, impersonation }, expires))
}

/// When to ask for another credential than one that came at `now` and holds until `expires`: before its end by half a minute, or
/// by a quarter of its life if that is shorter. One without an end may be a file's, and that may be replaced at any time.
pub fn renewal(now: SystemTime, expires: Option<SystemTime>) -> SystemTime {
    match expires {
        Some(end) => {
            let life = end.duration_since(now).unwrap_or_default();
            end - (life / 4).min(limits::RENEW_AHEAD)
        }
        None => now + limits::UNENDING_CREDENTIAL,
    }
}

fn proxy(given: proto::Proxy) -> Result<Proxy, Fault> {
    let unknown = || Fault::new(Code::Internal, "the companion names a proxy of an unknown kind");
    let kind = match given.kind.as_str() {
        "http" => ProxyKind::Http,
        "https" => ProxyKind::Https,
        "socks5" => ProxyKind::Socks5,
        _ => return Err(unknown()),
    };
    let login = Some((given.user, given.password)).filter(|(user, _)| !user.is_empty());
    Ok(Proxy { kind, host: given.host, port: u16::try_from(given.port).map_err(|_| unknown())?, login })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_renewed_before_its_end() {
        let now = SystemTime::now();
        let seconds = Duration::from_secs;
        for (life, wait) in [(3_600, 3_570), (120, 90), (8, 6), (0, 0)] {
            assert_eq!(renewal(now, Some(now + seconds(life))), now + seconds(wait), "{life} s");
        }
        assert_eq!(renewal(now, Some(now - seconds(5))), now - seconds(5));
        assert_eq!(renewal(now, None), now + limits::UNENDING_CREDENTIAL);
    }
}
