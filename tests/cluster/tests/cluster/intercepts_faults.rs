//! What an intercept withstands, and what speaks against one before anything is touched.

use std::time::{Duration, Instant};

use hawser_cluster::{
    Asking, BlackHole, Handler, Laptop, Managers, Place, Plan, Workload, curl, kubectl, on_laptop, on_node, within,
};

fn no_manager_is_left() -> bool {
    kubectl("get pods -n hawser -l app.kubernetes.io/component=manager -o name").is_empty()
}

fn is_answered(workload: &Workload, by: &str) -> bool {
    workload.ask("/").split(' ').next() == Some(by)
}

#[test]
fn without_a_manager_the_app_answers_and_after_it_the_laptop() {
    let laptop = Laptop::developer();
    let shop = Plan::new("orphan").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept orphan --port 9000:http");
    let uid = kubectl("get intercepts -n default -o jsonpath={.items[*].metadata.uid}");
    let asking = Asking::new(&format!("http://{}/", shop.address));
    let managers = Managers::away();
    within(60, "the managers are gone", no_manager_is_left);
    within(5, "the app answers", || asking.answers().last().unwrap().who == "orphan");
    managers.back();
    within(60, "the laptop answers again", || asking.answers().last().unwrap().who == "laptop");
    within(20, "it is shown", || laptop.phase("orphan") == "active");
    println!("longest time without an answer: {} ms", asking.longest_gap());
    assert!(asking.longest_gap() < 1_000, "{:?}", asking.answers());
    assert_eq!(kubectl("get intercepts -n default -o jsonpath={.items[*].metadata.uid}"), uid);
}

#[test]
fn a_manager_that_is_killed_is_hardly_noticed() {
    let laptop = Laptop::developer();
    let shop = Plan::new("bereaved").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept bereaved --port 9000:http");
    let _managers = Managers::disturbed();
    let asking = Asking::new(&format!("http://{}/", shop.address));
    for _ in 0..2 {
        let oldest = kubectl(
            "get pods -n hawser -l app.kubernetes.io/component=manager --sort-by=.metadata.creationTimestamp -o jsonpath={.items[0].metadata.name}",
        );
        kubectl(&format!("delete pod -n hawser {oldest} --grace-period=0 --force"));
        kubectl("rollout status -n hawser deployment/hawser-manager --timeout=60s");
        within(20, "the laptop answers", || asking.answers().last().unwrap().who == "laptop");
    }
    println!("longest time without an answer: {} ms", asking.longest_gap());
    assert!(asking.longest_gap() < 1_000, "{:?}", asking.answers());
    within(20, "it is shown", || laptop.phase("bereaved") == "active");
}

#[test]
fn pods_come_and_go() {
    let laptop = Laptop::developer();
    let shop = Plan::new("changing").start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept changing --port 9000:http");
    let settled = |what: &str, seconds| {
        within(seconds, what, || laptop.phase("changing") == "active" && is_answered(&shop, "laptop"));
    };
    kubectl(&format!("delete pod -n default {} --wait=false", shop.pods()[0]));
    within(20, "another pod", || {
        shop.pods().len() == 1 && shop.kubectl("get -o jsonpath={.status.readyReplicas}") == "1"
    });
    settled("the laptop answers after a pod was deleted", 15);

    shop.kubectl("rollout restart");
    shop.kubectl("rollout status --timeout=60s");
    settled("the laptop answers after a rollout", 15);

    shop.kubectl("scale --replicas=0");
    within(30, "it waits", || laptop.phase("changing") == "waiting");
    assert_eq!(laptop.intercept("changing")["cause"]["code"], "pod-absent");
    shop.kubectl("scale --replicas=2");
    shop.kubectl("rollout status --timeout=60s");
    settled("the laptop answers after a time without pods", 30);
    within(20, "every pod's traffic goes to the laptop", || {
        let (pods, port) = (shop.pod_addresses(), shop.behind_http());
        pods.len() == 2 && pods.iter().all(|pod| curl(&format!("http://{pod}:{port}/")) == "laptop GET /")
    });
    let agent = on_node(&format!(
        "kubectl exec -n default {} -c server -- sh -c 'kill $(pgrep -x hawser-agent)' 2>&1; pkill -KILL -x hawser-agent",
        shop.pods()[0]
    ));
    assert_eq!(agent.code, 0, "{agent:?}");
    settled("the laptop answers after agents were killed", 40);
    laptop.ok("leave changing");
    assert!(is_answered(&shop, "changing"));
}

