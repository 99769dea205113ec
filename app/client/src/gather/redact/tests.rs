use proptest::prelude::*;
use serde_json::json;

use super::*;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----";

fn redacted(text: &str) -> String {
    Redactor::default().text(text)
}

#[test]
fn secrets_go_and_the_rest_stays() {
    for (text, expected) in [
        ("GET /: Authorization: Bearer abc, x", "GET /: Authorization: [redacted]"),
        ("said Bearer abc.def-1 then left", "said Bearer [redacted] then left"),
        ("a Basic ZGV2OnNlY3JldA== login", "a Basic [redacted] login"),
        ("password=hunter2 user=dev", "password=[redacted] user=dev"),
        ("DB_PASSWORD = 'a b' x", "DB_PASSWORD = '[redacted]' x"),
        (r#"{"token":"abc","a":1}"#, r#"{"token":"[redacted]","a":1}"#),
        (r#"{"m":"{\"token\": \"abc\"}"}"#, r#"{"m":"{\"token\": \"[redacted]\"}"}"#),
        ("client-secret: a b c\nnext: d", "client-secret: [redacted]\nnext: d"),
        ("run --token abc --context dev", "run --token [redacted] --context dev"),
        ("https://ann:pass@proxy:3128/x", "https://[redacted]@proxy:3128/x"),
        ("jwt eyJhbGciOiJI.eyJzdWIi.c2ln.", "jwt [redacted]"),
        ("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1J=", "[redacted]"),
        ("AKIAIOSFODNN7EXAMPLE in use", "[redacted] in use"),
        ("sha256~qwertyuiopasdfgh", "[redacted]"),
        // What is no secret.
        ("pin sha256:0123456789abcdef 10.96.0.1:443", "pin sha256:0123456789abcdef 10.96.0.1:443"),
        ("INFO state connection=\"rig\" owner=1000", "INFO state connection=\"rig\" owner=1000"),
        ("a token that ends in 14 min", "a token that ends in 14 min"),
        ("https://10.0.0.1:6443/", "https://10.0.0.1:6443/"),
    ] {
        assert_eq!(redacted(text), expected);
    }
}

#[test]
fn private_keys_go_whole_or_cut() {
    for text in [
        format!("before\n{KEY}\nafter"),
        format!("before\n{}\nafter", KEY.replace("PRIVATE", "EC PRIVATE")),
        format!("before {:?} after", KEY),
        format!("before\n{}", KEY.rsplit_once('\n').unwrap().0),
        format!("{}\nafter", KEY.split_once('\n').unwrap().1),
        format!("before {} after", BASE64_STANDARD.encode(KEY)),
    ] {
        let redacted = redacted(&text);
        assert!(redacted.contains(MARK) && !redacted.contains("MIGH") && !redacted.contains("AgEGC"), "{redacted}");
    }
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    assert_eq!(redacted(certificate), certificate, "everybody may see a certificate");
}

#[test]
fn known_secrets_go_whatever_they_look_like() {
    let redactor = Redactor::new(["plain".to_owned(), "plainer words".to_owned(), "abc".to_owned()]);
    assert_eq!(redactor.text("plainer words, plain, abc"), "[redacted], [redacted], abc");
    assert_eq!(redactor.text(&BASE64_STANDARD.encode("plain")), MARK);
}

#[test]
fn json_stays_json() {
    let mut value = json!({
        "token": "abc", "tokens": 7, "name": "rig", "note": "password=\"x y\"", "list": ["Bearer abc"], "empty_secret": "",
        "reason": "a token that ends in 14 min",
    });
    Redactor::default().json(&mut value);
    assert_eq!(
        value,
        json!({
            "token": MARK, "tokens": 7, "name": "rig", "note": format!("password=\"{MARK}\""),
            "list": [format!("Bearer {MARK}")], "empty_secret": "", "reason": "a token that ends in 14 min",
        })
    );
}

#[test]
fn to_redact_twice_changes_nothing_more() {
    for text in
        ["password=hunter2", "token: abc def", "Authorization: Bearer abc", "https://a:b@c/", KEY, "--token abc"]
    {
        let once = redacted(text);
        assert_eq!(redacted(&once), once);
    }
}

/// How secrets come to stand in logs.
const PLACES: &[&str] = &[
    "Authorization: Bearer {}",
    "authorization=Bearer {}",
    "\"Authorization\":\"Bearer {}\"",
    "curl -H 'Authorization: Bearer {}' https://a",
    "error: bearer {} is not accepted",
    "password={}",
    "password: {}",
    "PGPASSWORD={} psql",
    "{\"password\":\"{}\"}",
    "{\"m\":\"{\\\"password\\\":\\\"{}\\\"}\"}",
    "client_secret='{}'",
    "--password {}",
    "--token={}",
    "api_key: \"{}\"",
    "https://ann:{}@proxy.example.com:3128",
    "user.token = {}",
    "Set-Cookie: {}",
    "id-token: {}",
    "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
    "eyJhbGciOiJSUzI1NiJ9.{}",
];

proptest! {
    #[test]
    fn no_secret_survives_in_any_place(
        secret in "[A-Za-z0-9_-]{12,40}",
        before in "[a-z =:,.]{0,30}",
        after in "[a-z =:,.]{0,30}",
        place in prop::sample::select(PLACES),
    ) {
        let text = format!("{before}\n{}\n{after}", place.replace("{}", &secret));
        let out = redacted(&text);
        prop_assert!(!out.contains(&secret), "{out}");
    }

    #[test]
    fn no_known_secret_survives_anywhere(
        secret in "[!-~]{8,40}",
        others in prop::collection::vec("[!-~]{4,12}", 0..4),
        before in "\\PC{0,40}",
        after in "\\PC{0,40}",
    ) {
        let redactor = Redactor::new(others.into_iter().chain([secret.clone()]));
        let text = format!("{before}{secret}{after}");
        prop_assert!(!redactor.text(&text).contains(&secret));
        let mut value = json!({ "a": [text] });
        redactor.json(&mut value);
        prop_assert!(!value["a"][0].as_str().unwrap().contains(&secret));
    }

    #[test]
    fn nothing_makes_it_panic(text in "\\PC*") {
        redacted(&text);
    }
}
