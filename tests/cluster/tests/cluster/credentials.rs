//! Who the user is to the cluster: every kind of credential that a kubeconfig can hold, and what becomes of it in time.

use std::time::{Duration, Instant};

use hawser_cluster::kubeconfig::{kubeconfig, plugin};
use hawser_cluster::{
    Laptop, Managers, Said, get, kubectl, left_out_without, on_laptop, on_node, program, state, within,
};
use serde_json::Value;

const WEB: &str = "http://web/";

/// A service account that may connect, and what mints tokens of it that end when a test wants.
struct Robot;

impl Robot {
    fn new() -> Self {
        kubectl("create serviceaccount robot -n hawser");
        kubectl("create rolebinding robot -n hawser --role=hawser-user --serviceaccount=hawser:robot");
        let uid = kubectl("get serviceaccount robot -n hawser -o jsonpath={.metadata.uid}");
        // API servers take a token for one more minute than it says.
        let mint = r#"#!/usr/bin/python3
import base64, json, subprocess, sys, time
end = int(time.time()) + int(sys.argv[1])
if sys.argv[2:] == ["exec"]:
    open("/run/plugged", "a").write(f"{time.time()}\n")
def text(part): return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
claims = {"iss": "https://kubernetes.default.svc.cluster.local", "aud": ["https://kubernetes.default.svc.cluster.local"],
    "sub": "system:serviceaccount:hawser:robot", "exp": end - 60, "iat": end - 7200, "nbf": end - 7200,
    "kubernetes.io": {"namespace": "hawser", "serviceaccount": {"name": "robot", "uid": "UID"}}}
signed = ".".join(text(json.dumps(part).encode()) for part in [{"alg": "ES256", "typ": "JWT"}, claims])
der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", "KEY"], input=signed.encode(), capture_output=True, check=True).stdout
first = 4 + der[3]
r, s = der[4:first], der[first + 2:]
token = signed + "." + text(b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in [r, s]))
if sys.argv[2:] != ["exec"]:
    print(token)
else:
    print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {
        "token": token, "expirationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))}}))
"#;
        let key = state().join("keys/service-accounts.key");
        let mint = mint.replace("UID", &uid).replace("KEY", key.to_str().unwrap());
        on_laptop(&format!("rm -f /run/plugged; cat > /run/mint <<'END'\n{mint}END\nchmod +x /run/mint"));
        let said = on_laptop("/run/mint 600");
        assert_eq!(said.code, 0, "{said:?}");
        Self
    }

    /// Writes a token that the API server takes for so long.
    fn write_token(&self, path: &str, seconds: u32) {
        let said = on_laptop(&format!("/run/mint {seconds} > {path}.new && mv {path}.new {path}"));
        assert_eq!(said.code, 0, "{said:?}");
    }
}

impl Drop for Robot {
    fn drop(&mut self) {
        on_node(
            "kubectl delete rolebinding/robot serviceaccount/robot -n hawser; \
             kubectl delete sessions -n hawser --all",
        );
    }
}

fn connected(said: &Said) {
    assert_eq!(said.code, 0, "{said:?}");
    assert!(get(WEB).is_some());
}

fn sessions_of(user: &str) -> usize {
    kubectl(&format!("get sessions -n hawser -o 'jsonpath={{.items[?(@.spec.user==\"{user}\")].metadata.name}}'"))
        .split_whitespace()
        .count()
}

const ROBOT: &str = "system:serviceaccount:hawser:robot";

/// Waits until the API server no longer takes the token in this file.
fn wait_until_refused(path: &str) {
    let ask = format!(
        "curl --silent --insecure --output /dev/null --write-out %{{http_code}} \
         --header \"Authorization: Bearer $(cat {path})\" https://192.168.77.1:6443/api"
    );
    within(40, "the token is refused", || on_laptop(&ask).out == "401");
}

