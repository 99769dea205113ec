//! Scenarios B: traffic from the laptop to the cluster, and what is routed.

use hawser_cluster::{Laptop, apply, get, kubectl, left_out_without, on_laptop, on_node, within};

/// A pod of the tools image with one command, and a service of the same name.
fn serve(name: &str, ports: &str, command: &str) -> String {
    apply(&format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {{name: server, image: 'rig.local/tools:1', imagePullPolicy: Never, command: [sh, -c, '{command}']}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{ports}]}}"
    ));
    kubectl(&format!("wait --for=condition=Ready pod/{name} --timeout=30s"));
    kubectl(&format!("get pod {name} -o jsonpath={{.status.podIP}}"))
}

#[test]
fn b1_every_form_of_a_name_leads_to_its_service() {
    let laptop = Laptop::connected("");
    for (host, server) in [
        ("web", "web-"),
        ("web.default", "web-"),
        ("web.default.svc", "web-"),
        ("web.default.svc.cluster.local", "web-"),
        ("board.team", "board-"),
        ("board.team.svc", "board-"),
        ("board.team.svc.cluster.local", "board-"),
    ] {
        let page = get(&format!("http://{host}/")).unwrap_or_else(|| panic!("no answer of {host}"));
        assert!(page.starts_with(server), "{host}: {page}");
    }
    let host = get("http://board.team/").unwrap();
    drop(laptop);
    let _laptop = Laptop::connected("--namespace team");
    assert_eq!(get("http://board/"), Some(host), "single labels are services of the connection's namespace");
}

#[test]
fn b3_ninety_connections_at_once_do_not_fail() {
    let _laptop = Laptop::connected("");
    let said = on_laptop(
        "seq 90 | xargs -P 90 -I{} curl --silent --fail --max-time 10 --header 'Connection: close' http://web/ | grep -c web-",
    );
    assert_eq!(said.out, "90", "{said:?}");
}

#[test]
fn b4_datagrams_come_back_whole() {
    if left_out_without("the image of tools") {
        return;
    }
    serve("echo", "{port: 7, protocol: UDP, targetPort: 7777}", "exec socat -b 65536 UDP-RECVFROM:7777,fork EXEC:cat");
    let _laptop = Laptop::connected("");
    within(10, "the echo answers", || on_laptop("echo hello | socat -t 1 - UDP:echo:7").out == "hello");
    let said = on_laptop(
        "head -c 26000 /dev/urandom > /run/sent; socat -b 65536 -t 2 - UDP:echo:7 < /run/sent > /run/back; cmp /run/sent /run/back",
    );
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn b5_b7_of_what_is_wanted_and_not_wanted_the_longer_prefix_wins() {
    if left_out_without("the rig's addresses") {
        return;
    }
    let service = kubectl("get service web -o jsonpath={.spec.clusterIP}");
    let laptop = Laptop::connected(&format!(
        "--never-proxy {service}/32 --also-proxy 172.31.0.0/24 --never-proxy 172.31.0.16/28 \
         --never-proxy 172.30.0.0/24 --also-proxy 172.30.0.16/28"
    ));
    assert!(get(&format!("http://{service}/")).is_none(), "the service that is left alone answers");
    assert!(get("http://board.team/").is_some());
    let never: Vec<String> = serde_json::from_value(laptop.status()["never_proxy"].clone()).unwrap();
    assert!(never.contains(&format!("{service}/32")) && never.contains(&"192.168.77.1/32".to_owned()), "{never:?}");
    let device = |address: &str| {
        let route = on_laptop(&format!("ip route get {address}")).out;
        route.contains("hawser0")
    };
    assert!(device("172.31.0.1") && device("172.31.0.32") && !device("172.31.0.17"));
    assert!(!device("172.30.0.1") && device("172.30.0.17") && !device("172.30.0.32"));
}

#[test]
fn b6_the_api_server_is_never_reached_through_itself() {
    if left_out_without("the rig's addresses") {
        return;
    }
    let laptop = Laptop::connected("--also-proxy 192.168.77.0/24");
    assert!(!on_laptop("ip route get 192.168.77.1").out.contains("hawser0"));
    assert!(on_laptop("ip route get 192.168.77.200").out.contains("hawser0"));
    assert!(get("http://web/").is_some());
    assert_eq!(laptop.state(), "connected");
}

#[test]
fn b8_a_range_that_is_routed_already_is_refused_with_its_route() {
    if left_out_without("the rig's addresses") {
        return;
    }
    on_laptop("ip link add vpn0 type bridge; ip link set vpn0 up; ip route add 10.244.0.0/24 dev vpn0");
    let sessions = kubectl("get sessions -n hawser -o name");
    let laptop = Laptop::new();
    let said = laptop.hawser("connect");
    on_laptop("ip link del vpn0");
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.err.contains("code: subnet-conflict"), "{said:?}");
    assert!(said.err.contains("10.244.0.0/24") && said.err.contains("vpn0"), "{said:?}");
    assert!(!on_laptop("ip -brief link").out.contains("hawser"), "something is left");
    assert_eq!(kubectl("get sessions -n hawser -o name"), sessions);
}

