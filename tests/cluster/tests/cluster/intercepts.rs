//! The laptop answers for a workload: whole ports, by every way that traffic comes to one.

use hawser_cluster::{
    Handler, Kept, Laptop, Plan, Workload, curl, get, kubectl, on_laptop, on_node, start_on_laptop, start_on_node,
    within,
};
use serde_json::Value;

/// Bodies of some requests, each over a new connection.
fn answers(workload: &Workload, path: &str) -> Vec<String> {
    (0..6).map(|_| workload.ask(path)).collect()
}

fn all(answers: &[String], wanted: &str) -> bool {
    answers.iter().all(|answer| answer == wanted)
}

#[test]
fn a_port_is_answered_by_the_laptop_until_it_is_left() {
    let laptop = Laptop::developer();
    let shop = Plan::new("shop").start();
    let _handler = Handler::python(9000, "laptop");
    assert_eq!(shop.ask("/a"), "shop GET /a");
    laptop.ok("intercept shop --port 9000:http");
    let pods = shop.pods();
    assert!(all(&answers(&shop, "/"), "laptop"), "{:?}", answers(&shop, "/"));
    assert_eq!(get("http://shop/").as_deref(), Some("laptop"), "the laptop itself is one of the callers");
    assert_eq!(curl(&format!("--http2-prior-knowledge http://{}:81/b", shop.address)), "shop GET /b");
    let user = kubectl("get intercepts -n default -o jsonpath='{.items[*].spec.user} {.items[*].status.phase}'");
    assert_eq!(user, "dev Active");
    laptop.ok("leave shop");
    assert!(all(&answers(&shop, "/a"), "shop GET /a"), "{:?}", answers(&shop, "/a"));
    assert_eq!(shop.pods(), pods, "nothing is restarted for it");
    assert_eq!(kubectl("get intercepts -n default -o name"), "");
}

#[test]
fn no_connection_of_the_app_is_cut() {
    let laptop = Laptop::developer();
    let shop = Plan::new("lasting").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    let mut kept = Kept::new(&shop.address, 80);
    assert_eq!(kept.ask("/1"), "lasting GET /1");
    let echo = Echo::new(&shop.address);
    laptop.ok("intercept lasting --port 9000:http --port 9000:echo");
    assert_eq!(shop.ask("/2"), "laptop GET /2");
    assert_eq!(kept.ask("/3"), "laptop GET /3", "requests are decided on one by one");
    assert!(echo.answers("during"), "what is no HTTP stays where it is");
    laptop.ok("leave lasting");
    assert_eq!(kept.ask("/4"), "lasting GET /4");
    laptop.ok("intercept lasting --port 9000:http --http-header x-user=dev");
    assert_eq!(kept.ask("/5"), "lasting GET /5");
    assert_eq!(kept.ask("/6 X-User: dev"), "laptop GET /6");
    laptop.ok("leave lasting");
    assert_eq!(kept.ask("/7 X-User: dev"), "lasting GET /7");
    assert!(echo.answers("after"));
}

/// A connection to the port that sends everything back.
struct Echo(std::process::Child);

impl Echo {
    fn new(address: &str) -> Self {
        on_node("rm -f /tmp/echo.in /tmp/echo.out; mkfifo /tmp/echo.in");
        let echo = Self(start_on_node(&format!("exec socat - TCP4:{address}:7 <>/tmp/echo.in >/tmp/echo.out")));
        assert!(echo.answers("before"));
        echo
    }

    fn answers(&self, line: &str) -> bool {
        let command = format!(
            "echo {line} >/tmp/echo.in; for _ in $(seq 20); do grep -q {line} /tmp/echo.out && exit 0; sleep 0.1; done; exit 1"
        );
        on_node(&command).code == 0
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        on_node("pkill -f '[T]CP4:.*:7$'");
        let _ = self.0.wait();
    }
}

