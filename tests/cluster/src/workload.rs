//! Workloads that are intercepted: nginx of Debian with a port of HTTP/1.1 and one of h2c, and a UDP port of socat.

use super::{apply, kubectl, on_node, within};

/// A workload of the namespace `default` and its service; gone at the end.
///
/// Its service has the ports `http` (HTTP/1.1, answers `NAME METHOD URI`), `h2` (HTTP/2 without TLS, the same), `dns` (UDP, answers
/// `NAME-` and the datagram) and `echo` (TCP, what is sent comes back).
pub struct Workload {
    /// Its name, and its service's.
    pub name: String,
    /// The service's address.
    pub address: String,
    kind: &'static str,
}

/// How a workload is to be.
pub struct Plan {
    name: String,
    kind: &'static str,
    replicas: u32,
    annotations: String,
    named: bool,
    headless: bool,
    environment: String,
}

impl Plan {
    /// A Deployment of one pod whose ports have names.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: "Deployment",
            replicas: 1,
            annotations: String::new(),
            named: true,
            headless: false,
            environment: String::new(),
        }
    }

    /// Its pods have an agent from the start.
    pub fn willing(self) -> Self {
        self.annotated("hawser.dev/inject: enabled")
    }

    /// Its pods have this annotation.
    pub fn annotated(self, annotation: &str) -> Self {
        Self { annotations: annotation.to_owned(), ..self }
    }

    /// Another kind.
    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// So many pods.
    pub fn replicas(self, replicas: u32) -> Self {
        Self { replicas, ..self }
    }

    /// The service knows its ports by number.
    pub fn numeric(self) -> Self {
        Self { named: false, ..self }
    }

    /// The service has no address.
    pub fn headless(self) -> Self {
        Self { headless: true, named: false, ..self }
    }

    /// The container has these variables, as YAML.
    pub fn environment(self, environment: &str) -> Self {
        Self { environment: environment.to_owned(), ..self }
    }

    /// Makes it, and waits until all its pods are ready.
    pub fn start(self) -> Workload {
        let workload = self.create();
        kubectl(&format!("rollout status -n default {}/{} --timeout=60s", workload.kind, workload.name));
        within(10, "the app answers", || workload.ask("/").starts_with(&workload.name) || workload.address == "None");
        workload
    }

    /// Makes it.
    pub fn create(self) -> Workload {
        let Self { name, kind, replicas, annotations, headless, environment, .. } = &self;
        let target = |name: &'static str, number: &'static str| if self.named { name } else { number };
        let (http, h2, dns, echo) =
            (target("http", "8080"), target("h2", "8081"), target("dns", "5300"), target("echo", "7000"));
        let cluster_ip = if *headless { "clusterIP: None" } else { "clusterIP: null" };
        let service_name = if *kind == "StatefulSet" { format!("serviceName: {name}") } else { String::new() };
        apply(&format!(
            "apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: default}}
spec:
  replicas: {replicas}
  {service_name}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}, annotations: {{{annotations}}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: server
          image: rig.local/tools:1
          imagePullPolicy: Never
          env: [{environment}]
          command:
            - /bin/sh
            - -c
            - |
              cat >/tmp/nginx.conf <<'END'
              daemon off; worker_processes 1; pid /tmp/pid; events {{ worker_connections 1024; }}
              http {{
                  access_log off; default_type text/plain; keepalive_requests 1000000;
                  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
                  server {{ listen 8080; listen 8081 http2; location / {{ return 200 '{name} $request_method $request_uri'; }} }}
              }}
              END
              socat UDP4-RECVFROM:5300,fork SYSTEM:'sed s/^/{name}-/' &
              socat TCP4-LISTEN:7000,fork,reuseaddr EXEC:cat &
              exec /usr/sbin/nginx -e stderr -c /tmp/nginx.conf
          ports:
            - {{containerPort: 8080, name: http}}
            - {{containerPort: 8081, name: h2}}
            - {{containerPort: 5300, name: dns, protocol: UDP}}
            - {{containerPort: 7000, name: echo}}
          readinessProbe: {{httpGet: {{path: /, port: http}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec:
  {cluster_ip}
  selector: {{app: {name}}}
  ports:
    - {{name: http, port: 80, targetPort: {http}}}
    - {{name: h2, port: 81, targetPort: {h2}}}
    - {{name: dns, port: 53, protocol: UDP, targetPort: {dns}}}
    - {{name: echo, port: 7, targetPort: {echo}}}"
        ));
        let address = kubectl(&format!("get service {name} -n default -o jsonpath={{.spec.clusterIP}}"));
        Workload { name: name.clone(), address, kind: self.kind }
    }
}

impl Workload {
    /// Gets a page of its service as another pod would; what curl says went wrong if it did.
    pub fn ask(&self, path: &str) -> String {
        self.ask_with(path, "")
    }

    /// The same with more arguments of curl.
    pub fn ask_with(&self, path: &str, arguments: &str) -> String {
        curl(&format!("{arguments} http://{}{path}", self.address))
    }

    /// The names of its pods that aren't about to go.
    pub fn pods(&self) -> Vec<String> {
        self.pod_fields("{.metadata.name}")
    }

    /// The addresses of the same.
    pub fn pod_addresses(&self) -> Vec<String> {
        self.pod_fields("{.status.podIP}")
    }

    /// A field of each.
    pub fn pod_fields(&self, field: &str) -> Vec<String> {
        let text = kubectl(&format!(
            "get pods -n default -l app={} -o jsonpath='{{range .items[*]}}{{.metadata.deletionTimestamp}}|{field}{{\"\\n\"}}{{end}}'",
            self.name
        ));
        // Those that are about to go have a time before the bar.
        text.lines().filter_map(|line| line.strip_prefix('|')).map(str::to_owned).collect()
    }

    /// The port behind its service's port `http`: the app's own, or its agents'. Waits while it is not the same for all pods.
    pub fn behind_http(&self) -> String {
        let of_service = format!("-l kubernetes.io/service-name={}", self.name);
        let ports = "-o jsonpath='{.items[*].ports[?(@.name==\"http\")].port}'";
        let mut port = String::new();
        within(20, "all pods have one port", || {
            port = kubectl(&format!("get endpointslices -n default {of_service} {ports}"));
            port.parse::<u16>().is_ok()
        });
        port
    }

    /// Runs kubectl with its name at the end.
    pub fn kubectl(&self, arguments: &str) -> String {
        kubectl(&format!("{arguments} -n default {}/{}", self.kind, self.name))
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        let Self { name, kind, .. } = self;
        on_node(&format!(
            "kubectl delete --ignore-not-found --wait=false -n default {kind}/{name} service/{name}; \
             kubectl delete pods --ignore-not-found --wait=false --grace-period=0 --force -n default -l app={name}"
        ));
    }
}

/// What curl prints on the node; why it failed if it did.
pub fn curl(arguments: &str) -> String {
    let said = on_node(&format!("curl --silent --show-error --max-time 5 {arguments}"));
    if said.code == 0 { said.out } else { format!("curl {}: {}", said.code, said.err) }
}
