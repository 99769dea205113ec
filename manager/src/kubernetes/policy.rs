//! Proof that the admission policy is in force, without which a session could be made in anybody's name.

use hawser_api::{Client as Laptop, Session, SessionSpec};
use kube::api::PostParams;
use kube::{Api, Client};

/// A user whom nobody is.
const NOBODY: &str = "hawser:nobody";

/// What the proof came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A session in another's name is refused.
    Holds,
    /// It would be taken.
    Absent,
    /// That cannot be told; why.
    Unknown(String),
}

/// Tries to create a session in another's name, as a dry run.
pub async fn prove(client: &Client, namespace: &str) -> Proof {
    let spec = SessionSpec {
        user: NOBODY.to_owned(),
        uid: None,
        groups: Vec::new(),
        extra: Default::default(),
        key: format!("sha256:{}", "0".repeat(64)),
        namespace: "default".to_owned(),
        client: Laptop { host: "proof".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
    };
    let session = Session::new("hawser-proof-of-policy", spec);
    let sessions: Api<Session> = Api::namespaced(client.clone(), namespace);
    let outcome = sessions.create(&PostParams { dry_run: true, ..PostParams::default() }, &session).await;
    judge(outcome.map(|_| ()))
}

fn judge(outcome: Result<(), kube::Error>) -> Proof {
    match outcome {
        Ok(()) => Proof::Absent,
        Err(kube::Error::Api(status)) if status.message.contains("ValidatingAdmissionPolicy") => Proof::Holds,
        Err(error) => Proof::Unknown(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn only_the_policy_s_own_refusal_is_a_proof() {
        let refusal = |message: &str| {
            let status = Status { message: message.to_owned(), code: 422, ..Status::default() };
            judge(Err(kube::Error::Api(Box::new(status))))
        };
        assert_eq!(judge(Ok(())), Proof::Absent);
        assert!(matches!(refusal("sessions.hawser.dev is forbidden: cannot create"), Proof::Unknown(_)));
        let denied = "sessions.hawser.dev \"x\" is forbidden: ValidatingAdmissionPolicy 'hawser-session' with binding \
                      'hawser-session' denied request: not yourself";
        assert_eq!(refusal(denied), Proof::Holds);
    }
}
