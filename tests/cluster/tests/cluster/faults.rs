//! What a connection withstands beside the deaths in `connection.rs`, and what ways lead around an office's obstacles.

use std::time::Duration;

use hawser_cluster::kubeconfig::{developer, kubeconfig, plugin};
use hawser_cluster::{
    BlackHole, Laptop, get, kubectl, left_out_without, longest_gap, on_laptop, on_node, program, rig, start_on_laptop,
    state, within,
};
use serde_json::Value;

const WEB: &str = "http://web.default.svc.cluster.local/";

fn sessions() -> String {
    kubectl("get sessions -n hawser -o name")
}

#[test]
#[ignore = "takes over five minutes: tests/run --full"]
fn five_minutes_without_a_link_are_survived() {
    if left_out_without("the rig's link, node and keys") {
        return;
    }
    let laptop = Laptop::connected("");
    let gap = longest_gap(WEB, 350, || {
        let _link = BlackHole::now();
        std::thread::sleep(Duration::from_secs(310));
    });
    println!("310 s without a link: {gap} ms without an answer");
    assert!((309_000..325_000).contains(&gap), "{gap} ms");
    assert_eq!(laptop.state(), "connected");
    assert_eq!(sessions().lines().count(), 1, "{}", sessions());
}

#[test]
fn a_kubelet_that_starts_anew_is_hardly_noticed() {
    if left_out_without("the rig's link, node and keys") {
        return;
    }
    let laptop = Laptop::connected("");
    let gap = longest_gap(WEB, 15, || rig("restart", &["kubelet"]));
    println!("kubelet killed and started: {gap} ms without an answer");
    assert!(gap < 6_000, "{gap} ms");
    assert_eq!(laptop.state(), "connected");
}

#[test]
fn a_command_that_is_killed_loses_nothing() {
    if left_out_without("the rig's link, node and keys") {
        return;
    }
    let laptop = Laptop::new();
    on_laptop("printf '#!/bin/sh\\nsleep 3\\nexec cat /run/answer\\n' > /run/slow; chmod +x /run/slow");
    let keys = state().join("keys");
    let answer = format!(
        "import json; print(json.dumps({{'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', 'status': {{
    'clientCertificateData': open('{0}/developer.crt').read(), 'clientKeyData': open('{0}/developer.key').read()}}}}))",
        keys.display()
    );
    on_laptop(&format!("python3 -c \"{answer}\" > /run/answer"));
    let path = kubeconfig("slow", &plugin("/run/slow", ""));
    let mut command = start_on_laptop(&format!("exec {} connect --kubeconfig {path}", program().display()));
    within(5, "the plugin runs", || on_laptop("pgrep -f '[/]run/slow'").code == 0);
    on_laptop("pkill -KILL -f '[h]awser connect'");
    command.wait().unwrap();
    assert_eq!(laptop.state(), "connecting");
    within(10, "it is connected all the same", || laptop.state() == "connected");
    let again = laptop.hawser(&format!("connect --kubeconfig {path}"));
    assert!(again.code == 0 && again.out.contains("connected already"), "{again:?}");
    assert_eq!(laptop.hawser("disconnect").code, 0);
    assert_eq!(sessions(), "");
}

#[test]
fn a_helper_that_is_killed_while_it_ends_a_connection_ends_it_at_its_next_start() {
    if left_out_without("the rig's link, node and keys") {
        return;
    }
    let mut laptop = Laptop::connected("");
    assert_eq!(sessions().lines().count(), 1);
    let link = BlackHole::now();
    let mut command = start_on_laptop(&format!("exec {} disconnect", program().display()));
    within(5, "the session is being deleted", || !on_laptop("ip -brief link").out.contains("hawser"));
    laptop.kill_helper();
    command.wait().unwrap();
    drop(link);
    assert_eq!(sessions().lines().count(), 1, "the deletion got through to nobody");
    laptop.start_helper();
    within(20, "the session is gone", || sessions().is_empty());
    within(5, "its key is gone", || on_laptop("ls /run/hawser-state/keys").out.is_empty());
    assert_eq!(laptop.hawser("status").out.lines().next(), Some("Not connected."));
    assert!(!on_laptop("ip -brief link").out.contains("hawser"));
}