#[test]
fn a_token_is_enough() {
    if left_out_without("the rig's keys") {
        return;
    }
    let robot = Robot::new();
    robot.write_token("/run/token", 600);
    let token = on_laptop("cat /run/token").out;
    let laptop = Laptop::new();
    connected(&laptop.hawser(&format!("connect --kubeconfig {}", kubeconfig("token", &format!("token: {token}")))));
    assert_eq!(sessions_of(ROBOT), 1);
    assert_eq!(laptop.hawser("disconnect").code, 0);
    assert_eq!(sessions_of(ROBOT), 0);
}

#[test]
fn a_token_file_is_read_again() {
    if left_out_without("the rig's keys") {
        return;
    }
    let robot = Robot::new();
    robot.write_token("/run/token", 4);
    robot.write_token("/run/first", 4);
    let laptop = Laptop::new();
    connected(&laptop.hawser(&format!("connect --kubeconfig {}", kubeconfig("rotates", "tokenFile: /run/token"))));
    robot.write_token("/run/token", 600);
    wait_until_refused("/run/first");
    assert!(get(WEB).is_some(), "the link outlives its token");
    {
        let _managers = Managers::disturbed();
        kubectl("rollout restart -n hawser deploy/hawser-manager");
        kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
    }
    within(5, "an answer by other managers", || get(WEB).is_some());

    // What is known when the connection ends is a token that has ended too.
    robot.write_token("/run/token", 4);
    assert_eq!(laptop.hawser("disconnect").code, 0);
    robot.write_token("/run/first", 4);
    robot.write_token("/run/token", 4);
    connected(&laptop.hawser("connect --kubeconfig /run/rotates.yaml"));
    robot.write_token("/run/token", 600);
    wait_until_refused("/run/first");
    assert_eq!(laptop.hawser("disconnect").code, 0);
    assert_eq!(sessions_of(ROBOT), 0, "the session is deleted by the new token");
}

#[test]
fn a_token_that_ends_asks_for_a_login() {
    if left_out_without("the rig's keys") {
        return;
    }
    let robot = Robot::new();
    robot.write_token("/run/first", 4);
    let token = on_laptop("cat /run/first").out;
    let laptop = Laptop::new();
    connected(&laptop.hawser(&format!("connect --kubeconfig {}", kubeconfig("ends", &format!("token: {token}")))));
    wait_until_refused("/run/first");
    assert_eq!(laptop.state(), "connected");
    let managers = Managers::away();
    within(60, "a login is asked for", || laptop.state() == "needs-login");
    drop(managers);
    let cause = laptop.status()["cause"].clone();
    assert_eq!(cause["code"], "login-required", "{cause}");
    assert!(cause["fix"].as_str().unwrap().contains("hawser login"), "{cause}");
    robot.write_token("/run/token", 600);
    kubeconfig("ends", "tokenFile: /run/token");
    let said = laptop.hawser("login --kubeconfig /run/ends.yaml");
    assert_eq!(said.code, 0, "{said:?}");
    within(5, "it is connected again", || laptop.state() == "connected");
    assert!(get(WEB).is_some());
}

#[test]
fn an_expired_certificate_is_named() {
    if left_out_without("the rig's keys") {
        return;
    }
    let keys = state().join("keys");
    let keys = keys.display();
    let said = on_laptop(&format!(
        "cd /run && rm -rf expired && mkdir expired && cd expired && touch index && echo 01 > serial && cat > ca.conf <<'END'
[ca]
default_ca = rig
[rig]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
organizationName = optional
END
openssl req -new -key {keys}/developer.key -subj /O=developers/CN=dev -out request
openssl ca -batch -notext -config ca.conf -cert {keys}/authority.crt -keyfile {keys}/authority.key \
    -startdate 20200101000000Z -enddate 20200102000000Z -in request -out certificate"
    ));
    assert_eq!(said.code, 0, "{said:?}");
    let laptop = Laptop::new();
    let user = format!("client-certificate: /run/expired/certificate, client-key: {keys}/developer.key");
    let path = kubeconfig("expired", &user);
    let said = laptop.fault(&format!("connect --kubeconfig {path}"));
    assert!(said.err.contains("code: credential-expired"), "{said:?}");
    assert!(said.err.contains("expired at 2020-01-02T00:00:00Z") && said.err.contains("issued anew"), "{said:?}");
}