#[test]
fn b15_refusals_are_the_far_side_s_own() {
    if left_out_without("the image of tools") {
        return;
    }
    let address = serve("mute", "{port: 80, targetPort: 8080}", "exec sleep 1000");
    let _laptop = Laptop::connected("");
    let connect = |port: u16| on_laptop(&format!("timeout 3 bash -c '</dev/tcp/{address}/{port}'"));
    let refused = connect(81);
    assert!(refused.err.contains("Connection refused"), "{refused:?}");
    // What a NetworkPolicy does: nothing comes back.
    on_node(&format!(
        "for net in /run/netns/cni-*; do
             ! nsenter --net=$net ip -o addr | grep -q 'inet {address}/' || nsenter --net=$net iptables -A INPUT -p tcp --dport 82 -j DROP
         done"
    ));
    assert_eq!(connect(82).code, 124, "a port that swallows is silence");
    let absent = on_laptop("timeout 8 bash -c '</dev/tcp/10.244.0.250/80'");
    assert!(absent.err.contains("No route to host"), "an address that nobody has is unreachable: {absent:?}");
}

#[test]
fn b16_a_half_closed_stream_goes_on_the_other_way() {
    if left_out_without("the image of tools") {
        return;
    }
    serve(
        "lines",
        "{port: 9, targetPort: 9999}",
        "exec socat TCP-LISTEN:9999,fork,reuseaddr SYSTEM:\"sort; echo done\"",
    );
    let _laptop = Laptop::connected("");
    within(10, "the service answers", || on_laptop("echo a | nc -N -w 5 lines 9").out.ends_with("done"));
    let said = on_laptop("printf 'b\\na\\n' | nc -N -w 5 lines 9");
    assert_eq!(said.out, "a\nb\ndone");
}

/// A node on which nothing runs, as long as this lives.
struct Node;

impl Node {
    fn new() -> Self {
        apply(
            "{apiVersion: v1, kind: Node, metadata: {name: second}, spec: {podCIDR: 10.244.7.0/24, podCIDRs: [10.244.7.0/24]}}",
        );
        Self
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        on_node("kubectl delete node second");
    }
}

#[test]
fn b17_a_new_node_s_pods_are_routed_while_connected() {
    if left_out_without("the rig's addresses") {
        return;
    }
    let laptop = Laptop::connected("");
    let node = Node::new();
    let took =
        within(10, "a route to the new node's pods", || on_laptop("ip route get 10.244.7.5").out.contains("hawser0"));
    println!("a new node: {took:?} until its pods are routed");
    assert!(laptop.status()["subnets"].as_array().unwrap().contains(&"10.244.7.0/24".into()));
    drop(node);
    within(10, "the route goes", || !on_laptop("ip route get 10.244.7.5").out.contains("hawser0"));
}
