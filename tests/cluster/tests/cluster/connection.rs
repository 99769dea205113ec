//! Scenarios A: connecting, status, and what a connection withstands.

use std::time::Duration;

use hawser_cluster::{
    BlackHole, Laptop, Managers, get, kubectl, left_out_without, longest_gap, on_laptop, on_node, rig, state, within,
};

const WEB: &str = "http://web.default.svc.cluster.local/";

#[test]
fn a1_connects_and_says_everything() {
    if left_out_without("the rig's addresses") {
        return;
    }
    let laptop = Laptop::connected("");
    assert_eq!(get(WEB).unwrap().split('-').next(), Some("web"));
    let status = laptop.status();
    assert_eq!(status["state"], "connected");
    assert_eq!(status["context"], "rig");
    assert_eq!(status["namespace"], "default");
    assert_eq!(status["manager_namespace"], "hawser");
    assert!(status["manager"].as_str().unwrap().starts_with("hawser "), "{status}");
    assert!(status["way"].as_str().unwrap().starts_with("port-forward to hawser/hawser-manager-"), "{status}");
    assert_eq!(status["subnets"], serde_json::json!(["10.96.0.0/16", "10.244.0.0/24"]));
    assert_eq!(status["never_proxy"], serde_json::json!(["192.168.77.1/32"]));

    let again = laptop.hawser("connect");
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.contains("connected already"), "{again:?}");
    assert_eq!(laptop.status()["since"], status["since"]);
}

#[test]
fn a2_each_mistake_is_named_at_once() {
    let laptop = Laptop::new();
    on_laptop("echo > /run/empty; echo '{apiVersion: v1, kind: Config, clusters: 7}' > /run/malformed");
    for (arguments, code) in [
        ("connect --kubeconfig /run/empty", "kubeconfig-empty"),
        ("connect --kubeconfig /run/malformed", "kubeconfig-malformed"),
        ("connect --kubeconfig /run/nowhere", "kubeconfig-missing"),
        ("connect --context nowhere", "context-unknown"),
        ("connect --context rig --namespace Not_A_Name", "bad-argument"),
        ("connect --manager-namespace team", "rights-missing"),
        ("connect --kubeconfig ~/.kube/admin --manager-namespace team", "manager-absent"),
    ] {
        let began = std::time::Instant::now();
        let said = laptop.fault(arguments);
        assert!(said.err.contains(&format!("code: {code}")), "{arguments}: {said:?}");
        // A manager might be starting, so a session is waited for.
        let patience = if code == "manager-absent" { 13 } else { 3 };
        assert!(began.elapsed() < Duration::from_secs(patience), "{arguments} took {:?}", began.elapsed());
    }
    assert_eq!(laptop.status()["device"], serde_json::Value::Null);
    assert!(!on_laptop("ip -brief link").out.contains("hawser"));
}

#[test]
fn a2_missing_rights_are_named_with_what_grants_them() {
    let laptop = Laptop::new();
    let stranger = state().join("keys/stranger.kubeconfig");
    let said = laptop.fault(&format!("connect --kubeconfig {}", stranger.display()));
    assert!(said.err.contains("User \"eve\" cannot get resource \"sessions\""), "{said:?}");
    assert!(said.err.contains("kubectl create rolebinding hawser-user --namespace hawser"), "{said:?}");
    assert!(said.err.contains("--user=\"eve\""), "{said:?}");
}

#[test]
fn a3_the_manager_s_namespace_is_an_argument_or_in_the_environment() {
    let laptop = Laptop::new();
    let wrong = laptop.fault("connect --manager-namespace nowhere");
    assert!(wrong.err.contains("nowhere"), "{wrong:?}");
    let connected = laptop.hawser_with("HAWSER_MANAGER_NAMESPACE=nowhere", "connect --manager-namespace hawser");
    assert_eq!(connected.code, 0, "{connected:?}");
    assert_eq!(laptop.hawser("disconnect").code, 0);
    let connected = laptop.hawser_with("HAWSER_MANAGER_NAMESPACE=hawser", "connect");
    assert_eq!(connected.code, 0, "{connected:?}");
}

#[test]
fn a4_a_plugin_runs_as_the_user_with_the_user_s_environment() {
    if left_out_without("the rig's keys") {
        return;
    }
    let laptop = Laptop::new();
    let keys = state().join("keys");
    let keys = keys.display();
    on_laptop(&format!(
        r#"mkdir -p ~/bin; cat > ~/bin/plug <<'END'
#!/usr/bin/python3
import json, os
os.environ["PLUG_SECRET"]
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{
    "clientCertificateData": open("{keys}/developer.crt").read(), "clientKeyData": open("{keys}/developer.key").read()}}}}))
