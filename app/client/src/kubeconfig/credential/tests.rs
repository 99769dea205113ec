//! Credentials that a kubeconfig holds itself, or files that it names.

use std::time::Duration;

use hawser_fault::{Code, Fault};

use super::Credential;
use crate::kubeconfig::testing::{CERTIFICATE, KEY, SERVER, base64, environment, kubeconfig, load_text, with_files};
use crate::kubeconfig::{Interaction, Secret};

async fn credential_of(user: &str) -> Result<Credential, Fault> {
    let access = load_text(&kubeconfig(SERVER, &with_files(user)))?;
    access.credential(&environment(&[]), Interaction::Unattended, Duration::from_secs(10)).await
}

#[tokio::test]
async fn what_the_kubeconfig_holds_itself() {
    let token = |text: &str| Credential::Token { token: Secret::from(text.to_owned()), expires: None };
    let basic = Credential::Basic { user: "me".into(), password: Secret::from("pw".to_owned()) };
    let table = [
        ("{}", Credential::None),
        ("{token: abc}", token("abc")),
        ("{tokenFile: F/token}", token("of-file")),
        ("{token: abc, tokenFile: F/token}", token("of-file")),
        ("{token: abc, tokenFile: F/absent}", token("abc")),
        ("{token: abc, tokenFile: F/empty}", token("abc")),
        ("{username: me, password: pw}", basic),
        ("{password: pw}", Credential::None),
        ("{client-key: F/key}", Credential::None),
        ("{token: abc, exec: {command: /nowhere}}", token("abc")),
    ];
    for (user, expected) in table {
        assert_eq!(credential_of(user).await.unwrap(), expected, "{user}");
    }

    let (data, key) = (base64(CERTIFICATE), base64(KEY));
    let mixed = format!("{{client-certificate-data: {data}, client-key: F/key, token: abc}}");
    let inline = format!("{{client-certificate-data: {data}, client-key-data: {key}}}");
    for user in ["{client-certificate: F/cert, client-key: F/key}", &mixed, &inline] {
        let Credential::Certificate { chain, key, expires } = credential_of(user).await.unwrap() else {
            panic!("{user}")
        };
        assert_eq!((chain.as_slice(), key.reveal()), (CERTIFICATE.as_bytes(), KEY));
        assert!(expires.is_some_and(|end| end > std::time::SystemTime::now()));
    }
}

#[tokio::test]
async fn what_cannot_be_a_credential() {
    let table = [
        ("{token: abc, username: me}", Code::KubeconfigMalformed, "both a token and a password"),
        ("{token: 'hunter 2'}", Code::CredentialMalformed, "characters"),
        ("{token: \"hunter2\\r\\nX: y\"}", Code::CredentialMalformed, "characters"),
        ("{tokenFile: F/absent}", Code::FileUnreadable, "/absent"),
        ("{tokenFile: F/empty}", Code::CredentialMalformed, "is empty"),
        ("{tokenFile: F/bad}", Code::CredentialMalformed, "characters"),
        ("{client-certificate: F/cert}", Code::KubeconfigMalformed, "no client-key"),
        ("{client-certificate: F/key, client-key: F/key}", Code::CredentialMalformed, "no certificate"),
        ("{client-certificate: F/cert, client-key: F/cert}", Code::CredentialMalformed, "no private key"),
        ("{client-certificate: F/cert, client-key: F/key, client-key-data: eA==}", Code::KubeconfigMalformed, "both"),
        ("{client-certificate: F/absent, client-key: F/key}", Code::FileUnreadable, "/absent"),
        ("{client-certificate: F/old, client-key: F/key}", Code::CredentialExpired, "expired at 2001-02-03T04:05:06Z"),
        ("{auth-provider: {name: gcp}}", Code::AuthProviderUnsupported, "\"gcp\""),
        ("{auth-provider: {name: azure}, token: abc}", Code::AuthProviderUnsupported, "\"azure\""),
    ];
    for (user, code, part) in table {
        let fault = credential_of(user).await.unwrap_err();
        assert_eq!(fault.code, code, "{user}");
        assert!(fault.detail.contains(part), "{user}: {}", fault.detail);
        assert!(!fault.detail.contains("hunter"), "{}", fault.detail);
    }
    for (provider, plugin) in
        [("gcp", "gke-gcloud-auth-plugin"), ("azure", "kubelogin"), ("oidc", "kubectl oidc-login")]
    {
        let fault = credential_of(&format!("{{auth-provider: {{name: {provider}, config: null}}}}")).await.unwrap_err();
        assert!(fault.fix.contains(plugin), "{}", fault.fix);
    }
}

#[tokio::test]
async fn a_server_in_clear_gets_no_credential() {
    let access = load_text(&kubeconfig("{server: 'http://127.0.0.1:8001'}", "{token: abc}")).unwrap();
    let credential = access.credential(&environment(&[]), Interaction::Unattended, Duration::from_secs(1)).await;
    assert_eq!(credential.unwrap(), Credential::None);
}
