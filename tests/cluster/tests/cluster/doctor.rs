//! Scenarios G: `hawser doctor` names what is wrong, and `hawser logs gather` gives nothing away.

use std::time::{Duration, Instant};

use hawser_cluster::{
    Laptop, Managers, kubectl, left_out_without, no_developers, on_laptop, on_node, settle, state, within,
};
use serde_json::Value;

const GATHERED: &str = "/run/gathered.zip";

/// The checks of `hawser doctor` with these arguments; it ends in good time whatever is wrong.
fn examine(laptop: &Laptop, arguments: &str) -> Vec<Value> {
    let began = Instant::now();
    let said = laptop.hawser(&format!("doctor --json {arguments}"));
    assert!(began.elapsed() < Duration::from_secs(20), "doctor {arguments} took {:?}", began.elapsed());
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!(report["ok"], said.code == 0, "{report:#}");
    report["checks"].as_array().unwrap().clone()
}

fn failures(checks: &[Value]) -> Vec<&Value> {
    checks.iter().filter(|check| check["outcome"] == "fail").collect()
}

/// The only failure.
fn failure(laptop: &Laptop, arguments: &str) -> Value {
    let checks = examine(laptop, arguments);
    let failures = failures(&checks);
    assert_eq!(failures.len(), 1, "{failures:#?}");
    failures[0].clone()
}

fn text<'a>(check: &'a Value, field: &str) -> &'a str {
    check[field].as_str().unwrap_or_default()
}

/// The check whose title starts so.
fn find(checks: &[Value], title: &str) -> Value {
    checks.iter().find(|check| text(check, "title").starts_with(title)).cloned().unwrap_or_default()
}

/// The developers' rights to connect are away as long as this lives.
struct NoRights;

impl NoRights {
    fn now() -> Self {
        kubectl("delete rolebinding hawser-user -n hawser");
        within(10, "the right is gone", || may_create_sessions() == "no");
        Self
    }
}

impl Drop for NoRights {
    fn drop(&mut self) {
        kubectl("create rolebinding hawser-user -n hawser --role=hawser-user --group=developers");
        within(10, "the right is back", || may_create_sessions() == "yes");
    }
}

fn may_create_sessions() -> String {
    on_laptop("kubectl auth can-i create sessions.hawser.dev -n hawser").out
}

fn sessions() -> String {
    kubectl("get sessions -n hawser -o name")
}

/// The developers may intercept in the namespace `default` as long as this lives.
struct MayIntercept;

impl MayIntercept {
    fn now() -> Self {
        let may = || on_laptop("kubectl auth can-i create intercepts.hawser.dev -n default").out;
        on_node("kubectl create rolebinding doctor -n default --clusterrole=hawser-developer --group=developers");
        within(10, "the right is there", || may() == "yes");
        Self
    }
}

impl Drop for MayIntercept {
    fn drop(&mut self) {
        kubectl("delete rolebinding doctor -n default");
    }
}

/// The API server does not reach the webhook as long as this lives.
struct NoWebhook;

impl NoWebhook {
    fn now() -> Self {
        Self::lead_to("1");
        Self
    }

    fn lead_to(port: &str) {
        on_node(&format!(
            "kubectl patch service -n hawser hawser-manager-agents --type=json \
             -p '[{{\"op\": \"replace\", \"path\": \"/spec/ports/0/targetPort\", \"value\": {port}}}]'"
        ));
    }
}

impl Drop for NoWebhook {
    fn drop(&mut self) {
        Self::lead_to("\"webhook\"");
        settle();
    }
}

#[test]
fn what_intercepts_need_is_examined() {
    no_developers();
    let laptop = Laptop::connected("");
    let checks = examine(&laptop, "");
    let may = find(&checks, "You may intercept in the namespace default");
    assert_eq!(may["outcome"], "warn", "{may}");
    assert!(text(&may, "fix").contains("--clusterrole=hawser-developer --user=dev"), "{may}");
    let _right = MayIntercept::now();
    // The manager asks about a user's rights once a minute.
    within(90, "the manager knows of the right", || {
        find(&examine(&laptop, ""), "Pods in the namespace default can get an agent")["outcome"] == "pass"
    });
    let said = laptop.hawser("intercept web --port 9000:http");
    assert_eq!(said.code, 0, "{said:?}");
    let check = find(&examine(&laptop, ""), "What clients ask of web reaches this computer");
    assert_eq!(check["outcome"], "pass", "{check}");
    laptop.hawser("leave web");

    let unreached = NoWebhook::now();
    let mut check = Value::Null;
    within(30, "the webhook is missed", || {
        check = find(&examine(&laptop, ""), "Pods in the namespace default can get an agent");
        check["outcome"] == "fail"
    });
    drop(unreached);
    assert!(text(&check, "reason").contains("came without an agent"), "{check}");
    assert!(text(&check, "fix").contains("8443"), "{check}");
}