#[test]
fn a_plugin_s_token_is_renewed_before_it_ends() {
    if left_out_without("the rig's keys") {
        return;
    }
    let _robot = Robot::new();
    let path = kubeconfig("renews", &plugin("/run/mint", "args: ['12', exec]"));
    let laptop = Laptop::new();
    connected(&laptop.hawser(&format!("connect --kubeconfig {path}")));
    let asking = std::thread::spawn(|| {
        on_laptop(
            "failed=0; count=0; end=$((SECONDS + 40))
             while [ $SECONDS -lt $end ]; do
                 curl --silent --fail --max-time 3 --output /dev/null http://web/ || failed=$((failed + 1))
                 count=$((count + 1)); sleep 0.05
             done; echo $failed of $count",
        )
    });
    let refused = refused_by_the_server();
    std::thread::sleep(Duration::from_secs(25));
    // The first token has ended: links to other managers need another.
    let managers = Managers::disturbed();
    kubectl("rollout restart -n hawser deploy/hawser-manager");
    drop(managers);
    let said = asking.join().unwrap();
    println!("failed while tokens ended: {}", said.out);
    assert!(said.out.starts_with("0 of "), "{said:?}");
    assert_eq!(refused_by_the_server(), refused, "no request went out with a token that had ended");
    let plugged: Vec<f64> = on_laptop("cat /run/plugged").out.lines().map(|line| line.parse().unwrap()).collect();
    let longest = plugged.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(plugged.len() >= 4 && longest < 12.0, "{plugged:?}");
    assert_eq!(laptop.hawser("disconnect").code, 0);
    assert_eq!(sessions_of(ROBOT), 0);
}

/// Requests whose credential the API server did not take.
fn refused_by_the_server() -> u64 {
    let metrics = kubectl("get --raw /metrics");
    let errors = metrics.lines().filter(|line| line.starts_with("authentication_attempts{result=\"error\"}"));
    errors.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).sum()
}

