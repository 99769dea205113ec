//! Attacks: somebody else's name, somebody else's session, a key that nobody knows.

use hawser_cluster::{Laptop, kubectl, on_laptop};

/// A Session as the developer could write it.
fn session(name: &str, user: &str, groups: &str) -> String {
    let extra = on_laptop("kubectl auth whoami -o 'jsonpath={.status.userInfo.extra}'").out;
    format!(
        "apiVersion: hawser.dev/v1alpha1
kind: Session
metadata: {{name: {name}, namespace: hawser}}
spec:
  user: {user}
  groups: {groups}
  extra: {extra}
  key: sha256:{}
  namespace: default
  client: {{host: attack, version: '1'}}",
        "0".repeat(64)
    )
}

#[test]
fn nobody_gets_a_session_in_another_s_name() {
    let create = |manifest: &str| on_laptop(&format!("kubectl create -f - <<'END'\n{manifest}\nEND"));
    for (user, groups, part) in [
        ("admin", "[developers, 'system:authenticated']", "spec.user"),
        ("dev", "[developers, 'system:authenticated', 'system:masters']", "spec.groups"),
        ("dev", "[developers]", "spec.groups"),
    ] {
        let said = create(&session("attack", user, groups));
        assert!(said.err.contains("ValidatingAdmissionPolicy") && said.err.contains(part), "{said:?}");
    }
    let said = create(&session("attack", "dev", "[developers, 'system:authenticated']"));
    assert_eq!(said.code, 0, "one's own is one's own: {said:?}");
    let changed =
        on_laptop("kubectl patch session attack -n hawser --type merge -p '{\"spec\":{\"namespace\":\"team\"}}'");
    assert_ne!(changed.code, 0, "{changed:?}");
    assert_eq!(on_laptop("kubectl delete session attack -n hawser").code, 0);
}

#[test]
fn nobody_ends_or_uses_another_s_session() {
    let laptop = Laptop::connected("--kubeconfig ~/.kube/admin");
    let name = kubectl("get sessions -n hawser -o 'jsonpath={.items[?(@.spec.user==\"admin\")].metadata.name}'");
    let name = name.split(' ').next_back().unwrap().to_owned();
    let ended = on_laptop(&format!("kubectl delete session {name} -n hawser"));
    assert!(ended.err.contains("ValidatingAdmissionPolicy"), "{ended:?}");
    assert_eq!(laptop.state(), "connected");
}

#[test]
fn a_key_without_a_session_gets_nowhere() {
    let laptop = Laptop::connected("");
    // The laptop reaches the manager's own port like any pod's; its other key has no session.
    let replica = kubectl("get sessions -n hawser -o 'jsonpath={.items[-1:].status.replicas[0].address}'");
    let pin = kubectl("get sessions -n hawser -o 'jsonpath={.items[-1:].status.replicas[0].key}'");
    on_laptop(&format!("printf 'manager = \"{replica}:7300\"\\npin = \"{pin}\"\\n' > /run/attack.toml"));
    let said = laptop.fault("connect --standalone /run/attack.toml");
    assert!(said.err.contains("code: manager-refused"), "{said:?}");
    let plain = on_laptop(&format!("curl --silent --max-time 5 http://{replica}:7300/"));
    assert_ne!(plain.code, 0, "{plain:?}");
    laptop.hawser("disconnect attack");
    laptop.hawser("disconnect rig");
}