#[test]
fn nothing_is_wrong_with_a_connected_laptop() {
    let _right = MayIntercept::now();
    let laptop = Laptop::connected("");
    within(5, "a heartbeat", || laptop.status()["round_trip_us"].is_u64());
    // What it found out of a user's rights the manager holds to be true for a minute.
    within(70, "the manager knows of the right", || {
        find(&examine(&laptop, ""), "Pods in the namespace default can get an agent")["outcome"] == "pass"
    });
    let before = sessions();
    let checks = examine(&laptop, "");
    assert!(checks.iter().all(|check| check["outcome"] == "pass"), "{checks:#?}");
    let titles: Vec<_> = checks.iter().map(|check| text(check, "title")).collect();
    let expected = [
        "The helper answers you",
        "There is a kubeconfig",
        "The context leads to a cluster",
        "Your login can be had",
        "The API server answers",
        "This computer's clock is right",
        "The way to the API server is short",
        "The API server knows you",
        "Hawser is installed in the cluster",
        "You may connect",
        "You may intercept in the namespace default",
        "The manager in hawser lets you in",
        "The manager has this program's version",
        "A port-forward reaches the manager",
        "The connection rig reaches its manager",
        "The routes of rig stand",
        "The connection rig resolves names",
        "The hops of rig are short",
        "Your programs ask the resolver of rig",
    ];
    let mut rest = titles.iter();
    for title in expected {
        assert!(rest.any(|found| *found == title), "{title} is not there, or not in its place: {titles:#?}");
    }
    assert_eq!(sessions(), before, "the trial session is deleted");
}

#[test]
fn a_laptop_that_is_not_connected_is_examined_too() {
    let laptop = Laptop::new();
    let checks = examine(&laptop, "");
    assert!(failures(&checks).is_empty(), "{checks:#?}");
    assert!(checks.iter().any(|check| check["title"] == "A port-forward reaches the manager"), "{checks:#?}");
}

#[test]
fn a_missing_right_is_named_with_what_grants_it() {
    let laptop = Laptop::new();
    let _no_rights = NoRights::now();
    let checks = examine(&laptop, "");
    let failures = failures(&checks);
    let titles: Vec<_> = failures.iter().map(|check| text(check, "title")).collect();
    for right in ["create sessions.hawser.dev", "get sessions.hawser.dev", "watch sessions.hawser.dev"] {
        assert!(titles.contains(&format!("You may {right}").as_str()), "{right}: {titles:?}");
    }
    assert!(titles.contains(&"You may delete sessions.hawser.dev"), "{titles:?}");
    assert!(titles.contains(&"You may get pods/portforward"), "{titles:?}");

    // What it says to type is what helps.
    let fix = text(failures[0], "fix");
    let command = fix.split_once("kubectl ").unwrap().1;
    assert!(command.ends_with("create rolebinding hawser-user-dev --role=hawser-user --user=dev"), "{fix}");
    kubectl(command);
    within(10, "the right is there", || may_create_sessions() == "yes");
    let checks = examine(&laptop, "");
    kubectl("delete rolebinding hawser-user-dev -n hawser");
    assert!(self::failures(&checks).is_empty(), "{checks:#?}");
}

#[test]
fn a_manager_that_is_not_there_is_missed() {
    let laptop = Laptop::new();
    let elsewhere = failure(&laptop, "--kubeconfig ~/.kube/admin --manager-namespace team");
    assert_eq!(elsewhere["title"], "The manager in team lets you in");
    assert!(text(&elsewhere, "reason").contains("no manager in the namespace team"), "{elsewhere}");
    assert!(text(&elsewhere, "fix").contains("kubectl -n team get pods"), "{elsewhere}");
    let nowhere = failure(&laptop, "--kubeconfig ~/.kube/admin --manager-namespace nowhere");
    assert!(text(&nowhere, "reason").contains("\"nowhere\" not found"), "{nowhere}");
    assert!(text(&nowhere, "fix").contains("hawser cluster install"), "{nowhere}");
    assert_eq!(kubectl("get sessions -n team -o name"), "", "the trial session is deleted");

    let _managers = Managers::away();
    let pods = || kubectl("get pods -n hawser -l app.kubernetes.io/component=manager -o name");
    within(60, "the managers are gone", || pods().is_empty());
    let gone = failure(&laptop, "");
    assert_eq!(gone["title"], "The manager in hawser lets you in");
}