#[test]
fn a_plugin_that_hangs_is_ended_and_named() {
    if left_out_without("the rig's keys") {
        return;
    }
    let path = kubeconfig("hangs", &plugin("sleep", "args: ['1234']"));
    let laptop = Laptop::new();
    let began = Instant::now();
    let checks = laptop.hawser(&format!("doctor --json --kubeconfig {path}"));
    assert!(checks.out.contains("did not end within"), "{checks:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let said = laptop.fault(&format!("connect --kubeconfig {path}"));
    assert!(said.err.contains("code: plugin-timed-out") && said.err.contains("\"sleep\""), "{said:?}");
    assert!(said.err.contains("within 60s") && said.err.contains("hawser login"), "{said:?}");
    assert_eq!(on_laptop("pgrep -fc '[s]leep 1234$'").out, "0", "it is ended");
    assert!(!on_laptop("ip -brief link").out.contains("hawser"));
}

#[test]
fn a_plugin_that_wants_a_terminal_gets_one_by_login() {
    if left_out_without("the rig's keys") {
        return;
    }
    let robot = Robot::new();
    robot.write_token("/run/token", 600);
    on_laptop(
        r#"cat > /run/asks <<'END'
#!/bin/bash
[ -t 0 ] || { echo "no terminal" >&2; exit 1; }
read -rp "Code: " code
[ "$code" = 4711 ] || { echo "wrong code" >&2; exit 1; }
echo "{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"$(cat /run/token)\"}}"
END
chmod +x /run/asks"#,
    );
    let path = kubeconfig("asks", &plugin("/run/asks", "").replace("Never", "Always"));
    let laptop = Laptop::new();
    let said = laptop.fault(&format!("connect --kubeconfig {path}"));
    assert!(said.err.contains("code: login-required") && said.err.contains("hawser login"), "{said:?}");
    assert_eq!(laptop.state(), "needs-login");
    let login = |code: &str| {
        let command = format!("{} login --kubeconfig {path}", program().display());
        on_laptop(&format!(
            "(sleep 0.5; echo {code}; sleep 1) | script --quiet --return --command '{command}' /dev/null"
        ))
    };
    let wrong = login("1");
    assert!(wrong.code != 0 && wrong.out.contains("plugin-failed"), "{wrong:?}");
    assert_eq!(laptop.state(), "needs-login");
    let right = login("4711");
    assert_eq!(right.code, 0, "{right:?}");
    within(10, "it is connected", || laptop.state() == "connected");
    assert!(get(WEB).is_some());
}

#[test]
fn a_plugin_is_told_of_its_cluster_if_it_wants() {
    if left_out_without("the rig's keys") {
        return;
    }
    let robot = Robot::new();
    robot.write_token("/run/token", 600);
    on_laptop(
        r#"cat > /run/told <<'END'
#!/bin/bash
echo "$KUBERNETES_EXEC_INFO" > /run/info
echo "{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"$(cat /run/token)\"}}"
END
chmod +x /run/told"#,
    );
    for wanted in [true, false] {
        let path = kubeconfig("told", &plugin("/run/told", &format!("provideClusterInfo: {wanted}")));
        let laptop = Laptop::new();
        connected(&laptop.hawser(&format!("connect --kubeconfig {path}")));
        let info: Value = serde_json::from_str(&on_laptop("cat /run/info").out).unwrap();
        assert_eq!(info["spec"]["interactive"], false, "{info}");
        let cluster = &info["spec"]["cluster"];
        if wanted {
            assert_eq!(cluster["server"], "https://192.168.77.1:6443", "{info}");
            assert_eq!(cluster["config"]["audience"], "shop", "{info}");
            assert!(!cluster["certificate-authority-data"].as_str().unwrap().is_empty(), "{info}");
        } else {
            assert!(cluster.is_null(), "{info}");
        }
    }
}

#[test]
fn an_auth_provider_is_refused_with_what_replaces_it() {
    if left_out_without("the rig's keys") {
        return;
    }
    let laptop = Laptop::new();
    for (provider, fix) in [("gcp", "gke-gcloud-auth-plugin"), ("azure", "kubelogin"), ("oidc", "oidc-login")] {
        let path = kubeconfig(provider, &format!("auth-provider: {{name: {provider}}}"));
        let said = laptop.fault(&format!("connect --kubeconfig {path}"));
        assert!(said.err.contains("code: auth-provider-unsupported") && said.err.contains(fix), "{said:?}");
    }
}

#[test]
fn another_user_can_be_acted_as() {
    let laptop = Laptop::new();
    let refused = laptop.fault("connect --as admin --as-group system:masters");
    assert!(refused.err.contains("code: rights-missing"), "{refused:?}");
    assert!(refused.err.contains("cannot impersonate") && !refused.err.contains("hawser-user"), "{refused:?}");
    connected(&laptop.hawser("connect --kubeconfig ~/.kube/admin --as ann --as-group developers"));
    assert_eq!(sessions_of("ann"), 1);
    laptop.hawser("disconnect");
    assert_eq!(sessions_of("ann"), 0);
}

#[test]
fn several_kubeconfigs_are_one() {
    if left_out_without("the rig's keys") {
        return;
    }
    let keys = state().join("keys");
    let keys = keys.display();
    on_laptop(&format!(
        "cat > /run/contexts <<'END'
current-context: shared
contexts: [{{name: shared, context: {{cluster: c, user: u, namespace: team}}}}]
users: [{{name: u, user: {{client-certificate: {keys}/developer.crt, client-key: {keys}/developer.key}}}}]
END
cat > /run/clusters <<'END'
current-context: other
clusters: [{{name: c, cluster: {{server: \"https://192.168.77.1:6443\", certificate-authority: {keys}/authority.crt}}}}]
users: [{{name: u, user: {{token: wrong}}}}]
END"
    ));
    let laptop = Laptop::new();
    let said = laptop.hawser_with("KUBECONFIG=/run/nowhere:/run/contexts:/run/clusters", "connect");
    assert_eq!(said.code, 0, "{said:?}");
    let status = laptop.status();
    assert_eq!((&status["context"], &status["namespace"]), (&Value::from("shared"), &Value::from("team")), "{status}");
    assert!(get("http://board/").is_some(), "names are those of the context's namespace");
}