#[test]
fn a_port_without_a_name_is_redirected_in_the_pod() {
    let laptop = Laptop::developer();
    let shop = Plan::new("numeric").numeric().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept numeric --port 9000:http");
    assert_eq!(shop.pod_fields("{.spec.initContainers[*].name}"), ["hawser-redirect hawser-agent"]);
    assert!(all(&answers(&shop, "/x"), "laptop GET /x"), "{:?}", answers(&shop, "/x"));
    let pod = format!("http://{}:8080/x", shop.pod_addresses()[0]);
    assert_eq!(curl(&pod), "laptop GET /x", "who knows the pod's own address comes by the agent as well");
    laptop.ok("leave numeric");
    assert!(all(&answers(&shop, "/x"), "numeric GET /x"), "{:?}", answers(&shop, "/x"));
    within(5, "the pod stays ready", || shop.pod_fields("{.status.containerStatuses[*].ready}") == ["true"]);
}

#[test]
fn every_pod_of_a_stateful_set_behind_a_headless_service() {
    let laptop = Laptop::developer();
    let shop = Plan::new("stateful").kind("StatefulSet").headless().replicas(2).start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept statefulset/stateful --port 9000:http");
    shop.kubectl("rollout status --timeout=60s");
    let pods = shop.pod_addresses();
    assert_eq!(pods.len(), 2);
    for pod in &pods {
        assert_eq!(curl(&format!("http://{pod}:8080/x")), "laptop GET /x");
    }
    assert_eq!(get("http://stateful-1.stateful:8080/y").as_deref(), Some("laptop GET /y"));
    assert_eq!(laptop.intercept("stateful")["replicas"].as_array().unwrap().len(), 2);
    laptop.ok("leave stateful");
    for pod in &pods {
        assert_eq!(curl(&format!("http://{pod}:8080/x")), "stateful GET /x");
    }
}

#[test]
fn datagrams_come_and_go() {
    let laptop = Laptop::developer();
    let shop = Plan::new("names").willing().start();
    let _handler = Handler::run("socat UDP4-RECVFROM:9053,bind=127.0.0.1,fork SYSTEM:'sed s/^/laptop-/'");
    let ask = || on_node(&format!("printf hello | socat -t 1 -T 1 - UDP4:{}:53", shop.address)).out;
    within(5, "the app answers", || ask() == "names-hello");
    // One peer over all that follows: its association moves with the intercept.
    let same = || on_node(&format!("printf same | socat -t 1 -T 1 - UDP4:{}:53,sourceport=5999", shop.address)).out;
    assert_eq!(same(), "names-same");
    laptop.ok("intercept names --port 9053:dns/udp");
    assert_eq!(ask(), "laptop-hello");
    assert_eq!(same(), "laptop-same");
    let five = on_node(&format!(
        "for i in 1 2 3 4 5; do echo $(printf $i | socat -t 3 -T 3 - UDP4:{}:53) & done; wait",
        shop.address
    ));
    let mut five: Vec<&str> = five.out.split_whitespace().collect();
    five.sort_unstable();
    assert_eq!(five, ["laptop-1", "laptop-2", "laptop-3", "laptop-4", "laptop-5"]);
    laptop.ok("leave names");
    assert_eq!(same(), "names-same");
    assert_eq!(ask(), "names-hello");
}

#[test]
fn several_ports_at_once_on_two_pods() {
    let laptop = Laptop::developer();
    let shop = Plan::new("wide").replicas(2).start();
    let _handler = Handler::nginx(9000, "laptop");
    let _names = Handler::run("socat UDP4-RECVFROM:9053,bind=127.0.0.1,fork SYSTEM:'sed s/^/laptop-/'");
    laptop.ok("intercept wide --port 9000:http --port 9001:h2 --port 9053:dns/udp");
    shop.kubectl("rollout status --timeout=60s");
    assert!(all(&answers(&shop, "/a"), "laptop GET /a"), "{:?}", answers(&shop, "/a"));
    let h2 = format!("--http2-prior-knowledge http://{}:81/b", shop.address);
    assert_eq!(curl(&h2), "laptop GET /b");
    let datagram = on_node(&format!("printf c | socat -t 1 -T 1 - UDP4:{}:53", shop.address)).out;
    assert_eq!(datagram, "laptop-c");
    laptop.ok("leave wide");
    assert!(all(&answers(&shop, "/a"), "wide GET /a"), "{:?}", answers(&shop, "/a"));
    assert_eq!(curl(&h2), "wide GET /b");
}