/// A clock that is wrong by this many seconds, as variables of a program.
fn clock(off: i32) -> String {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/laptop/clock.c");
    let said = on_laptop(&format!("[ -e /run/clock.so ] || cc -shared -fPIC -O1 -o /run/clock.so {source}"));
    assert_eq!(said.code, 0, "a C compiler is needed: {said:?}");
    format!("LD_PRELOAD=/run/clock.so CLOCK_OFF={off}")
}

#[test]
fn a_clock_that_is_an_hour_wrong_is_named_where_it_matters() {
    if left_out_without("the rig's link, node and keys") {
        return;
    }
    for off in [-3_500, 3_600] {
        let clock = clock(off);
        let laptop = Laptop::with(&clock);
        let said = laptop.hawser_with(&clock, "doctor --json");
        let report: Value = serde_json::from_str(&said.out).unwrap();
        let failed: Vec<_> =
            report["checks"].as_array().unwrap().iter().filter(|check| check["outcome"] == "fail").collect();
        assert_eq!(failed.len(), 1, "{failed:#?}");
        assert_eq!(failed[0]["title"], "This computer's clock is right");
        // Certificates of the cluster hold, so nothing else is wrong.
        let said = laptop.hawser_with(&clock, "connect");
        assert_eq!(said.code, 0, "{said:?}");
        assert!(get(WEB).is_some());
    }

    // Two hours before its certificates begin, the API server seems not to be itself.
    let slow = clock(-7_300);
    let laptop = Laptop::with(&slow);
    let said = laptop.hawser_with(&slow, "connect");
    assert!(said.err.contains("code: api-untrusted") && said.err.contains("this computer's clock"), "{said:?}");

    drop(laptop);
    let fast = clock(3_600);
    let laptop = Laptop::with(&fast);
    on_laptop(
        "cat > /run/brief <<'END'
#!/usr/bin/python3
import json, os, time
end = time.time() - int(os.environ['CLOCK_OFF']) + 600
print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', 'status': {
    'token': 'x', 'expirationTimestamp': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(end))}}))
END
chmod +x /run/brief",
    );
    let path = kubeconfig("brief", &plugin("/run/brief", ""));
    let said = laptop.hawser_with(&fast, &format!("connect --kubeconfig {path}"));
    assert!(
        said.err.contains("code: credential-expired") && said.err.contains("this computer's clock says"),
        "{said:?}"
    );
}

/// The chart's policy for sessions binds nobody as long as this lives.
struct NoPolicy;

impl NoPolicy {
    fn now() -> Self {
        kubectl("delete validatingadmissionpolicybinding hawser-sessions.hawser");
        Self
    }
}

impl Drop for NoPolicy {
    fn drop(&mut self) {
        on_node("helm get manifest hawser -n hawser | kubectl apply -f -");
        on_node("kubectl rollout status -n hawser deploy/hawser-manager --timeout=90s");
    }
}

#[test]
fn without_its_policy_the_manager_lets_nobody_in_and_says_why() {
    if left_out_without("the rig's link, node and keys") {
        return;
    }
    let laptop = Laptop::connected("");
    let no_policy = NoPolicy::now();
    let phase = || kubectl("get sessions -n hawser -o jsonpath={.items[0].status.phase}");
    let took = within(80, "the managers notice", || phase() == "Pending");
    println!("managers noticed after {took:?} that anybody could come in");
    assert_eq!(laptop.hawser("disconnect").code, 0);
    let said = laptop.fault("connect");
    assert!(said.err.contains("code: session-refused") && said.err.contains("ValidatingAdmissionPolicy"), "{said:?}");
    assert!(said.err.contains("hawser cluster upgrade"), "{said:?}");
    assert_eq!(sessions(), "", "nothing is left of the attempt");
    drop(no_policy);
    within(10, "the managers notice that it is back", || laptop.hawser("connect").code == 0);
}