#[test]
fn mistakes_in_kubeconfigs_are_named() {
    if left_out_without("the rig's keys") {
        return;
    }
    let laptop = Laptop::new();
    on_laptop("echo > /run/empty");
    on_laptop("sed 's/:6443/:6444/' ~/.kube/config > /run/another-port");
    let other = state().join("keys/developer.crt");
    let replace = format!("s#certificate-authority-data: .*#certificate-authority: {}#", other.display());
    on_laptop(&format!("sed '{replace}' ~/.kube/config > /run/untrusted"));
    for (arguments, title, reason) in [
        ("--kubeconfig /run/empty", "There is a kubeconfig", "no context is defined in /run/empty"),
        ("--kubeconfig /run/nowhere", "There is a kubeconfig", "there is no file /run/nowhere"),
        ("--context nowhere", "The context leads to a cluster", "there is no context \"nowhere\""),
        ("--kubeconfig /run/another-port", "The API server answers", ":6444"),
        ("--kubeconfig /run/untrusted", "The API server answers", "certificate"),
    ] {
        let failure = failure(&laptop, arguments);
        assert_eq!(text(&failure, "title"), title, "{failure}");
        assert!(text(&failure, "reason").contains(reason), "{failure}");
        assert!(!text(&failure, "fix").is_empty(), "{failure}");
    }
}

#[test]
fn a_route_that_somebody_takes_away_is_missed() {
    let laptop = Laptop::connected("");
    on_laptop("ip route del 10.96.0.0/16 dev hawser0");
    let checks = examine(&laptop, "");
    let routes = checks.iter().find(|check| check["title"] == "The routes of rig stand").unwrap();
    assert_eq!(routes["outcome"], "fail", "{routes}");
    assert!(text(routes, "reason").contains("10.96.0.0/16"), "{routes}");
}

#[test]
fn gathered_logs_hold_neither_token_nor_key() {
    if left_out_without("the rig's keys") {
        return;
    }
    let token = kubectl("create token default -n default");
    let server = "https://192.168.77.1:6443";
    let keys = state().join("keys");
    let keys = keys.display();
    on_laptop(&format!(
        "cat > /run/token <<'END'
current-context: t
contexts: [{{name: t, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: \"{server}\", certificate-authority: {keys}/authority.crt}}}}]
users: [{{name: u, user: {{token: {token}}}}}]
END"
    ));
    let laptop = Laptop::connected("");
    for arguments in ["", "--kubeconfig /run/token", "--kubeconfig ~/.kube/admin"] {
        on_laptop(&format!("rm -f {GATHERED}"));
        let said = laptop.hawser(&format!("logs gather --output {GATHERED} {arguments}"));
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.contains("were taken out"), "{said:?}");
        assert_eq!(on_laptop(&format!("stat -c %a {GATHERED}")).out, "600");

        // Both as they are and in base64; no line of a key is anywhere.
        let names = unpacked("print('\\n'.join(archive.namelist()))").out;
        for name in
            ["README.txt", "doctor.json", "status.json", "flows.json", "helper.log", "companion.log", "resolv.conf"]
        {
            assert!(names.lines().any(|line| line == name), "{name}: {names}");
        }
        let leaked = unpacked(&format!(
            "secrets = ['{token}', 'PRIVATE KEY', 'client-key-data']
for name in ['developer', 'admin']:
    secrets += [line for line in open(f'{keys}/{{name}}.key').read().split() if len(line) > 20]
texts = [archive.read(name).decode() for name in archive.namelist()]
print([secret for secret in secrets for text in texts
    if secret in text or base64.b64encode(secret.encode()).decode() in text])"
        ));
        assert_eq!(leaked.out, "[]", "{leaked:?}");
        let again = laptop.fault(&format!("logs gather --output {GATHERED} {arguments}"));
        assert!(again.err.contains("is there already"), "{again:?}");
    }
    // The last of them is the administrator's, who may read what the managers log.
    let logs = unpacked("print(len([name for name in archive.namelist() if name.startswith('manager/')]))").out;
    assert_eq!(logs, "2");
}

/// Runs Python with the gathered file open as `archive`.
fn unpacked(script: &str) -> hawser_cluster::Said {
    let said = on_laptop(&format!(
        "python3 - <<'END'
import base64, zipfile
archive = zipfile.ZipFile('{GATHERED}')
{script}
END"
    ));
    assert_eq!(said.code, 0, "{said:?}");
    said
}
