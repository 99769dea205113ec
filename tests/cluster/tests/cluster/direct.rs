//! Ways past the API server, and what is reached without Hawser.

use std::time::Duration;

use hawser_cluster::{Laptop, Managers, get, kubectl, left_out_without, on_laptop, on_node, settle, within};

/// The chart with `direct.nodePort`, and a node that lets laptops through to it.
struct NodePort {
    port: String,
}

impl NodePort {
    fn open() -> Self {
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../installer/chart");
        let said = on_node(&format!(
            "helm upgrade hawser {chart} -n hawser --reuse-values --set direct.nodePort=true --wait --timeout 60s"
        ));
        assert_eq!(said.code, 0, "{said:?}");
        on_node("iptables -I FORWARD -i wire -p tcp --dport 7300 -j ACCEPT");
        Self { port: kubectl("get service hawser-manager -n hawser -o jsonpath={.spec.ports[0].nodePort}") }
    }

    fn block(&self, command: &str) {
        let said = on_laptop(&format!("iptables {command} OUTPUT -p tcp --dport {} -j DROP", self.port));
        assert_eq!(said.code, 0, "{said:?}");
    }
}

impl Drop for NodePort {
    fn drop(&mut self) {
        on_laptop("iptables -F OUTPUT");
        on_node("iptables -D FORWARD -i wire -p tcp --dport 7300 -j ACCEPT");
        on_node("helm rollback hawser -n hawser --wait --timeout 60s");
        settle();
    }
}

fn takes(laptop: &Laptop, way: &str) -> bool {
    laptop.status()["way"].as_str().is_some_and(|shown| shown.starts_with(way))
}

#[test]
fn a_node_port_is_taken_and_left_without_a_failed_request() {
    if left_out_without("the rig's node") {
        return;
    }
    let node_port = NodePort::open();
    let laptop = Laptop::connected("");
    within(10, "the direct way is taken", || takes(&laptop, "direct to the node port 192.168.77.1"));
    let since = laptop.status()["since"].clone();
    assert!(get("http://web/").is_some());

    node_port.block("-A");
    // This one's SYN waits on a link that is silent, and goes on over the other.
    let said = on_laptop("curl --silent --fail --max-time 10 http://web/");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(takes(&laptop, "port-forward"));
    for _ in 0..20 {
        assert!(get("http://web/").is_some());
    }
    node_port.block("-D");
    within(30, "the direct way is taken again", || takes(&laptop, "direct"));
    assert!(get("http://web/").is_some());
    assert_eq!(laptop.status()["since"], since, "it was connected all the time");
}

#[test]
fn a_stream_stays_on_the_way_on_which_it_began() {
    if left_out_without("the rig's node") {
        return;
    }
    let node_port = NodePort::open();
    node_port.block("-A");
    let laptop = Laptop::connected("");
    on_laptop("(sleep 8; printf 'GET / HTTP/1.0\r\n\r\n') | nc -w 20 web 80 >/run/slow 2>&1 & sleep 1");
    node_port.block("-D");
    within(20, "the direct way is taken", || takes(&laptop, "direct"));
    assert!(get("http://web/").is_some());
    within(20, "the old stream's answer", || on_laptop("cat /run/slow").out.contains("web-"));
}

#[test]
fn managers_that_are_replaced_one_by_one_fail_no_request() {
    let laptop = Laptop::connected("");
    let asking = std::thread::spawn(|| {
        on_laptop(
            "failed=0; end=$((SECONDS + 15)); count=0
             while [ $SECONDS -lt $end ]; do
                 curl --silent --fail --max-time 3 --output /dev/null http://web/ || failed=$((failed + 1))
                 count=$((count + 1))
             done; echo $failed of $count",
        )
    });
    std::thread::sleep(Duration::from_secs(1));
    let _managers = Managers::disturbed();
    kubectl("rollout restart -n hawser deploy/hawser-manager");
    kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
    let said = asking.join().unwrap();
    println!("failed while the managers were replaced: {}", said.out);
    assert!(said.out.starts_with("0 of "), "{said:?}");
    assert_eq!(laptop.state(), "connected");
}

/// The laptop has a way of its own to the pods as long as this lives.
struct OwnWay;

impl OwnWay {
    fn now() -> Self {
        on_laptop("ip route add 10.244.0.0/24 via 192.168.77.1 dev wire");
        on_node("iptables -I FORWARD -i wire -d 10.244.0.0/24 -j ACCEPT");
        Self
    }
}

impl Drop for OwnWay {
    fn drop(&mut self) {
        on_node("iptables -D FORWARD -i wire -d 10.244.0.0/24 -j ACCEPT");
        on_laptop("ip route del 10.244.0.0/24");
    }
}

#[test]
fn pods_that_the_laptop_reaches_by_itself_are_left_alone() {
    if left_out_without("the rig's node") {
        return;
    }
    let _way = OwnWay::now();
    let laptop = Laptop::connected("");
    let status = laptop.status();
    let by_itself = on_laptop("ip route get 10.244.0.1").out;
    let page = get("http://web/");
    assert_eq!(status["left_alone"], serde_json::json!(["10.244.0.0/24"]), "{status}");
    assert_eq!(status["subnets"], serde_json::json!(["10.96.0.0/16"]));
    assert!(by_itself.contains("dev wire"), "{by_itself}");
    assert!(page.is_some());
}
