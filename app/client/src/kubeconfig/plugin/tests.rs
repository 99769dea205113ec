//! What plugins are told, what they answer, and what is said when they don't.

use std::fs;
use std::path::PathBuf;

use hawser_fault::{Code, Fault};
use serde_json::{Value, json};

use super::testing::{Bench, LIMIT, V1, answering, exec, printing};
use crate::kubeconfig::testing::{CERTIFICATE, EXPIRED, KEY, script};
use crate::kubeconfig::{Credential, Interaction};

async fn run(script: &str) -> Result<Credential, Fault> {
    Bench::new(script).run(&exec("plugin"), LIMIT).await
}

#[tokio::test]
async fn tokens_and_certificates_are_taken() {
    let token = answering(&json!({ "token": "t0ken", "expirationTimestamp": "2099-01-01T00:00:00+01:00" }));
    let credential = run(&token).await.unwrap();
    let Credential::Token { token, expires } = &credential else { panic!("{credential:?}") };
    assert_eq!(token.reveal(), "t0ken");
    assert_eq!(expires.unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 4_070_905_200);
    assert!(!format!("{credential:?}").contains("t0ken"));

    let both = json!({ "token": "t", "clientCertificateData": CERTIFICATE, "clientKeyData": KEY, "expirationTimestamp": null });
    let Credential::Certificate { chain, key, expires } = run(&answering(&both)).await.unwrap() else { panic!() };
    assert_eq!((chain.as_slice(), key.reveal()), (CERTIFICATE.as_bytes(), KEY));
    assert_eq!(expires.unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 4_102_444_798);

    let minimal = Bench::new(&answering(&json!({ "token": "t" })).replace("io/v1", "io/v1beta1"));
    let exec = format!("{{command: plugin, apiVersion: {V1}beta1}}");
    assert!(matches!(minimal.run(&exec, LIMIT).await, Ok(Credential::Token { expires: None, .. })));
}

#[tokio::test]
async fn answers_that_cannot_be_used() {
    let wrong_version =
        json!({ "kind": "ExecCredential", "apiVersion": format!("{V1}beta1"), "status": { "token": "hunter2" } });
    let table = [
        ("exit 0".to_owned(), Code::CredentialMalformed, "printed nothing"),
        (printing("hunter2"), Code::CredentialMalformed, "printed no JSON"),
        (
            printing("{\"kind\": \"ExecCredential\", \"status\": {\"token\": \"hunter2\""),
            Code::CredentialMalformed,
            "no JSON: EOF",
        ),
        (printing("[]"), Code::CredentialMalformed, "no ExecCredential"),
        (printing("{\"kind\": \"ExecCredential\"}"), Code::CredentialMalformed, "without an apiVersion"),
        (
            printing(&wrong_version.to_string()),
            Code::CredentialMalformed,
            "answered with \"client.authentication.k8s.io/v1beta1\"",
        ),
        (answering(&Value::Null), Code::CredentialMalformed, "without a status"),
        (answering(&json!("hunter2")), Code::CredentialMalformed, "without a status"),
        (answering(&json!({})), Code::CredentialMalformed, "without a token"),
        (answering(&json!({ "token": ["hunter2"] })), Code::CredentialMalformed, "a token that is not text"),
        (answering(&json!({ "token": "hunter 2" })), Code::CredentialMalformed, "characters"),
        (answering(&json!({ "clientKeyData": KEY })), Code::CredentialMalformed, "no certificate"),
        (answering(&json!({ "clientCertificateData": CERTIFICATE })), Code::CredentialMalformed, "no key"),
        (
            answering(&json!({ "clientCertificateData": "x", "clientKeyData": KEY })),
            Code::CredentialMalformed,
            "holds no certificate",
        ),
        (answering(&json!({ "token": "t", "expirationTimestamp": "soon" })), Code::CredentialMalformed, "RFC 3339"),
        (
            answering(&json!({ "token": "t", "expirationTimestamp": "2001-01-01T00:00:00Z" })),
            Code::CredentialExpired,
            "expired at 2001-01-01",
        ),
        (
            answering(&json!({ "clientCertificateData": EXPIRED, "clientKeyData": KEY })),
            Code::CredentialExpired,
            "2001-02-03T04:05:06Z",
        ),
        ("exec head -c 3000000 /dev/zero".to_owned(), Code::CredentialMalformed, "more than 1048576 bytes"),
        ("while :; do echo hunter2; done".to_owned(), Code::CredentialMalformed, "more than 1048576 bytes"),
    ];
    for (script, code, part) in table {
        let fault = run(&script).await.unwrap_err();
        assert_eq!(fault.code, code, "{script}: {fault}");
        assert!(fault.detail.contains(part), "{script}: {}", fault.detail);
        assert!(fault.detail.contains("\"plugin\" of the user \"u\""), "{}", fault.detail);
        assert!(!fault.detail.contains("hunter"), "{}", fault.detail);
    }
}