/// An office's proxy on another address of the node's link: by the port 3128 everywhere, by 3129 nowhere.
struct Proxy;

const PROXY: &str = "192.168.77.3";

impl Proxy {
    fn start() -> Self {
        on_node(&format!("ip addr add {PROXY}/24 dev wire"));
        on_node(
            r#"cat > /run/proxy <<'END'
import socket, threading
def copy(one, other):
    while data := one.recv(65536): other.sendall(data)
    other.shutdown(socket.SHUT_WR)
def serve(client, refuses):
    head = b""
    while b"\r\n\r\n" not in head:
        part = client.recv(1)
        if not part: return
        head += part
    target = head.split()[1].decode()
    print(target, flush=True)
    if refuses: return client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n") or client.close()
    host, port = target.rsplit(":", 1)
    server = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
    threading.Thread(target=copy, args=(client, server), daemon=True).start()
    copy(server, client)
def listen(port, refuses):
    listener = socket.create_server(("192.168.77.3", port))
    while True: threading.Thread(target=serve, args=(listener.accept()[0], refuses), daemon=True).start()
threading.Thread(target=listen, args=(3129, True), daemon=True).start()
listen(3128, False)
END
setsid python3 /run/proxy >/run/proxy.log 2>/dev/null </dev/null &"#,
        );
        let proxy = Self;
        within(5, "the proxy listens", || on_laptop(&format!("nc -z {PROXY} 3128")).code == 0);
        on_node("> /run/proxy.log");
        proxy
    }

    fn asked(&self) -> String {
        on_node("sort -u /run/proxy.log").out
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        on_laptop("iptables -D OUTPUT -d 192.168.77.1 -p tcp --dport 6443 -j REJECT");
        on_node(&format!("pkill -f '[/]run/proxy'; ip addr del {PROXY}/24 dev wire"));
    }
}

#[test]
fn the_environment_s_proxy_is_gone_through_or_around() {
    if left_out_without("the rig's link, node and keys") {
        return;
    }
    let proxy = Proxy::start();
    let laptop = Laptop::new();
    let around = format!("HTTPS_PROXY=http://{PROXY}:3128 NO_PROXY=192.168.77.0/28");
    assert_eq!(laptop.hawser_with(&around, "connect").code, 0);
    assert_eq!(laptop.hawser("disconnect").code, 0);
    assert_eq!(proxy.asked(), "", "NO_PROXY spares the API server");

    on_laptop("iptables -A OUTPUT -d 192.168.77.1 -p tcp --dport 6443 -j REJECT");
    let said = laptop.fault("connect");
    assert!(said.err.contains("code: api-unreachable"), "{said:?}");
    let said = laptop.hawser_with(&format!("HTTPS_PROXY=http://{PROXY}:3129"), "connect");
    assert!(said.err.contains("code: proxy-refused") && said.err.contains(PROXY), "{said:?}");

    let said = laptop.hawser_with(&format!("HTTPS_PROXY=http://{PROXY}:3128"), "connect");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(get(WEB).is_some());
    assert!(proxy.asked().lines().any(|line| line == "192.168.77.1:6443"), "{}", proxy.asked());
    let spared = laptop.status()["never_proxy"].clone();
    assert_eq!(
        spared,
        serde_json::json!(["192.168.77.1/32", "192.168.77.3/32"]),
        "the proxy is never routed to itself"
    );
    assert_eq!(laptop.hawser("disconnect").code, 0);

    // The kubeconfig's own counts more than the environment's.
    let path = kubeconfig("proxied", &developer());
    on_laptop(&format!("sed -i 's|cluster: {{server|cluster: {{proxy-url: \"http://{PROXY}:3128\", server|' {path}"));
    let said = laptop.hawser_with(&format!("HTTPS_PROXY=http://{PROXY}:3129"), &format!("connect --kubeconfig {path}"));
    assert_eq!(said.code, 0, "{said:?}");
}
