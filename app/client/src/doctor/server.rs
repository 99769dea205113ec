//! The API server: whether it answers, what it is, whether its clock and ours agree, and whom it takes the user for.

use std::time::{Duration, Instant, SystemTime};

use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError, User};
use http::Method;
use http::header::DATE;
use serde::Deserialize;
use tokio::time::timeout;

use super::findings::{Check, Findings};
use super::{clock, limits};
use crate::kubeconfig::Cluster;

const VERSION: &str = "/version";

/// An API server that answers.
pub(super) struct Server {
    /// Host and port.
    pub(super) address: String,
    /// The minor version of its Kubernetes 1.
    pub(super) minor: u32,
    /// From here to there and back.
    pub(super) round_trip: Duration,
}

/// What a server says of itself (apimachinery version.Info).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    minor: String,
    git_version: String,
}

/// Waits for a step no longer than [`limits::STEP`].
pub(super) async fn within<T>(request: &str, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let silent = || ApiError::Silent { request: request.to_owned(), seconds: limits::STEP.as_secs() };
    timeout(limits::STEP, work).await.unwrap_or_else(|_| Err(silent()))
}

/// Finds out what the server is; `None` if it can't be used.
pub(super) async fn examine(api: &Api, cluster: &Cluster, findings: &mut Findings) -> Option<Server> {
    let title = "The API server answers";
    let asked = SystemTime::now();
    let answer = findings.need(title, within("GET /version", api.answer(Method::GET, VERSION, None)).await)?;
    let answered = SystemTime::now();
    let foreign = || format!("{} answers, but not as Kubernetes does", api.address());
    let version: Result<Version, _> = serde_json::from_slice(&answer.bytes);
    let version = findings.need(title, version.map_err(|_| Fault::new(Code::ApiUnreachable, foreign())))?;
    let minor = findings.need(title, old_enough(&version))?;
    findings.add(trusted(title, &format!("{} is Kubernetes {}", api.address(), version.git_version), cluster));
    findings.extend(clock::examine(answer.headers.get(DATE), asked, answered));

    let title = "The way to the API server is short";
    let round_trip = findings.need(title, round_trip(api).await)?;
    findings.add(super::hops::judge(title, round_trip, format!("{} there and back", milliseconds(round_trip))));
    Some(Server { address: api.address(), minor, round_trip })
}

/// Whom the server takes us for.
pub(super) async fn user(api: &Api, findings: &mut Findings) -> Option<User> {
    let title = "The API server knows you";
    match within("who you are", api.user()).await {
        Ok(user) => {
            let groups = if user.groups.is_empty() { "in no group".to_owned() } else { user.groups.join(", ") };
            findings.pass(title, format!("you are {} ({groups})", user.username));
            Some(user)
        }
        Err(error) => findings.fail(title, error),
    }
}

/// The minor version if it has all that Hawser needs.
fn old_enough(version: &Version) -> Result<u32, Fault> {
    // Some clouds write 33+.
    let digits = version.minor.trim_end_matches(|c: char| !c.is_ascii_digit());
    match digits.parse() {
        Ok(minor) if minor >= limits::OLDEST_MINOR => Ok(minor),
        _ => {
            let detail =
                format!("the cluster is Kubernetes {}; Hawser needs 1.{}", version.git_version, limits::OLDEST_MINOR);
            Err(Fault::new(Code::ApiRefused, detail).with_fix("Have the cluster upgraded by its administrator."))
        }
    }
}

fn trusted(title: &str, what: &str, cluster: &Cluster) -> Check {
    if cluster.server.scheme() == "http" {
        let fix = "Write https:// in the cluster's server: what is sent now can be read and changed on the way.";
        return Check::warned(title, format!("{what}; it is spoken to in clear"), fix);
    }
    if cluster.insecure_skip_tls_verify {
        let fix = "Put certificate-authority-data in the place of insecure-skip-tls-verify in the kubeconfig.";
        return Check::warned(title, format!("{what}; anybody's certificate is taken for its own"), fix);
    }
    Check::passed(title, format!("{what}; its certificate is trusted"))
}

/// The shortest of several, over the connection that is there.
async fn round_trip(api: &Api) -> Result<Duration, ApiError> {
    let mut shortest = Duration::MAX;
    for _ in 0..limits::ROUND_TRIPS {
        let began = Instant::now();
        within("GET /version", api.answer(Method::GET, VERSION, None)).await?;
        shortest = shortest.min(began.elapsed());
    }
    Ok(shortest)
}

/// For people.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use hawser_ipc::proto::Outcome;

    use super::*;
    use crate::doctor::testing::{Reply, Rig, healthy};

    #[test]
    fn versions_are_those_that_have_admission_policies() {
        for (minor, expected) in [("30", Some(30)), ("33+", Some(33)), ("29", None), ("", None), ("x", None)] {
            let version = Version { minor: minor.to_owned(), git_version: format!("v1.{minor}") };
            assert_eq!(old_enough(&version).ok(), expected, "{minor}");
        }
    }

    #[tokio::test]
    async fn an_old_server_ends_the_search() {
        let rig = Rig::new(|request| match request.path.as_str() {
            "/version" => Reply::json(r#"{"major": "1", "minor": "29", "gitVersion": "v1.29.4"}"#),
            _ => healthy(request),
        });
        let checks = rig.examine().await;
        let last = checks.last().unwrap();
        assert_eq!((last.title.as_str(), last.outcome), ("The API server answers", Outcome::Fail));
        assert!(last.reason.contains("v1.29.4"), "{last:?}");
    }

    #[tokio::test]
    async fn who_has_to_log_in_is_told_so() {
        let rig = Rig::new(|request| match request.path.as_str() {
            "/apis/authentication.k8s.io/v1/selfsubjectreviews" => Reply::status(401, "Unauthorized"),
            _ => healthy(request),
        });
        let checks = rig.examine().await;
        let last = checks.last().unwrap();
        assert_eq!((last.title.as_str(), last.outcome), ("The API server knows you", Outcome::Fail));
        assert_eq!(last.fix, Code::LoginRequired.fix());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_is_not_waited_for() {
        let rig = Rig::new(|_| Reply::Never);
        let checks = rig.examine().await;
        let last = checks.last().unwrap();
        assert_eq!((last.title.as_str(), last.outcome), ("The API server answers", Outcome::Fail));
    }
}