#[tokio::test]
async fn a_failing_plugin_is_quoted() {
    let script =
        "for n in 1 2 3 4 5 6; do echo \"line $n\" >&2; done; printf '\\033[31mred\\033[0m\\a\\n\\n' >&2; exit 3";
    let fault = run(script).await.unwrap_err();
    assert_eq!(fault.code, Code::PluginFailed);
    let end = "ended with exit code 3; it said: line 3 | line 4 | line 5 | line 6 | red";
    assert!(fault.detail.ends_with(end), "{}", fault.detail);

    let fault = run("kill -TERM $$").await.unwrap_err();
    assert!(fault.code == Code::PluginFailed && fault.detail.contains("SIGTERM"), "{}", fault.detail);
    let fault = run("head -c 5000000 /dev/zero | tr '\\0' x >&2; exit 1").await.unwrap_err();
    assert!(fault.code == Code::PluginFailed && fault.detail.len() < 1000, "{}", fault.detail.len());
}

#[tokio::test]
async fn a_plugin_that_is_not_there() {
    let bench = Bench::new("exit 0");
    fs::write(bench.path("bin/text"), "no program").unwrap();
    let hint =
        format!("{{command: absent, apiVersion: {V1}, interactiveMode: Never, installHint: \"get it\\n\\e[1mhere\"}}");
    let table = [
        (exec("absent"), "any directory of PATH", "Install the program"),
        (exec("text"), "any directory of PATH", "Install the program"),
        (exec("./absent"), "/./absent", "Install the program"),
        (hint, "any directory of PATH", "get it | here"),
    ];
    for (exec, place, fix) in table {
        let fault = bench.run(&exec, LIMIT).await.unwrap_err();
        assert_eq!(fault.code, Code::PluginMissing, "{exec}");
        assert!(fault.detail.contains(place) && fault.fix.starts_with(fix), "{exec}: {} {}", fault.detail, fault.fix);
    }
    let fault = bench.run(&exec("./bin/text"), LIMIT).await.unwrap_err();
    assert_eq!(fault.code, Code::PluginFailed);
    assert!(fault.detail.contains("could not be started"), "{}", fault.detail);
}

#[tokio::test]
async fn entries_that_kubectl_refuses() {
    let bench = Bench::new("exit 0");
    let table = [
        (format!("{{apiVersion: {V1}, interactiveMode: Never}}"), "has no command"),
        ("{command: plugin, interactiveMode: Never}".to_owned(), "apiVersion \"\""),
        (
            "{command: plugin, apiVersion: client.authentication.k8s.io/v1alpha1}".to_owned(),
            "v1alpha1\", which is not supported",
        ),
        (format!("{{command: plugin, apiVersion: {V1}}}"), "has no interactiveMode"),
        (format!("{{command: plugin, apiVersion: {V1}, interactiveMode: never}}"), "unknown interactiveMode \"never\""),
        (format!("{{command: plugin, apiVersion: {V1}, interactiveMode: Never, env: [{{value: x}}]}}"), "env variable"),
        (format!("{{command: plugin, apiVersion: {V1}, interactiveMode: Never, args: [\"a\\0b\"]}}"), "zero byte"),
    ];
    for (exec, part) in table {
        let fault = bench.run(&exec, LIMIT).await.unwrap_err();
        assert_eq!(fault.code, Code::KubeconfigMalformed, "{exec}");
        assert!(fault.detail.contains(part) && fault.detail.contains("config, line 4"), "{exec}: {}", fault.detail);
    }
}