#[test]
fn a_command_has_the_environment_and_ends_with_the_intercept() {
    let laptop = Laptop::developer();
    let environment = "{name: COLOUR, value: 'sea green'}, {name: BOTH, value: '$(COLOUR) and more'}";
    let shop = Plan::new("tied").willing().environment(environment).start();
    let said = laptop.hawser("intercept tied --port 9000:http -- sh -c 'echo \"<$COLOUR|$BOTH>\"; exit 7'");
    assert_eq!(said.code, 7, "{said:?}");
    assert!(said.out.contains("<sea green|sea green and more>"), "{said:?}");
    assert_eq!(laptop.phase("tied"), "", "it ends with its command");
    assert_eq!(shop.ask("/"), "tied GET /");

    let program = std::env::var("HAWSER_BIN").unwrap();
    let command = "mkdir -p /run/tied; echo tied-laptop >/run/tied/index.html; cd /run/tied";
    let mut child = start_on_laptop(&format!(
        "{command}; exec {program} intercept tied --port 9000:http -- /usr/bin/python3 -m http.server 9000"
    ));
    within(10, "the command answers", || shop.ask("/") == "tied-laptop");
    laptop.ok("leave tied");
    within(12, "the command is over", || child.try_wait().unwrap().is_some());
    assert_ne!(on_laptop("pgrep -f '[h]ttp.server 9000'").code, 0, "nothing of it is left");
    assert_eq!(shop.ask("/"), "tied GET /");
}

#[test]
fn files_hold_the_environment_as_each_reader_wants_it() {
    let laptop = Laptop::developer();
    let environment =
        "{name: COLOUR, value: 'sea \"green\"'}, {name: HOST, valueFrom: {fieldRef: {fieldPath: metadata.name}}}";
    let shop = Plan::new("filed").willing().environment(environment).start();
    let _handler = Handler::nginx(9000, "laptop");
    on_laptop("rm -rf /run/env; mkdir -p /run/env");
    let files = "--env-file /run/env/lines --env-json /run/env/json --env-shell /run/env/shell";
    laptop.ok(&format!("intercept filed --port 9000:http {files}"));
    let pod = &shop.pods()[0];
    let lines = on_laptop("cat /run/env/lines").out;
    assert!(lines.lines().any(|line| line == "COLOUR=sea \"green\""), "{lines}");
    let json: Value = serde_json::from_str(&on_laptop("cat /run/env/json").out).unwrap();
    assert_eq!((&json["COLOUR"], &json["HOST"]), (&Value::from("sea \"green\""), &Value::from(pod.as_str())));
    let sourced = on_laptop(". /run/env/shell; printf '%s|%s' \"$COLOUR\" \"$HOST\"").out;
    assert_eq!(sourced, format!("sea \"green\"|{pod}"));
    assert_eq!(on_laptop("stat -c %a /run/env/lines /run/env/json /run/env/shell").out, "600\n600\n600");
}

