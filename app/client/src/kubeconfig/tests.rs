//! Kubeconfigs as files, from the selection to the way into a cluster.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::testing::{CERTIFICATE, SERVER, base64, environment, kubeconfig, load_text, selection, with_files};
use super::*;

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Loads a cluster's fields.
fn load_cluster(fields: &str) -> Result<Access, Fault> {
    load_text(&kubeconfig(&with_files(fields), "{}"))
}

#[test]
fn an_ordinary_file_is_read_whole() {
    let authority = base64(CERTIFICATE);
    let text = format!(
        "apiVersion: v1\nkind: Config\npreferences: {{}}\ncurrent-context: dev\nunknown: [1, 2]\n\
         contexts:\n- name: dev\n  context:\n    cluster: c\n    user: u\n    namespace: apps\n    extensions: null\n\
         clusters:\n- name: c\n  cluster:\n    server: https://api.example.com:6443/prefix\n    \
         certificate-authority-data: {authority}\n    tls-server-name: kubernetes\n    proxy-url: socks5://me:pw@proxy\n\
         users:\n- name: u\n  user:\n    token: s3cret\n    as: jane\n    as-groups: [a, b]\n    as-uid: '7'\n    \
         as-user-extra: {{reason: [x]}}\n"
    );
    let access = load_text(&text).unwrap();
    assert_eq!((access.context.as_str(), access.namespace.as_str()), ("dev", "apps"));
    assert_eq!((access.cluster_name.as_str(), access.user_name.as_deref()), ("c", Some("u")));
    assert_eq!(access.cluster.server.as_str(), "https://api.example.com:6443/prefix");
    assert_eq!(access.cluster.certificate_authority.as_deref(), Some(CERTIFICATE.as_bytes()));
    assert_eq!(access.cluster.tls_server_name.as_deref(), Some("kubernetes"));
    assert_eq!(access.cluster.proxy.as_ref().unwrap().port, 1080);
    let who = access.impersonation.clone().unwrap();
    assert_eq!((who.user.as_deref(), who.uid.as_deref(), who.groups.len()), (Some("jane"), Some("7"), 2));
    assert_eq!(who.extra["reason"], ["x"]);
    let shown = format!("{access:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("pw"), "{shown}");
}

#[test]
fn null_and_json_and_more_documents_are_as_in_kubectl() {
    let nulls = "clusters: null\nusers: null\ncontexts: null\ncurrent-context: ''\n";
    assert_eq!(load_text(nulls).unwrap_err().code, Code::KubeconfigEmpty);
    for text in ["", "\n", "# nothing\n", "---\n", "{}"] {
        assert_eq!(load_text(text).unwrap_err().code, Code::KubeconfigEmpty, "{text:?}");
    }
    let json = "{\n\t\"current-context\": \"a\",\n\t\"contexts\": [{\"name\": \"a\", \"context\": {\"cluster\": \"c\", \
                \"user\": \"\"}}],\n\t\"clusters\": [{\"name\": \"c\", \"cluster\": {\"server\": \"https://a\", \
                \"proxy-url\": null}}],\n\t\"users\": [{\"name\": \"u\", \"user\": null}]\n}";
    let access = load_text(json).unwrap();
    assert_eq!((access.user_name, access.namespace.as_str(), access.cluster.proxy), (None, "default", None));
    let two = format!("{}---\ncurrent-context: other\n", kubeconfig(SERVER, "{}"));
    assert_eq!(load_text(&two).unwrap().context, "dev");
}

#[test]
fn the_first_file_counts_and_paths_are_its_own() {
    let directory = directory();
    let (one, two) = (directory.path().join("one"), directory.path().join("two"));
    for path in [&one, &two] {
        fs::create_dir(path).unwrap();
    }
    fs::write(
        one.join("config"),
        "users: [{name: u, user: {tokenFile: token}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n",
    )
    .unwrap();
    fs::write(one.join("token"), "first\n").unwrap();
    fs::write(
        two.join("config"),
        kubeconfig("{server: 'https://two', certificate-authority: sub/ca}", "{token: second}"),
    )
    .unwrap();
    fs::create_dir(two.join("sub")).unwrap();
    fs::write(two.join("sub/ca"), CERTIFICATE).unwrap();

    let list = "one/config:absent:two/config";
    let mut user = environment(&[("KUBECONFIG", list)]);
    user.directory = directory.path().to_owned();
    let selection = Selection::new(Arguments::default(), &user).unwrap();
    let access = load(&selection, &user).unwrap();
    assert_eq!(access.context, "dev");
    assert_eq!(access.cluster.server.host_str(), Some("two"));
    assert!(access.cluster.certificate_authority.is_some());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let credential = runtime.block_on(access.credential(&user, Interaction::Unattended, Duration::from_secs(1)));
    assert_eq!(credential.unwrap(), Credential::Token { token: Secret::from("first".to_owned()), expires: None });

    fs::write(one.join("config"), "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n")
        .unwrap();
    assert_eq!(load(&selection, &user).unwrap().context, "x");
    assert_eq!(load(&access.pin(&selection), &user).unwrap().context, "dev");
}

#[test]
fn arguments_override_the_file() {
    let directory = directory();
    let file = directory.path().join("config");
    let text = "contexts: [{name: a, context: {cluster: c, user: u, namespace: NOT}}]\n\
                clusters: [{name: c, cluster: {server: 'https://c'}}]\n\
                users: [{name: u, user: {as: jane, as-groups: [x], as-uid: '1'}}]\n";
    fs::write(&file, text).unwrap();
    let arguments = Arguments {
        kubeconfig: Some(file),
        context: Some("a".into()),
        namespace: Some("mine".into()),
        as_user: Some("bob".into()),
        as_groups: vec!["y".into(), "z".into()],
        as_uid: None,
    };
    let user = environment(&[("KUBECONFIG", "/nowhere"), ("HTTPS_PROXY", "proxy:1")]);
    let access = load(&Selection::new(arguments.clone(), &user).unwrap(), &user).unwrap();
    assert_eq!(access.namespace, "mine");
    let who = access.impersonation.unwrap();
    assert_eq!((who.user.as_deref(), who.uid.as_deref()), (Some("bob"), Some("1")));
    assert_eq!(who.groups, ["y", "z"]);
    assert_eq!(access.cluster.proxy.unwrap().host, "proxy");

    let arguments = Arguments { namespace: None, ..arguments };
    let fault = load(&Selection::new(arguments, &user).unwrap(), &user).unwrap_err();
    assert_eq!(fault.code, Code::KubeconfigMalformed, "{fault}");
}

#[test]
fn groups_need_a_user() {
    let directory = directory();
    let file = directory.path().join("config");
    fs::write(&file, kubeconfig(SERVER, "{}")).unwrap();
    let arguments = Arguments { kubeconfig: Some(file), as_groups: vec!["x".into()], ..Arguments::default() };
    let fault = load(&Selection::new(arguments, &environment(&[])).unwrap(), &environment(&[])).unwrap_err();
    assert_eq!(fault.code, Code::BadArgument);
    let fault = load_text(&kubeconfig(SERVER, "{as-uid: '1'}")).unwrap_err();
    assert_eq!(fault.code, Code::KubeconfigMalformed);
}

#[test]
fn what_is_missing_is_named_with_what_there_is() {
    let contexts = "contexts: [{name: prod, context: {cluster: c}}, {name: staging, context: {user: u}}, \
                    {name: a, context: {cluster: d}}, {name: b, context: {cluster: c, user: jan}}]\n\
                    clusters: [{name: c, cluster: {server: 'https://c'}}]\nusers: [{name: jane}]\n";
    let table = [
        ("", Code::ContextUnknown, "no context is current; the contexts are \"a\", \"b\", \"prod\""),
        ("current-context: stagin\n", Code::ContextUnknown, "no context \"stagin\"; the contexts are \"staging\", "),
        ("current-context: staging\n", Code::ClusterUnknown, "line 2: the cluster \"\" is in none"),
        (
            "current-context: a\n",
            Code::ClusterUnknown,
            "line 2: the cluster \"d\" is in none of the files read; the clusters are \"c\"",
        ),
        (
            "current-context: b\n",
            Code::UserUnknown,
            "line 2: the user \"jan\" is in none of the files read; the users are \"jane\"",
        ),
    ];
    for (current, code, part) in table {
        let fault = load_text(&format!("{current}{contexts}")).unwrap_err();
        assert_eq!(fault.code, code, "{current}");
        assert!(fault.detail.contains(part), "{current}: {}", fault.detail);
    }

    let absent = load(&selection(Path::new("/nowhere/config")), &environment(&[])).unwrap_err();
    assert_eq!(absent.code, Code::KubeconfigMissing);
    assert!(absent.detail.contains("/nowhere/config"));
    assert_eq!(load(&selection(Path::new("/proc")), &environment(&[])).unwrap_err().code, Code::FileUnreadable);
}

#[test]
fn malformed_files_are_named_with_the_line_and_without_secrets() {
    let long = "n".repeat(limits::LONGEST_NAME + 1);
    let table = [
        ("a: [", ", line 1: "),
        ("\n\nclusters: hunter2\n", ", line 3: "),
        ("clusters:\n- name: c\n  cluster: hunter2\n", ", line 3: "),
        ("users:\n- name: u\n  user:\n    token: {a: hunter2}\n", ", line 4: "),
        ("users:\n- name: u\n  user:\n    token: \"hunter2\n", ", line "),
        ("users:\n- user: {token: hunter2}\n", ", line 2: "),
        ("clusters:\n- name: c\n  cluster:\n    insecure-skip-tls-verify: hunter2\n", ", line 4: "),
        ("users:\n- name: u\n\tuser: {token: hunter2}\n", ", line 2: "),
        ("contexts:\n- {name: a}\n- {name: b}\n- {name: a}\n", ", line 4: the context \"a\" stands twice"),
        ("kind: Secret\ndata: {token: hunter2}\n", ": its kind is \"Secret\""),
        ("apiVersion: v2\n", ": its apiVersion is \"v2\""),
        ("a: &a [x]\nb: &b [*a, *a]\nclusters: *hunter2\n", ", line 3: "),
        ("- hunter2\n", ", line 1: "),
        ("a: 1\n\u{0}hunter2", ", line 2: "),
        (&format!("users: [{{name: {long}}}]"), ", line 1: the user's name is longer"),
    ];
    for (text, part) in table {
        let fault = load_text(text).unwrap_err();
        assert_eq!(fault.code, Code::KubeconfigMalformed, "{text}");
        assert!(fault.detail.contains(part), "{text}: {}", fault.detail);
        assert!(!fault.detail.contains("hunter2") && !fault.detail.contains('\n'), "{text}: {}", fault.detail);
        assert!(fault.detail.len() < 400, "{}", fault.detail);
    }

    let directory = directory();
    let file = directory.path().join("config");
    fs::write(&file, b"a: 1\nb: \xff\n").unwrap();
    let fault = load(&selection(&file), &environment(&[])).unwrap_err();
    assert!(fault.detail.ends_with("config, line 2: it is not UTF-8 text"), "{}", fault.detail);
    fs::write(&file, vec![b'#'; limits::LARGEST_FILE + 1]).unwrap();
    assert_eq!(load(&selection(&file), &environment(&[])).unwrap_err().code, Code::FileUnreadable);
}

#[test]
fn clusters_that_kubectl_refuses() {
    let data = base64(CERTIFICATE);
    let table = [
        ("{}".to_owned(), Code::KubeconfigMalformed, "server \"\" is not set"),
        ("{server: 'api:6443'}".to_owned(), Code::KubeconfigMalformed, "does not start with https://"),
        ("{server: 'https://a', certificate-authority-data: '%'}".to_owned(), Code::KubeconfigMalformed, "not base64"),
        (
            "{server: 'https://a', certificate-authority-data: aGVsbG8=}".to_owned(),
            Code::KubeconfigMalformed,
            "no certificate",
        ),
        (
            format!("{{server: 'https://a', certificate-authority-data: {data}, certificate-authority: /x}}"),
            Code::KubeconfigMalformed,
            "both",
        ),
        (
            format!("{{server: 'https://a', certificate-authority-data: {data}, insecure-skip-tls-verify: true}}"),
            Code::KubeconfigMalformed,
            "both",
        ),
        ("{server: 'https://a', certificate-authority: F/absent}".to_owned(), Code::FileUnreadable, "/absent"),
        ("{server: 'https://a', certificate-authority: F/key}".to_owned(), Code::KubeconfigMalformed, "no certificate"),
        (
            "{server: 'https://a', proxy-url: 'ftp://hunter2'}".to_owned(),
            Code::KubeconfigMalformed,
            "proxy-url is of a kind",
        ),
    ];
    for (fields, code, part) in table {
        let fault = load_cluster(&fields).unwrap_err();
        assert_eq!(fault.code, code, "{fields}");
        assert!(fault.detail.contains(part) && fault.detail.contains("line 3"), "{fields}: {}", fault.detail);
    }
    let access = load_cluster("{server: 'https://a', certificate-authority: F/cert}").unwrap();
    assert!(access.cluster.certificate_authority.is_some());
    assert!(
        load_cluster("{server: 'https://a', insecure-skip-tls-verify: true}").unwrap().cluster.insecure_skip_tls_verify
    );
}