/// What a plugin sees, by a script that writes it down: arguments, environment, working directory.
async fn seen(cluster: &str, entry: &str, interaction: Interaction<'_>) -> (Vec<String>, Value) {
    let answer = answering(&json!({ "token": "t" }));
    let bench = Bench::new("");
    script(
        &bench.path("own"),
        &format!(
            "printf '%s\\n' \"$PWD\" \"$INHERITED\" \"$OVERRIDDEN\" \"$@\" > seen; printf %s \"$KUBERNETES_EXEC_INFO\" > info\n{answer}"
        ),
    );
    bench.run_with(cluster, entry, interaction, LIMIT).await.unwrap();
    let mut lines: Vec<_> = fs::read_to_string(bench.path("seen")).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(PathBuf::from(lines.remove(0)), bench.directory.path().canonicalize().unwrap());
    (lines, serde_json::from_slice(&fs::read(bench.path("info")).unwrap()).unwrap())
}

#[tokio::test]
async fn a_plugin_gets_what_the_api_says() {
    let cluster = "{server: 'https://api:6443', tls-server-name: n, insecure-skip-tls-verify: true, proxy-url: 'http://p', \
                   extensions: [{name: other, extension: 1}, {name: client.authentication.k8s.io/exec, extension: {audience: [x, 1]}}]}";
    // A relative command with a slash belongs to the kubeconfig's directory.
    let entry = format!(
        "{{command: ./own, apiVersion: {V1}, interactiveMode: Never, provideClusterInfo: true, args: [get-token, 'a b', '$HOME'], \
         env: [{{name: OVERRIDDEN, value: entry's}}]}}"
    );
    let (lines, info) = seen(cluster, &entry, Interaction::Unattended).await;
    assert_eq!(lines, ["yes", "entry's", "get-token", "a b", "$HOME"]);
    let expected = json!({
        "kind": "ExecCredential", "apiVersion": V1,
        "spec": { "interactive": false, "cluster": {
            "server": "https://api:6443", "tls-server-name": "n", "insecure-skip-tls-verify": true,
            "proxy-url": "http://p", "config": { "audience": ["x", 1] },
        } },
    });
    assert_eq!(info, expected);

    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca");
    fs::write(&ca, CERTIFICATE).unwrap();
    let cluster = format!("{{server: 'https://a', certificate-authority: {}}}", ca.display());
    let (_, info) = seen(&cluster, &entry, Interaction::Unattended).await;
    let data = info["spec"]["cluster"]["certificate-authority-data"].as_str().unwrap();
    assert!(data.starts_with("LS0tLS1CRUdJTi"), "{data}");
    assert_eq!(info["spec"]["cluster"]["config"], Value::Null);

    let (_, info) = seen("{server: 'https://a'}", &exec("./own"), Interaction::Unattended).await;
    assert_eq!(info["spec"], json!({ "interactive": false }));
}

#[tokio::test]
async fn only_a_terminal_makes_a_plugin_interactive() {
    let table = [
        ("Never", Interaction::Unattended, Some(false)),
        ("Never", Interaction::Terminal, Some(false)),
        ("IfAvailable", Interaction::Unattended, Some(false)),
        ("IfAvailable", Interaction::Terminal, Some(true)),
        ("Always", Interaction::Unattended, None),
        ("Always", Interaction::Terminal, Some(true)),
    ];
    for (mode, interaction, expected) in table {
        let entry = format!("{{command: ./own, apiVersion: {V1}, interactiveMode: {mode}}}");
        let Some(expected) = expected else {
            let fault = Bench::new("").run(&entry.replace("./own", "plugin"), LIMIT).await.unwrap_err();
            assert_eq!(fault.code, Code::LoginRequired);
            assert!(fault.fix.contains("hawser login"), "{}", fault.fix);
            continue;
        };
        let (_, info) = seen("{server: 'https://a'}", &entry, interaction).await;
        assert_eq!(info["spec"]["interactive"], expected, "{mode}, {expected:?}");
    }
}
