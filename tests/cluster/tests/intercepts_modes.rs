//! In place of a container, and beside it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use hawser_cluster::{Handler, Laptop, Plan, curl, kubectl, on_laptop, within};
use serde_json::Value;

#[test]
fn a_container_is_replaced_and_comes_back() {
    let laptop = Laptop::developer();
    let shop = Plan::new("replaced").start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("replace replaced --port 9000:http --port 9001:h2");
    assert_eq!(shop.ask("/a"), "laptop GET /a");
    let h2 = format!("--http2-prior-knowledge http://{}:81/b", shop.address);
    assert_eq!(curl(&h2), "laptop GET /b");
    let command = shop.pod_fields("{.spec.containers[?(@.name==\"server\")].command}");
    assert_eq!(command, [r#"["/hawser-agent","idle"]"#], "its program does not run");
    laptop.ok("leave replaced");
    within(30, "the app answers", || shop.ask("/a") == "replaced GET /a");
    assert_eq!(curl(&h2), "replaced GET /b");
    let command = shop.pod_fields("{.spec.containers[?(@.name==\"server\")].command[0]}");
    assert_eq!(command, ["/bin/sh"]);
}

#[test]
fn an_ingest_shows_the_environment_and_leaves_traffic_alone() {
    let laptop = Laptop::developer();
    let shop = Plan::new("ingested").environment("{name: COLOUR, value: teal}").start();
    let said = laptop.ok("ingest ingested --env-json /run/ingested.json");
    assert!(!said.out.contains("teal"), "values aren't shown: {said:?}");
    let environment: Value = serde_json::from_str(&on_laptop("cat /run/ingested.json").out).unwrap();
    assert_eq!(environment["COLOUR"], "teal");
    assert_eq!(shop.ask("/"), "ingested GET /");
    laptop.ok("ingest ingested --env-json /run/ingested.json");
    assert_eq!(kubectl("get intercepts -n default -o name").lines().count(), 1);
    let said = laptop.hawser("ingest ingested -- sh -c 'test $COLOUR = teal'");
    assert_eq!(said.code, 0, "{said:?}");
}
