//! Proof: what is said to reach the laptop does, what does not is named, and nobody's program notices that it was tried. Who holds
//! what, and who ended it. Names as the intercepted pod resolves them.

use std::process::Child;
use std::time::Duration;

use hawser_cluster::{Laptop, apply, becomes, in_pod, kubectl, on_laptop, on_node, start_on_laptop, within};
use serde_json::Value;

/// A Deployment that writes down all that comes to it, by TCP and UDP, and its service; gone at the end.
struct App(&'static str);

impl App {
    fn new(name: &'static str, replicas: u32) -> Self {
        Self::with(name, replicas, "")
    }

    fn with(name: &'static str, replicas: u32, more: &str) -> Self {
        apply(&format!(
            "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: default}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}, annotations: {{hawser.dev/inject: enabled}}}}
    spec:
      terminationGracePeriodSeconds: 1
      {more}
      containers:
        - name: app
          image: rig.local/tools:1
          imagePullPolicy: Never
          command: [/bin/sh, -c, 'touch /tmp/got; socat -u UDP-RECV:5353 OPEN:/tmp/got,append &
            exec socat -u TCP-LISTEN:8080,fork,reuseaddr,backlog=256 OPEN:/tmp/got,append']
          ports: [{{containerPort: 8080, name: http}}, {{containerPort: 5353, name: talk, protocol: UDP}}]
          readinessProbe: {{exec: {{command: [test, -e, /tmp/got]}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: http}}, {{name: talk, port: 53, targetPort: talk, protocol: UDP}}]"
        ));
        kubectl(&format!("rollout status -n default deployment/{name} --timeout=60s"));
        Self(name)
    }

    fn pods(&self) -> Vec<String> {
        let pods = kubectl(&format!("get pods -n default -l app={} -o jsonpath='{{.items[*].metadata.name}}'", self.0));
        pods.split_whitespace().map(str::to_owned).collect()
    }

    /// How many bytes have come to its programs.
    fn bytes(&self) -> usize {
        let of = |pod: &String| kubectl(&format!("exec -n default {pod} -c app -- sh -c 'wc -c </tmp/got'"));
        self.pods().iter().map(|pod| of(pod).trim().parse::<usize>().unwrap()).sum()
    }

    fn service(&self) -> String {
        kubectl(&format!("get service {} -n default -o jsonpath={{.spec.clusterIP}}", self.0))
    }
}

impl Drop for App {
    fn drop(&mut self) {
        on_node(&format!(
            "kubectl delete --ignore-not-found --wait=false -n default deployment/{0} service/{0}",
            self.0
        ));
    }
}

/// A program on the laptop that writes down what comes to it; it ends with this. Of its own accord socat holds five connections that it
/// has not accepted yet, and the kernel resets others.
struct Handler(Child);

impl Handler {
    const GOT: &str = "/run/proof-got";

    fn listening() -> Self {
        on_laptop(&format!("rm -f {0}; touch {0}", Self::GOT));
        let started = start_on_laptop(&format!(
            "socat -u UDP-RECV:9001,bind=127.0.0.1 OPEN:{0},append &
             exec socat -u TCP-LISTEN:9000,bind=127.0.0.1,fork,reuseaddr,backlog=256 OPEN:{0},append",
            Self::GOT
        ));
        within(5, "the handler listens", || on_laptop("ss -ltn | grep -q 127.0.0.1:9000").code == 0);
        Self(started)
    }

    fn got(&self) -> String {
        on_laptop(&format!("cat {}", Self::GOT)).out
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        on_laptop("pkill -f '[s]ocat -u (UDP-RECV:9001|TCP-LISTEN:9000)'");
        let _ = self.0.wait();
    }
}

fn intercept(laptop: &Laptop, arguments: &str) -> Value {
    let said = laptop.hawser(&format!("intercept {arguments} --json"));
    assert_eq!(said.code, 0, "{said:?}");
    serde_json::from_str(&said.out).unwrap()
}

/// The ways of a card: where each leads, whether it gets there, and why not.
fn ways(card: &Value) -> Vec<(String, bool, String)> {
    let text = |trial: &Value, field: &str| trial[field].as_str().unwrap_or_default().to_owned();
    let mut ways: Vec<_> = card["proof"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| {
            let name = if trial["service"].is_null() { text(trial, "pod") } else { "service".to_owned() };
            let way = format!("{name} {} {}", text(trial, "protocol"), trial["port"]);
            (way, trial["reached"] == true, text(&trial["cause"], "detail"))
        })
        .collect();
    ways.sort();
    ways
}

#[test]
fn every_way_is_proven_and_no_program_gets_any_of_it() {
    let app = App::new("proven", 2);
    let laptop = Laptop::developer();
    let handler = Handler::listening();
    for _ in 0..3 {
        // From the second time on it is there already, and looked at anew.
        let card = intercept(&laptop, "proven --port 9000:http --port 9001:talk/udp");
        let ways = ways(&card);
        let mut expected: Vec<String> = app
            .pods()
            .into_iter()
            .chain(["service".to_owned()])
            .flat_map(|name| [format!("{name} TCP 8080"), format!("{name} UDP 5353")])
            .collect();
        expected.sort();
        assert_eq!(ways.iter().map(|(way, ..)| way.clone()).collect::<Vec<_>>(), expected);
        assert!(ways.iter().all(|(_, reached, _)| *reached), "{ways:#?}");
        assert_eq!(card["warnings"], serde_json::json!([]), "{card:#}");
    }
    assert_eq!((handler.got().as_str(), app.bytes()), ("", 0), "a program got bytes of the proof");
    let service = app.service();
    on_node(&format!("echo by tcp | socat -u - TCP:{service}:80; echo by udp | socat -u - UDP:{service}:53"));
    within(5, "both come to the handler", || {
        let got = handler.got();
        got.contains("by tcp") && got.contains("by udp")
    });
    assert_eq!(app.bytes(), 0);
    let text = laptop.hawser("intercept proven --port 9000:http --port 9001:talk/udp").out;
    for way in [format!("service proven ({service}:80)"), format!("service proven ({service}:53/udp)")] {
        assert!(text.contains(&way), "{text}");
    }
}

#[test]
fn clients_notice_nothing_while_it_is_tried() {
    let app = App::new("unnoticed", 1);
    let laptop = Laptop::developer();
    let handler = Handler::listening();
    let service = app.service();
    intercept(&laptop, "unnoticed --port 9000:http");
    let clients = std::thread::spawn(move || {
        on_node(&format!(
            "failed=0; for i in $(seq 200); do echo line-$i | timeout 2 socat -u - TCP:{service}:80 || failed=$((failed + 1)); done; \
             echo $failed"
        ))
    });
    for _ in 0..10 {
        intercept(&laptop, "unnoticed --port 9000:http");
    }
    assert_eq!(clients.join().unwrap().out, "0");
    let came = || {
        let mut numbers: Vec<_> = handler.got().lines().map(|line| line.replace("line-", "").parse::<u32>()).collect();
        numbers.sort_by_key(|number| number.clone().unwrap_or_default());
        numbers
    };
    becomes(10, "all lines come, and nothing else", &(1..=200).map(Ok).collect(), came);
    assert_eq!(app.bytes(), 0);
}

#[test]
fn a_replica_that_does_not_reach_the_laptop_is_named_with_the_reason() {
    let app = App::new("partly", 2);
    let laptop = Laptop::developer();
    let _handler = Handler::listening();
    intercept(&laptop, "partly --port 9000:http");
    let pods = app.pods();
    let (away, here) = (&pods[0], &pods[1]);

    in_pod(away, "iptables -I INPUT -p tcp --dport 7401 -j DROP");
    let ways_now = ways(&intercept(&laptop, "partly --port 9000:http"));
    let of = |ways: &[(String, bool, String)], name: &str| {
        ways.iter().find(|(way, ..)| way.starts_with(name)).map(|(_, reached, why)| (*reached, why.clone())).unwrap()
    };
    assert_eq!(of(&ways_now, here), (true, String::new()));
    let (reached, why) = of(&ways_now, away);
    assert!(!reached && why.contains(away.as_str()) && why.contains("within a second"), "{ways_now:#?}");
    in_pod(away, "iptables -D INPUT -p tcp --dport 7401 -j DROP");

    in_pod(away, "iptables -I OUTPUT -p tcp --dport 7301 -j REJECT --reject-with tcp-reset");
    let mut ways_now = Vec::new();
    within(40, "the link is gone", || {
        ways_now = ways(&intercept(&laptop, "partly --port 9000:http"));
        !of(&ways_now, away).0
    });
    assert!(of(&ways_now, away).1.contains("is not linked to the manager"), "{ways_now:#?}");
    assert!(of(&ways_now, "service").1.contains("was not tried"), "{ways_now:#?}");
    assert_eq!(of(&ways_now, here), (true, String::new()));
    in_pod(away, "iptables -D OUTPUT -p tcp --dport 7301 -j REJECT --reject-with tcp-reset");
    within(30, "all is well again", || {
        ways(&intercept(&laptop, "partly --port 9000:http")).iter().all(|(_, reached, _)| *reached)
    });
}

#[test]
fn a_local_port_on_which_nobody_listens_is_named_and_the_ways_still_lead_here() {
    let _app = App::new("silent", 1);
    let laptop = Laptop::developer();
    let card = intercept(&laptop, "silent --port 9000:http");
    assert_eq!(card["warnings"][0]["code"], "local-port-silent");
    assert!(ways(&card).iter().all(|(_, reached, _)| *reached), "{card:#}");
}

/// What became of the only intercept, once it is over.
fn end(laptop: &Laptop) -> (String, String) {
    let of = |field: &str| laptop.status()["intercepts"][0]["cause"][field].as_str().unwrap_or_default().to_owned();
    let took = within(5, "the end is seen", || laptop.status()["intercepts"][0]["phase"] == "ended");
    assert!(took < Duration::from_secs(2), "{took:?}");
    (of("code"), of("detail"))
}

#[test]
fn who_ended_it_and_why_is_seen_at_once() {
    let _app = App::new("ending", 1);
    let laptop = Laptop::developer();
    let object = || intercept(&laptop, "ending --port 9000:http")["intercept"]["object"].as_str().unwrap().to_owned();

    let name = object();
    kubectl(&format!("annotate intercept {name} -n default hawser.dev/reason='the shop is being moved'"));
    kubectl(&format!("delete intercept {name} -n default --wait=false"));
    let (code, detail) = end(&laptop);
    assert_eq!(code, "intercept-ended");
    assert!(detail.ends_with("the reason given: the shop is being moved"), "{detail}");

    let name = object();
    let said = on_laptop(&format!("kubectl delete intercept {name} -n default --wait=false"));
    assert_eq!(said.code, 0, "{said:?}");
    let (code, detail) = end(&laptop);
    assert_eq!(code, "intercept-ended");
    assert!(detail.contains("by dev or somebody with the right to revoke, without a reason"), "{detail}");

    intercept(&laptop, "ending --port 9000:http --until 3s");
    within(10, "its time is over", || laptop.status()["intercepts"][0]["phase"] == "ended");
    assert_eq!(end(&laptop).0, "intercept-expired");
}

#[test]
fn whoever_may_intercept_a_workload_sees_who_does() {
    let _app = App::new("held", 1);
    let laptop = Laptop::developer();
    let holders = || {
        let list: Value = serde_json::from_str(&laptop.hawser("list -n default --json").out).unwrap();
        let workloads = list["namespaces"][0]["workloads"].as_array().unwrap().clone();
        workloads.into_iter().find(|workload| workload["name"] == "held").unwrap()["intercepted_by"].clone()
    };
    assert_eq!(holders(), serde_json::json!([]));
    let card = intercept(&laptop, "held --port 9000:http");
    within(5, "the holder is told", || holders()[0]["user"] == "dev");
    let holder = &holders()[0];
    assert_eq!((&holder["mode"], &holder["intercept"]), (&"intercept".into(), &card["intercept"]["object"]));
    assert!(holder["since"].as_i64().unwrap() > 1_700_000_000_000);
    assert!(laptop.hawser("list -n default").out.contains("dev ("));
    laptop.hawser("leave held");
    within(5, "it is nobody's again", || holders() == serde_json::json!([]));
}

/// A name server of a team's own, which knows one name that the cluster's doesn't.
struct OwnNames;

impl OwnNames {
    fn new() -> Self {
        apply(
            "apiVersion: v1
kind: ConfigMap
metadata: {name: own-names, namespace: default}
data:
  Corefile: |
    .:53 {
        hosts {
            10.96.77.77 hidden.default.svc.cluster.local
        }
    }
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: own-names, namespace: default}
spec:
  selector: {matchLabels: {app: own-names}}
  template:
    metadata: {labels: {app: own-names}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: coredns
          image: rig.local/coredns:1
          imagePullPolicy: Never
          args: [-conf, /etc/coredns/Corefile]
          volumeMounts: [{name: config, mountPath: /etc/coredns}]
      volumes: [{name: config, configMap: {name: own-names}}]
---
apiVersion: v1
kind: Service
metadata: {name: own-names, namespace: default}
spec: {selector: {app: own-names}, ports: [{name: dns, port: 53, protocol: UDP}]}",
        );
        kubectl("rollout status -n default deployment/own-names --timeout=60s");
        Self
    }
}

impl Drop for OwnNames {
    fn drop(&mut self) {
        on_node(
            "kubectl delete --ignore-not-found -n default deployment/own-names service/own-names configmap/own-names",
        );
    }
}

#[test]
fn names_are_looked_up_as_the_intercepted_pod_does() {
    let _names = OwnNames::new();
    let server = kubectl("get service own-names -n default -o jsonpath={.spec.clusterIP}");
    let _app = App::with("resolving", 1, &format!("dnsPolicy: None\n      dnsConfig: {{nameservers: ['{server}']}}"));
    let laptop = Laptop::developer();
    let hidden = || on_laptop("dig +short +time=2 +tries=1 hidden.default.svc.cluster.local").out;
    assert_eq!(hidden(), "");
    intercept(&laptop, "resolving --port 9000:http");
    // That there is no such name was remembered for a while.
    within(40, "the pod's own name server is asked", || hidden() == "10.96.77.77");
    let web = kubectl("get service web -n default -o jsonpath={.spec.clusterIP}");
    assert_eq!(
        on_laptop("dig +short +time=3 +tries=1 web.default.svc.cluster.local").out,
        web,
        "and the cluster's after it"
    );
    laptop.hawser("leave resolving");
    within(40, "the cluster's alone is asked", || hidden().is_empty());
}
