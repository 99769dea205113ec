//! Attacks on intercepts: somebody else's intercept, somebody else's laptop, a pod that passes itself off as another's agent.

use hawser_cluster::{Handler, Laptop, Place, Plan, apply, in_pod, kubectl, on_node, within};
use serde_json::{Value, json};

#[test]
fn nobody_touches_another_s_intercept() {
    let laptop = Laptop::developer();
    let shop = Plan::new("coveted").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept coveted --port 9000:http");
    let second = Laptop::second();
    let name = kubectl("get intercepts -n default -o jsonpath={.items[0].metadata.name}");
    let session = kubectl("get intercepts -n default -o jsonpath={.items[0].spec.session}");

    let as_second = |command: &str| second.place().run(command);
    for attack in [
        format!("kubectl delete intercept {name} -n default"),
        format!(
            "kubectl patch intercept {name} -n default --type merge -p '{{\"spec\":{{\"until\":\"2020-01-01T00:00:00Z\"}}}}'"
        ),
    ] {
        let said = as_second(&attack);
        assert!(said.err.contains("ValidatingAdmissionPolicy"), "{attack}: {said:?}");
    }
    let status = format!("kubectl patch intercept {name} -n default --subresource=status --type merge -p '{{}}'");
    assert_ne!(as_second(&status).code, 0, "where an intercept stands is the manager's to say");
    let said = second.fault("leave coveted");
    assert!(said.err.contains("code: intercept-unknown"), "{said:?}");

    let whoami = as_second("kubectl auth whoami -o jsonpath={.status.userInfo.username}").out;
    let create = |user: &str| {
        as_second(&format!(
            "kubectl create -f - <<'END'
apiVersion: hawser.dev/v1alpha1
kind: Intercept
metadata: {{name: attack, namespace: default}}
spec:
  user: {user}
  session: {session}
  mode: wiretap
  workload: {{kind: Deployment, name: coveted}}
  ports: [{{port: http, protocol: TCP, localPort: 9000}}]
END"
        ))
    };
    let said = create("dev");
    assert!(said.err.contains("ValidatingAdmissionPolicy"), "another's name: {said:?}");
    let said = create(&whoami);
    assert_eq!(said.code, 0, "{said:?}");
    within(10, "another's laptop gets nothing by it", || {
        kubectl("get intercept attack -n default -o jsonpath={.status.phase}") == "Refused"
    });
    kubectl("delete intercept attack -n default");
    assert_eq!(laptop.phase("coveted"), "active");
    assert_eq!(shop.ask("/"), "laptop GET /");
}

/// A pod with the configuration of another pod's agent, and a token of its own for managers.
fn imposter(of: &str) -> Value {
    let pod: Value = serde_json::from_str(&kubectl(&format!("get pod -n default {of} -o json"))).unwrap();
    let agent = pod["spec"]["initContainers"].as_array().unwrap().iter().find(|one| one["name"] == "hawser-agent");
    let mut container = agent.unwrap().clone();
    container["name"] = "imposter".into();
    container.as_object_mut().unwrap().remove("restartPolicy");
    container["volumeMounts"] = json!([{ "name": "hawser-token", "mountPath": "/var/run/secrets/hawser.dev" }]);
    let token = json!({ "serviceAccountToken": { "audience": "hawser-agent", "path": "token" } });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "imposter", "namespace": "default",
            "annotations": { "hawser.dev/inject": "disabled" },
        },
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
            "volumes": [{ "name": "hawser-token", "projected": { "sources": [token] } }],
        },
    })
}

struct Imposter;

impl Drop for Imposter {
    fn drop(&mut self) {
        on_node("kubectl delete pod imposter -n default --ignore-not-found --grace-period=0 --force");
    }
}

#[test]
fn no_pod_is_taken_for_another_s_agent() {
    let laptop = Laptop::developer();
    let shop = Plan::new("genuine").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept genuine --port 9000:http");
    let pod = shop.pods()[0].clone();
    let log = |pod: &str, container: &str| kubectl(&format!("logs -n default {pod} -c {container}"));
    assert!(log(&pod, "hawser-agent").contains("linked"), "an agent says when it is linked");

    let _imposter = Imposter;
    apply(&imposter(&pod).to_string());
    within(30, "the other pod runs", || {
        kubectl("get pod imposter -n default -o jsonpath={.status.phase}") == "Running"
    });
    within(20, "a manager has turned it away", || {
        let managers = kubectl("logs -n hawser -l app.kubernetes.io/component=manager --tail=-1");
        managers.contains("the pod imposter has no agent")
    });
    let said = log("imposter", "imposter");
    assert!(!said.contains("linked"), "{said}");
    assert_eq!(shop.ask("/"), "laptop GET /");
}

#[test]
fn an_agent_listens_where_clients_come_and_nowhere_else() {
    let laptop = Laptop::developer();
    let shop = Plan::new("quiet").start();
    let pod = shop.pods()[0].clone();
    let listening = |pod: &str| -> Vec<String> {
        let sockets = in_pod(pod, "ss -Hltnu | awk '{print $1, $5}' | sed 's/ .*:/ /' | sort -u");
        sockets.lines().map(str::to_owned).collect()
    };
    let own = listening(&pod);
    let _handler = Handler::nginx_at(Place::First, 9000, "laptop");
    laptop.ok("intercept quiet --port 9000:http");
    let with_agent = listening(&shop.pods()[0]);
    let more: Vec<&String> = with_agent.iter().filter(|socket| !own.contains(socket)).collect();
    let of_service: Vec<String> = kubectl("get endpointslices -n default -l kubernetes.io/service-name=quiet -o 'jsonpath={range .items[*].ports[*]}{.protocol} {.port}{\"\\n\"}{end}'")
        .lines()
        .map(|line| line.to_lowercase())
        .collect();
    assert!(!more.is_empty() && more.iter().all(|socket| of_service.contains(socket)), "{more:?} {of_service:?}");
}