#[test]
fn a_helper_that_is_killed_goes_on_where_it_was() {
    let mut laptop = Laptop::developer();
    let shop = Plan::new("resumed").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept resumed --port 9000:http");
    let uid = kubectl("get intercepts -n default -o jsonpath={.items[*].metadata.uid}");
    laptop.kill_helper();
    within(3, "the app answers meanwhile", || is_answered(&shop, "resumed"));
    laptop.start_helper();
    within(15, "the laptop answers", || is_answered(&shop, "laptop"));
    within(5, "it is shown", || laptop.phase("resumed") == "active");
    assert_eq!(kubectl("get intercepts -n default -o jsonpath={.items[*].metadata.uid}"), uid);
}

#[test]
fn who_deletes_it_in_the_cluster_ends_it_on_the_laptop() {
    let laptop = Laptop::developer();
    let shop = Plan::new("revoked").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept revoked --port 9000:http");
    assert!(is_answered(&shop, "laptop"));
    kubectl("delete intercepts -n default --all");
    let took = within(2, "it is shown", || laptop.phase("revoked") == "ended");
    println!("seen after {took:?}");
    assert_eq!(laptop.intercept("revoked")["cause"]["code"], "intercept-ended");
    within(1, "the app answers", || is_answered(&shop, "revoked"));
    laptop.ok("intercept revoked --port 9000:http");
    assert!(is_answered(&shop, "laptop"), "it can be asked for again");
}

