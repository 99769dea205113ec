//! Whether the cluster is new enough.

use hawser_fault::{Code, Fault};
use hawser_kube::Api;
use http::Method;
use serde::Deserialize;

/// The oldest Kubernetes with what the identity of users is proven by (admissionregistration.k8s.io/v1
/// ValidatingAdmissionPolicy), as major and minor number.
const OLDEST: (u32, u32) = (1, 30);

/// What an API server says of itself (`/version`).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    major: String,
    minor: String,
    /// Such as `v1.34.1`.
    pub git_version: String,
}

/// Asks for the version and refuses one that is too old.
pub async fn supported(api: &Api) -> Result<Version, Fault> {
    let version: Version = api.request(Method::GET, "/version", None).await?;
    version.check()?;
    Ok(version)
}

impl Version {
    /// Managed clusters write their minor number as `30+`.
    fn numbers(&self) -> Option<(u32, u32)> {
        let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok();
        Some((number(&self.major)?, number(&self.minor)?))
    }

    fn check(&self) -> Result<(), Fault> {
        if self.numbers().is_some_and(|numbers| numbers >= OLDEST) {
            return Ok(());
        }
        let detail = format!(
            "the cluster runs Kubernetes {}; before {}.{} there is no ValidatingAdmissionPolicy, without which anybody could \
             act in another user's name",
            self.git_version, OLDEST.0, OLDEST.1
        );
        Err(Fault::new(Code::ClusterTooOld, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_without_the_policies_are_refused() {
        let check = |major: &str, minor: &str| {
            let git_version = format!("v{major}.{minor}.1");
            Version { major: major.to_owned(), minor: minor.to_owned(), git_version }
                .check()
                .map_err(|fault| fault.code)
        };
        for (major, minor) in [("1", "30"), ("1", "30+"), ("1", "34"), ("2", "0")] {
            assert_eq!(check(major, minor), Ok(()), "{major}.{minor}");
        }
        for (major, minor) in [("1", "29"), ("1", "29+"), ("1", "9"), ("0", "31"), ("", ""), ("one", "30")] {
            assert_eq!(check(major, minor), Err(Code::ClusterTooOld), "{major}.{minor}");
        }
    }
}
