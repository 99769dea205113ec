//! The way to a cluster: kubeconfig, context, login, API server, rights, manager.

use std::time::{Duration, SystemTime};

use hawser_fault::Code;
use hawser_kube::Api;

use super::findings::{Check, Findings};
use super::server::{self, Server};
use super::{Question, limits, manager, rights};
use crate::kubeconfig::{self, Access, Credential, Interaction, Selection};

/// Follows the way as far as it is good; the API server if it gets so far.
pub(super) async fn examine(question: &Question<'_>, findings: &mut Findings) -> Option<Server> {
    let access = context(question, findings)?;
    let api = login(question, &access, findings).await?;
    let server = server::examine(&api, &access.cluster, findings).await?;
    manager_of(question, &api, &server, &access.namespace, findings).await;
    Some(server)
}

async fn manager_of(
    question: &Question<'_>,
    api: &Api,
    server: &Server,
    own: &str,
    findings: &mut Findings,
) -> Option<()> {
    let namespace = question.manager_namespace;
    let user = server::user(api, findings).await?;
    manager::is_installed(api, namespace, findings).await?;
    rights::examine(api, namespace, &user, server.minor, findings).await?;
    rights::of_intercepts(api, own, &user, findings).await?;
    let replicas = manager::answers(question, api, user, findings).await?;
    manager::has_version(&replicas, question.version, findings);
    manager::is_reached(api, namespace, &replicas, findings).await
}

fn context(question: &Question<'_>, findings: &mut Findings) -> Option<Access> {
    let title = "There is a kubeconfig";
    let selection = findings.need(title, Selection::new(question.arguments.clone(), question.environment))?;
    let loaded = kubeconfig::load(&selection, question.environment);
    if let Err(fault) = loaded {
        // Files that could be read are no reason why there's nothing of that name in them.
        if !matches!(fault.code, Code::ContextUnknown | Code::ClusterUnknown | Code::UserUnknown) {
            return findings.fail(title, fault);
        }
        findings.pass(title, files(&selection));
        return findings.fail("The context leads to a cluster", fault);
    }
    findings.pass(title, files(&selection));
    let access = loaded.ok()?;
    findings.pass("The context leads to a cluster", describe(&access));
    Some(access)
}

fn files(selection: &Selection) -> String {
    let (there, absent): (Vec<_>, Vec<_>) = selection.files.iter().partition(|file| file.exists());
    let list = |files: Vec<&std::path::PathBuf>| {
        files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    match absent.is_empty() {
        true => list(there),
        false => format!("{}; not there: {}", list(there), list(absent)),
    }
}

fn describe(access: &Access) -> String {
    let user = access.user_name.as_ref().map_or("nobody".to_owned(), |name| format!("{name:?}"));
    let proxy = access.cluster.proxy.as_ref();
    let proxy = proxy.map(|proxy| format!(", through the proxy {}:{}", proxy.host, proxy.port)).unwrap_or_default();
    format!(
        "{:?}: the server {} as the user {user}, names of the namespace {}{proxy}",
        access.context, access.cluster.server, access.namespace
    )
}

async fn login(question: &Question<'_>, access: &Access, findings: &mut Findings) -> Option<Api> {
    let title = "Your login can be had";
    let obtained = access.credential(question.environment, Interaction::Unattended, limits::STEP).await;
    let credential = findings.need(title, obtained)?;
    findings.add(judge(title, &credential, SystemTime::now()));
    findings.need("The API server answers", access.api_as(credential))
}

fn judge(title: &str, credential: &Credential, now: SystemTime) -> Check {
    let what = match credential {
        Credential::None => {
            let fix = "Give the context a user with your cluster's own tool, unless its server knows you without.";
            return Check::warned(title, "there is none: the server is asked as nobody", fix);
        }
        Credential::Token { .. } => "a token",
        Credential::Basic { .. } => "a user name and a password",
        Credential::Certificate { .. } => "a client certificate",
    };
    let Some(end) = credential.expires() else { return Check::passed(title, what) };
    let left = end.duration_since(now).unwrap_or_default();
    let reason = format!("{what} that ends in {}", in_words(left));
    if matches!(credential, Credential::Certificate { .. }) && left < limits::CERTIFICATE_WARN {
        return Check::warned(title, reason, Code::CredentialExpired.fix());
    }
    Check::passed(title, reason)
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use hawser_ipc::proto::Outcome;

    use super::*;
    use crate::doctor::testing::{Rig, titles};
    use crate::kubeconfig::Secret;
    use crate::kubeconfig::testing::{kubeconfig, script};

    #[test]
    fn the_end_of_a_login_is_told() {
        let now = SystemTime::now();
        let token = |seconds| Credential::Token {
            token: Secret::from("t".to_owned()),
            expires: Some(now + Duration::from_secs(seconds)),
        };
        let certificate = |seconds| Credential::Certificate {
            chain: Vec::new(),
            key: Secret::default(),
            expires: Some(now + Duration::from_secs(seconds)),
        };
        for (credential, outcome, reason) in [
            (token(90), Outcome::Pass, "a token that ends in 90 s"),
            (token(840), Outcome::Pass, "a token that ends in 14 min"),
            (certificate(600), Outcome::Warn, "a client certificate that ends in 10 min"),
            (certificate(86_400), Outcome::Pass, "a client certificate that ends in 24 h"),
            (certificate(864_000), Outcome::Pass, "a client certificate that ends in 10 d"),
            (Credential::None, Outcome::Warn, "there is none: the server is asked as nobody"),
        ] {
            let check = judge("t", &credential, now);
            assert_eq!((check.outcome, check.reason.as_str()), (outcome, reason));
        }
    }

    #[tokio::test]
    async fn each_mistake_in_files_ends_the_search_at_its_step() {
        let (kubeconfig_title, context_title) = ("There is a kubeconfig", "The context leads to a cluster");
        let good = kubeconfig("{server: 'http://127.0.0.1:1'}", "{}");
        for (text, context, expected, reason) in [
            (None, None, &[kubeconfig_title][..], "there is no file"),
            (Some(""), None, &[kubeconfig_title], "no context is defined"),
            (Some("clusters: 7"), None, &[kubeconfig_title], "line 1"),
            (
                Some(good.as_str()),
                Some("nowhere"),
                &[kubeconfig_title, context_title],
                "there is no context \"nowhere\"",
            ),
        ] {
            let rig = Rig::without_server(text);
            let checks = rig.examine_context(context).await;
            assert_eq!(titles(&checks), expected, "{checks:?}");
            let last = checks.last().unwrap();
            assert_eq!(last.outcome, Outcome::Fail);
            assert!(last.reason.contains(reason) && !last.fix.is_empty(), "{last:?}");
        }
    }

    #[tokio::test]
    async fn a_plugin_that_hangs_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let plugin = directory.path().join("hangs");
        script(&plugin, "sleep 1000");
        let exec = format!(
            "{{exec: {{command: {}, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}}}}",
            plugin.display()
        );
        let rig = Rig::without_server(Some(&kubeconfig("{server: 'https://127.0.0.1:1'}", &exec)));
        let began = std::time::Instant::now();
        let checks = rig.examine().await;
        assert!(began.elapsed() < limits::STEP + Duration::from_secs(3), "{:?}", began.elapsed());
        let last = checks.last().unwrap();
        assert_eq!((last.title.as_str(), last.outcome), ("Your login can be had", Outcome::Fail));
        assert!(last.reason.contains("was killed") && last.fix.contains("hawser login"), "{last:?}");
    }
}