END
chmod +x ~/bin/plug
cat > ~/.kube/plugin <<'END'
apiVersion: v1
kind: Config
current-context: "arn:aws:eks:eu-west-1:1234:cluster/shop (dev) ä"
contexts: [{{name: "arn:aws:eks:eu-west-1:1234:cluster/shop (dev) ä", context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "https://192.168.77.1:6443", certificate-authority: {keys}/authority.crt}}}}]
users: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: plug, interactiveMode: Never}}}}}}]
END"#
    ));
    let said = laptop.fault("connect --kubeconfig ~/.kube/plugin");
    assert!(said.err.contains("code: plugin-missing"), "{said:?}");
    let with = |variables: &str| {
        laptop.hawser_with(&format!("PATH=~/bin:$PATH {variables}"), "connect --kubeconfig ~/.kube/plugin")
    };
    let failed = with("");
    assert!(failed.err.contains("code: plugin-failed") && failed.err.contains("PLUG_SECRET"), "{failed:?}");
    let connected = with("PLUG_SECRET=42");
    assert_eq!(connected.code, 0, "{connected:?}");
    assert!(get(WEB).is_some());
    let traces = on_laptop("grep -rl 'PRIVATE KEY' /run/hawser-state /run/hawser ~/.cache ~/.local 2>/dev/null");
    assert_eq!(traces.out, "", "a credential was written to the disk");
}

#[test]
fn a5_nothing_is_left_after_a_disconnect() {
    let before = on_laptop("cat /etc/resolv.conf; ip route; ip -6 route; ip -brief link");
    let sessions = || kubectl("get sessions -n hawser -o name").lines().count();
    let sessions_before = sessions();
    let laptop = Laptop::connected("");
    assert_ne!(on_laptop("cat /etc/resolv.conf; ip route; ip -6 route; ip -brief link").out, before.out);
    assert_eq!(sessions(), sessions_before + 1);
    assert_eq!(laptop.hawser("disconnect").code, 0);
    assert_eq!(on_laptop("cat /etc/resolv.conf; ip route; ip -6 route; ip -brief link").out, before.out);
    assert_eq!(sessions(), sessions_before);
    assert_eq!(on_laptop("ls /run/hawser-state/keys").out, "");
    assert_eq!(laptop.hawser("status").out.lines().next(), Some("Not connected."));
    within(15, "the companion goes when nothing needs it", || on_laptop("pgrep -f '[h]awser companion'").code != 0);
}

#[test]
fn a6_a_killed_helper_comes_back_with_its_connection() {
    let mut laptop = Laptop::connected("");
    let sessions = kubectl("get sessions -n hawser -o name");
    laptop.kill_helper();
    laptop.start_helper();
    within(5, "an answer", || get(WEB).is_some());
    assert_eq!(kubectl("get sessions -n hawser -o name"), sessions, "it is the same session");
}

#[test]
fn a7_a_black_holed_link_is_survived() {
    if left_out_without("a link to cut") {
        return;
    }
    let _laptop = Laptop::connected("");
    let gap = longest_gap(WEB, 20, || {
        let _link = BlackHole::now();
        std::thread::sleep(Duration::from_secs(7));
    });
    println!("7 s without a link: {gap} ms without an answer");
    assert!((6_500..10_000).contains(&gap), "{gap} ms");
}

#[test]
fn a8_the_death_of_a_replica_is_hardly_noticed() {
    let laptop = Laptop::connected("");
    let way = laptop.status()["way"].as_str().unwrap().to_owned();
    let pod = way.split_whitespace().nth(2).unwrap().trim_start_matches("hawser/").to_owned();
    let _managers = Managers::disturbed();
    let gap = longest_gap(WEB, 8, || {
        kubectl(&format!("delete pod -n hawser {pod} --grace-period=0 --force"));
    });
    println!("one of two managers killed: {gap} ms without an answer");
    assert!(gap < 1_000, "{gap} ms");
    assert_ne!(laptop.status()["way"], way.as_str());
}

#[test]
fn a8_a_manager_that_was_away_is_found_again() {
    let laptop = Laptop::connected("");
    let managers = Managers::away();
    within(5, "the loss is seen", || laptop.state() == "reconnecting");
    let during = on_laptop(&format!("curl --silent --max-time 5 {WEB}"));
    assert!(during.code != 0 && during.code != 28, "requests fail at once: {during:?}");
    managers.back();
    let back = within(3, "an answer", || get(WEB).is_some());
    println!("managers back: {back:?} until an answer");
}

#[test]
fn an_api_server_that_starts_anew_is_found_again() {
    if left_out_without("an API server to kill") {
        return;
    }
    let laptop = Laptop::connected("");
    let mut itself = Duration::ZERO;
    let gap = longest_gap(WEB, 25, || {
        rig("restart", &["kube-apiserver"]);
        itself = within(30, "the API server is ready", || on_node("kubectl get --raw /readyz").code == 0);
    });
    println!("API server killed and started: ready after {itself:?}, {gap} ms without an answer");
    assert!(gap < 6_000, "{gap} ms, of which it needs {itself:?}");
    assert_eq!(laptop.state(), "connected");
}

#[test]
fn a_killed_companion_is_no_loss() {
    let laptop = Laptop::connected("");
    on_laptop("pkill -KILL -f '[h]awser companion'");
    assert!(get(WEB).is_some());
    assert_eq!(laptop.hawser("connect").code, 0, "and the next connect starts another");
    assert_eq!(on_laptop("pgrep -fc '[h]awser companion'").out, "1");
}
