//! Pods that get an agent when they are made, without an intercept: the webhook and its authority, and that nobody notices.

use hawser_cluster::{Managers, apply, hawser, kubectl, on_laptop, on_node, within};

/// A Deployment and its service in the namespace `default`; gone at the end.
struct App(&'static str);

impl App {
    fn new(name: &'static str, annotation: &str, target: &str) -> Self {
        let annotations = format!(", annotations: {{hawser.dev/inject: {annotation}}}");
        apply(&manifest(name, &annotations, target));
        kubectl(&format!("rollout status -n default deployment/{name} --timeout=60s"));
        Self(name)
    }

    /// The names of all containers of its pod.
    fn containers(&self) -> String {
        kubectl(&format!(
            "get pods -n default -l app={} -o jsonpath='{{.items[*].spec.initContainers[*].name}} {{.items[*].spec.containers[*].name}}'",
            self.0
        ))
    }

    /// The port of the pod that the service leads to.
    fn endpoint(&self) -> String {
        let of_service = format!("-l kubernetes.io/service-name={}", self.0);
        kubectl(&format!("get endpointslices -n default {of_service} -o jsonpath='{{.items[*].ports[*].port}}'"))
    }

    fn answers(&self) -> bool {
        let name = self.0;
        on_node(&format!(
            "curl --silent --max-time 2 http://$(kubectl get service {name} -n default -o jsonpath={{.spec.clusterIP}})/"
        ))
        .out == name
    }
}

impl Drop for App {
    fn drop(&mut self) {
        on_node(&format!("kubectl delete --ignore-not-found -n default deployment/{0} service/{0}", self.0));
    }
}

fn manifest(name: &str, annotations: &str, target: &str) -> String {
    format!(
        "# ours
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: default}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}{annotations}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: server
          image: rig.local/busybox:1
          imagePullPolicy: Never
          command: [/bin/sh, -c, 'mkdir /tmp/www; echo {name} >/tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www']
          ports: [{{containerPort: 8080, name: http}}]
          readinessProbe: {{httpGet: {{path: /, port: http}}, periodSeconds: 1}}
---
# its service
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: {target}}}]}}
"
    )
}

#[test]
fn a_pod_that_asks_for_an_agent_answers_through_it() {
    let app = App::new("willing", "enabled", "http");
    assert_eq!(app.containers().trim(), "hawser-agent server");
    assert_eq!(app.endpoint(), "7400");
    within(10, "the app answers", || app.answers());
}

#[test]
fn a_pod_that_refuses_an_agent_stays_as_it_is() {
    let app = App::new("unwilling", "disabled", "http");
    assert_eq!((app.containers().trim(), app.endpoint().as_str()), ("server", "8080"));
    within(10, "the app answers", || app.answers());
}

#[test]
fn a_port_without_a_name_takes_no_privilege_unasked() {
    let app = App::new("numeric", "enabled", "8080");
    assert_eq!((app.containers().trim(), app.endpoint().as_str()), ("hawser-agent server", "8080"));
    within(10, "the app answers", || app.answers());
}

#[test]
fn pods_are_made_while_no_manager_is_there() {
    let managers = Managers::away();
    let nobody = || kubectl("get pods -n hawser -l app.kubernetes.io/component=manager -o name").is_empty();
    within(60, "the managers are gone", nobody);
    let app = App::new("alone", "enabled", "http");
    assert_eq!(app.containers().trim(), "server");
    drop(managers);
    within(10, "the app answers", || app.answers());
}

#[test]
fn every_manager_serves_what_the_api_server_trusts() {
    let trusted = kubectl(
        "get mutatingwebhookconfiguration hawser-manager.hawser -o jsonpath='{.webhooks[0].clientConfig.caBundle}'",
    );
    assert_eq!(trusted, kubectl("get secret -n hawser hawser-manager -o jsonpath='{.data.ca\\.crt}'"));
    let pods =
        kubectl("get pods -n hawser -l app.kubernetes.io/component=manager -o jsonpath='{.items[*].status.podIP}'");
    assert!(!pods.is_empty());
    for pod in pods.split(' ') {
        let name = "hawser-manager-agents.hawser.svc";
        let said = on_node(&format!(
            "curl --silent --output /dev/null --write-out '%{{http_code}}' --cacert <(echo {trusted} | base64 -d) \
             --resolve {name}:8443:{pod} https://{name}:8443/"
        ));
        assert_eq!(said.out, "404", "{pod}: {said:?}");
    }
}

#[test]
fn a_manifest_that_was_given_an_agent_makes_pods_with_it() {
    let manifest = manifest("kept", "", "http");
    on_laptop(&format!("cat >/run/kept.yaml <<'END'\n{manifest}END"));
    let administrator = "agent inject --kubeconfig ~/.kube/admin -n default --from-file";
    let refused = hawser("agent inject -n default --from-file /run/kept.yaml");
    assert!(refused.code == 1 && refused.err.contains("--authority FILE"), "{refused:?}");
    let asked = hawser(&format!("{administrator} /run/kept.yaml >/run/kept-asked.yaml"));
    assert_eq!(asked.code, 0, "{asked:?}");
    assert_eq!(hawser(&format!("{administrator} /run/kept-asked.yaml | cmp - /run/kept-asked.yaml")).code, 0, "twice");
    let authority = kubectl("get secret -n hawser hawser-manager -o jsonpath='{.data.ca\\.crt}'");
    on_laptop(&format!("echo {authority} | base64 -d >/run/kept-ca.crt"));
    let image = kubectl("get deploy -n hawser hawser-manager -o jsonpath='{.spec.template.spec.containers[0].image}'");
    let given = hawser(&format!(
        "agent inject -f - --authority /run/kept-ca.crt --image {image} </run/kept.yaml >/run/kept-given.yaml"
    ));
    assert_eq!(given.code, 0, "{given:?}");
    assert!(on_laptop("cat /run/kept-given.yaml").out.ends_with(manifest.split_once("---").unwrap().1.trim_end()));
    for file in ["/run/kept-asked.yaml", "/run/kept-given.yaml"] {
        within(30, "no pod is left of the last one", || kubectl("get pods -n default -l app=kept -o name").is_empty());
        apply(&on_laptop(&format!("cat {file}")).out);
        let app = App("kept");
        kubectl("rollout status -n default deployment/kept --timeout=60s");
        assert_eq!((app.containers().trim(), app.endpoint().as_str()), ("hawser-agent server", "7400"), "{file}");
        within(10, "the app answers", || app.answers());
        within(10, "the agent is linked", || {
            kubectl("logs -n default -l app=kept -c hawser-agent --tail=-1").contains("linked")
        });
    }
}