#[test]
fn a_port_on_which_nobody_listens_is_a_reset_and_not_a_silence() {
    let laptop = Laptop::developer();
    let shop = Plan::new("empty").willing().start();
    let said: Value = serde_json::from_str(&laptop.ok("intercept empty --port 9777:http --json").out).unwrap();
    assert_eq!(said["warnings"][0]["code"], "local-port-silent", "{said}");
    let began = std::time::Instant::now();
    let answer = shop.ask_with("/", "--verbose");
    // A reset that is there before curl looks makes 7 of 56, as a refusal would; only its reason tells them apart.
    let is_reset = answer.contains("Connection reset by peer");
    assert!(["curl 56", "curl 52"].iter().any(|code| answer.starts_with(code)) || is_reset, "{answer}");
    assert!(began.elapsed().as_millis() < 1_500, "{:?}", began.elapsed());
    let _handler = Handler::nginx(9777, "late");
    assert_eq!(shop.ask("/"), "late GET /", "a program that comes later is found");
}

#[test]
fn a_handler_at_another_address_is_found_there() {
    let laptop = Laptop::developer();
    let shop = Plan::new("elsewhere").willing().start();
    on_laptop("mkdir -p /run/elsewhere; echo elsewhere >/run/elsewhere/index.html; ip addr add 127.9.9.9/32 dev lo");
    let _handler = Handler::run("/usr/bin/python3 -m http.server 9000 --bind 127.9.9.9 --directory /run/elsewhere")
        .listening(9000);
    laptop.ok("intercept elsewhere --port 9000:http --address 127.9.9.9");
    assert_eq!(shop.ask("/"), "elsewhere");
    laptop.ok("leave elsewhere");
    on_laptop("ip addr del 127.9.9.9/32 dev lo");
}

#[test]
fn what_is_asked_wrongly_is_refused_before_anything_changes() {
    let laptop = Laptop::developer();
    let shop = Plan::new("strict").start();
    let pods = shop.pods();
    let fault = |arguments: &str, code: &str| {
        let said = laptop.fault(arguments);
        assert!(said.err.contains(&format!("code: {code}")), "{arguments}: {said:?}");
        said.err
    };
    fault("intercept stricter --port 9000:http", "workload-unknown");
    fault("intercept strict --port 9000:nothing", "port-unknown");
    let choices = fault("intercept strict", "port-ambiguous");
    assert!(choices.contains("http") && choices.contains("dns/udp"), "{choices}");
    fault("intercept strict --port 9000:http --container other", "container-unknown");
    fault("intercept strict -n team --port 9000:http", "rights-missing");
    assert_eq!(shop.pods(), pods);
    assert_eq!(kubectl("get intercepts -n default -o name"), "");
}

#[test]
fn what_can_be_chosen_is_seen_before_and_whether_the_agent_is_there() {
    let laptop = Laptop::developer();
    let shop = Plan::new("offered").replicas(2).start();
    let _handler = Handler::nginx(9000, "laptop");
    let seen = || {
        let list: Value = serde_json::from_str(&laptop.hawser("list -n default --json").out).unwrap();
        let workloads = list["namespaces"][0]["workloads"].as_array().unwrap().clone();
        workloads.into_iter().find(|workload| workload["name"] == "offered").unwrap()
    };
    let before = seen();
    assert_eq!(before["with_agent"], false);
    let [server] = before["containers"].as_array().unwrap().as_slice() else { panic!("{before}") };
    assert_eq!((&server["name"], &server["has_files"]), (&"server".into(), &true.into()), "it has a token");
    let named = |name: &str| server["ports"].as_array().unwrap().iter().find(|port| port["name"] == name).unwrap();
    assert_eq!((&named("http")["number"], &named("dns")["protocol"]), (&8080.into(), &"UDP".into()));

    laptop.ok("intercept offered --port 9000:http");
    within(10, "both pods have the agent", || seen()["with_agent"] == true);
    assert_eq!(seen()["containers"], before["containers"], "the agent isn't one of them");
    let pods = shop.pods();
    laptop.ok("leave offered");
    laptop.ok("intercept offered --port 9000:echo");
    assert_eq!(shop.pods(), pods, "what was said holds for every port of the service");
    laptop.ok("leave offered");
}
