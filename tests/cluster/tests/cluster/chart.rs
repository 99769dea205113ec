//! What the chart says for everybody: subnets, names, and who may see what.

use hawser_cluster::{
    Laptop, get, kubectl, left_out_without, no_developers, on_laptop, on_node, queries, settle, within,
};

/// Installs the chart with these values on top of the present ones; the former ones come back at the end.
struct Upgrade;

impl Upgrade {
    fn with(values: &str) -> Self {
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../installer/chart");
        let said = on_node(&format!(
            "helm upgrade hawser {chart} -n hawser --reuse-values --wait --timeout 60s -f - <<'END'\n{values}\nEND"
        ));
        assert_eq!(said.code, 0, "{said:?}");
        Self
    }
}

impl Drop for Upgrade {
    fn drop(&mut self) {
        on_node("helm rollback hawser -n hawser --wait --timeout 60s");
        settle();
    }
}

/// Whether a lookup of this name gets to the cluster.
fn is_sent(name: &str) -> bool {
    let before = queries();
    on_laptop(&format!("dig +time=1 +tries=1 {name}"));
    queries() != before
}

#[test]
fn b5_b13_subnets_are_those_of_the_chart() {
    if left_out_without("a chart to upgrade") {
        return;
    }
    let board = kubectl("get service board -n team -o jsonpath={.spec.clusterIP}");
    let _upgrade = Upgrade::with(&format!(
        "podSubnets: [10.244.0.0/24, 10.99.0.0/16]\nalsoProxy: [172.29.0.0/24]\nneverProxy: ['{board}/32']"
    ));
    let laptop = Laptop::connected("");
    let status = laptop.status();
    let subnets: Vec<String> = serde_json::from_value(status["subnets"].clone()).unwrap();
    for net in ["10.99.0.0/16", "10.244.0.0/24", "172.29.0.0/24"] {
        assert!(subnets.iter().any(|subnet| subnet == net), "{net}: {subnets:?}");
    }
    let never: Vec<String> = serde_json::from_value(status["never_proxy"].clone()).unwrap();
    assert!(never.contains(&format!("{board}/32")), "{never:?}");
    assert!(get("http://web/").is_some());
    assert!(get("http://board.team/").is_none(), "a service that nobody is to reach this way is reached");
}

#[test]
fn c3_c4_c5_names_are_those_of_the_chart() {
    if left_out_without("a chart to upgrade") {
        return;
    }
    let _upgrade = Upgrade::with(
        "dns:
  includeSuffixes: [org, deep.example.net]
  excludeSuffixes: [example.net, private.org]
  excludes: [db, web.default, web.default.svc.cluster.local]
  mappings: {one: board.team, two.default: board.team.svc, three.cluster.local: board.team.svc.cluster.local, own: 127.0.0.1}",
    );
    let _laptop = Laptop::connected("");
    assert_eq!(on_laptop("dig +short www.example.org").out, "203.0.113.80");
    assert!(is_sent("a.deep.example.net"), "an include that is longer than an exclude");
    assert!(!is_sent("a.private.org"), "an exclude that is longer than an include");
    for name in ["db", "web.default", "web.default.svc.cluster.local"] {
        assert!(!is_sent(name), "{name} is excluded");
    }
    assert!(get("http://web/").is_some(), "other forms of an excluded name are not");
    for name in ["one", "two.default", "three.cluster.local"] {
        let page = get(&format!("http://{name}/"));
        assert!(page.as_ref().is_some_and(|page| page.starts_with("board-")), "{name}: {page:?}");
    }
    assert_eq!(on_laptop("getent ahostsv4 own").out.split_whitespace().next(), Some("127.0.0.1"));
}

#[test]
fn a_user_sees_the_namespaces_in_which_they_may_intercept() {
    if left_out_without("a chart to upgrade") {
        return;
    }
    no_developers();
    let laptop = Laptop::connected("");
    let listed = |arguments: &str| laptop.hawser(&format!("list --json {arguments}")).out;
    // What the API server said holds for a minute; another laptop's session begins anew.
    within(70, "without any right there is nothing to see", || listed("") == "{\n  \"namespaces\": []\n}");
    kubectl("create rolebinding dev -n team --clusterrole=hawser-developer --user=dev");
    let seen = || {
        let text = listed("");
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|_| panic!("{text}"))
    };
    within(70, "the new right is seen", || !seen()["namespaces"].as_array().unwrap().is_empty());
    let seen = seen();
    kubectl("delete rolebinding dev -n team");
    assert_eq!(seen["namespaces"].as_array().unwrap().len(), 1, "{seen}");
    let team = &seen["namespaces"][0];
    assert_eq!(team["name"], "team");
    assert_eq!(team["workloads"][0]["name"], "board");
    assert_eq!(team["workloads"][0]["services"], serde_json::json!(["board"]));
    assert_eq!(team["services"][0]["ports"][0]["number"], 80);
}

/// A second install, for one namespace.
struct Tools;

impl Tools {
    fn new() -> Self {
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../installer/chart");
        let said = on_node(&format!(
            "helm get values hawser -n hawser -o json | helm install hawser {chart} -n tools --create-namespace -f - \
             --set namespaces={{team}},crds.install=false,roles.developer=false --wait --timeout 60s"
        ));
        assert_eq!(said.code, 0, "{said:?}");
        Self
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        on_node("helm uninstall hawser -n tools --wait --timeout 60s; kubectl delete namespace tools --wait=false");
    }
}

#[test]
fn a_second_install_serves_its_own_namespaces_alone() {
    if left_out_without("a chart to upgrade") {
        return;
    }
    let _tools = Tools::new();
    let laptop = Laptop::connected("--kubeconfig ~/.kube/admin --manager-namespace tools --namespace team");
    let page = get("http://board/");
    assert!(page.as_ref().is_some_and(|page| page.starts_with("board-")), "{page:?}");
    let list = laptop.hawser("list --json");
    let list: serde_json::Value = serde_json::from_str(&list.out).unwrap_or_else(|_| panic!("{list:?}"));
    let names: Vec<&str> =
        list["namespaces"].as_array().unwrap().iter().map(|namespace| namespace["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["team"]);
    let log = kubectl("logs -n tools -l app.kubernetes.io/component=manager --tail=-1");
    assert!(!log.contains("forbidden") && !log.contains("is interrupted"), "{log}");
}