#[test]
fn it_ends_by_itself_when_it_was_to() {
    let laptop = Laptop::developer();
    let shop = Plan::new("timely").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    let began = Instant::now();
    laptop.ok("intercept timely --port 9000:http --until 4s");
    laptop.ok("extend timely --until 6s");
    std::thread::sleep(Duration::from_secs(5).saturating_sub(began.elapsed()));
    assert!(is_answered(&shop, "laptop"));
    within(5, "it is over", || laptop.phase("timely") == "ended");
    assert!(began.elapsed() > Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(laptop.intercept("timely")["cause"]["code"], "intercept-expired");
    assert!(is_answered(&shop, "timely"));
}

/// The first laptop hears nothing as long as this lives; the other one, behind it, does.
struct Silence;

impl Silence {
    fn now() -> Self {
        for chain in ["INPUT", "OUTPUT"] {
            on_laptop(&format!("iptables -A {chain} -p tcp -m multiport --ports 6443,443 -j DROP"));
        }
        Self
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        on_laptop("iptables -F INPUT; iptables -F OUTPUT");
    }
}

#[test]
fn a_silent_laptop_holds_nothing_and_hears_who_has_it() {
    let first = Laptop::developer();
    let shop = Plan::new("contested").willing().start();
    let second = Laptop::second();
    let _handler = Handler::nginx(9000, "laptop");
    let _other = Handler::nginx_at(Place::Second, 9000, "second");
    first.ok("intercept contested --port 9000:http");
    second.place().run("true");
    let silence = Silence::now();
    within(15, "the app answers", || is_answered(&shop, "contested"));
    let phase = || kubectl("get intercepts -n default -o jsonpath='{.items[*].status.phase}'");
    within(50, "it waits", || phase() == "Waiting");
    second.ok("intercept contested --port 9000:http");
    assert!(is_answered(&shop, "second"));
    drop(silence);
    within(30, "the first hears", || first.phase("contested") == "ended");
    let cause = first.intercept("contested")["cause"].clone();
    assert_eq!(cause["code"], "port-held", "{cause}");
    assert!(cause["detail"].as_str().unwrap().contains("second"), "{cause}");
    assert!(is_answered(&shop, "second"));
}

#[test]
fn a_cable_that_is_out_for_seven_seconds_needs_nobody() {
    let laptop = Laptop::developer();
    let shop = Plan::new("flaky").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept flaky --port 9000:http");
    let link = BlackHole::now();
    std::thread::sleep(Duration::from_secs(7));
    drop(link);
    within(30, "the laptop answers", || is_answered(&shop, "laptop"));
    within(10, "it is shown", || laptop.phase("flaky") == "active");
}

/// Something of the cluster that speaks against an intercept, gone at the end.
struct Obstacle(&'static str);

impl Obstacle {
    fn new(make: &str, remove: &'static str) -> Self {
        kubectl(make);
        Self(remove)
    }
}

impl Drop for Obstacle {
    fn drop(&mut self) {
        on_node(&format!("kubectl {}", self.0));
    }
}

#[test]
fn what_speaks_against_it_is_said_before_a_pod_is_touched() {
    let laptop = Laptop::developer();
    let refused = |shop: &Workload, code: &str| {
        let pods = shop.pods();
        let began = Instant::now();
        let said = laptop.fault(&format!("intercept {} --port 9000:http", shop.name));
        assert!(said.err.contains(&format!("code: {code}")), "{code}: {said:?}");
        println!("{code} after {:?}: {}", began.elapsed(), said.err);
        assert!(began.elapsed() < Duration::from_secs(5), "{code}: {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(shop.pods(), pods, "{code}");
        assert_eq!(kubectl("get intercepts -n default -o name"), "", "{code}");
    };
    let unwilling = Plan::new("unwilling").annotated("hawser.dev/inject: disabled").start();
    refused(&unwilling, "injection-disabled");
    drop(unwilling);

    let shop = Plan::new("hindered").start();
    {
        let _quota =
            Obstacle::new("create quota tight -n default --hard=requests.memory=1Mi", "delete quota tight -n default");
        within(5, "the quota counts", || !kubectl("get quota tight -n default -o jsonpath={.status.hard}").is_empty());
        refused(&shop, "pod-refused");
    }
    {
        let _budget = Obstacle::new(
            "create poddisruptionbudget tight -n default --selector=app=hindered --min-available=1",
            "delete poddisruptionbudget tight -n default",
        );
        let generation = || kubectl("get pdb tight -n default -o jsonpath={.status.observedGeneration}");
        within(5, "the budget counts", || generation() == "1");
        refused(&shop, "eviction-blocked");
    }
    {
        let policy = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: by-number, namespace: default}
spec:
  podSelector: {matchLabels: {app: hindered}}
  ingress: [{from: [{podSelector: {matchLabels: {app: front}}}], ports: [{port: 8080}]}]";
        hawser_cluster::apply(policy);
        let _policy = Obstacle("delete networkpolicy by-number -n default");
        refused(&shop, "injection-impossible");
    }
    {
        let webhook = "mutatingwebhookconfiguration hawser-manager.hawser --type=json";
        let path = "/webhooks/0/clientConfig/service/name";
        let name = kubectl(
            "get mutatingwebhookconfiguration hawser-manager.hawser -o jsonpath={.webhooks[0].clientConfig.service.name}",
        );
        assert_eq!(name, "hawser-manager-agents");
        let patch =
            |to: &str| format!("patch {webhook} -p '[{{\"op\":\"replace\",\"path\":\"{path}\",\"value\":\"{to}\"}}]'");
        let _broken = Obstacle::new(
            &patch("nowhere"),
            "patch mutatingwebhookconfiguration hawser-manager.hawser --type=json \
             -p '[{\"op\":\"replace\",\"path\":\"/webhooks/0/clientConfig/service/name\",\"value\":\"hawser-manager-agents\"}]'",
        );
        refused(&shop, "webhook-unreachable");
    }
    drop(shop);
    let numeric = Plan::new("privileged").numeric().start();
    let _baseline = Obstacle::new(
        "label namespace default pod-security.kubernetes.io/enforce=baseline",
        "label namespace default pod-security.kubernetes.io/enforce-",
    );
    refused(&numeric, "pod-refused");
}

#[test]
fn pods_whose_agent_cannot_start_are_given_back() {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../installer/chart");
    let laptop = Laptop::developer();
    let shop = Plan::new("restored").start();
    let upgrade = |image: &str| {
        let said = on_node(&format!(
            "helm upgrade hawser {chart} -n hawser --reuse-values --set agent.image={image} --wait --timeout 60s"
        ));
        assert_eq!(said.code, 0, "{said:?}");
    };
    upgrade("hawser.dev/nowhere:1");
    let said = laptop.hawser("intercept restored --port 9000:http");
    upgrade("");
    assert!(said.err.contains("code: pods-not-ready"), "{said:?}");
    println!("{}", said.err);
    within(40, "pods are as they were", || {
        let containers = shop.pod_fields("{.spec.initContainers[*].name}{.spec.containers[*].name}");
        containers == ["server"] && is_answered(&shop, "restored")
    });
    laptop.ok("intercept restored --port 9000:http");
}
