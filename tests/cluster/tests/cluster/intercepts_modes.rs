//! In place of a container, and beside it.

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

#[test]
fn a_dry_run_says_what_would_restart_and_restarts_nothing() {
    let laptop = Laptop::developer();
    let shop = Plan::new("previewed").start();
    let pods = shop.pods();
    let said = laptop.ok("intercept previewed --port 9000:http --dry-run");
    assert!(said.out.starts_with(&format!("Would restart {}.\n", pods[0])), "{said:?}");
    assert!(said.out.contains("it has one pod"), "what clients notice: {said:?}");
    assert_eq!(shop.pods(), pods);
    assert_eq!(kubectl("get intercepts -n default -o name"), "");

    kubectl("create quota none -n default --hard=pods=0");
    let said = laptop.hawser("intercept previewed --port 9000:http --dry-run --json");
    kubectl("delete quota none -n default");
    let refused: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(refused["error"]["code"], "pod-refused", "{said:?}");

    laptop.ok("intercept previewed --port 9000:http");
    let said = laptop.ok("intercept previewed --port 9000:http --name other --dry-run");
    assert_eq!(said.out, "No pod would be restarted.");
    laptop.ok("leave previewed");
}
