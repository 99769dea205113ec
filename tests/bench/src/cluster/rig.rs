//! The rig with a pod of servers in it, and the four ways to that pod that are compared.

use std::cell::RefCell;
use std::process::Child;

use anyhow::{Context, Result, ensure};
use hawser_cluster::{Laptop, Said, apply, kubectl, on_laptop, on_node, within};
use hawser_tunnel::limits::HEARTBEAT;
use serde_json::Value;

/// Where nginx listens in the pod.
pub const WEB: u16 = 8080;

/// Who talks to the pod, and by what way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A program on the laptop, through Hawser.
    Hawser,
    /// One on the node, with nothing between.
    Node,
    /// One on the laptop, through the API server's port-forward and nothing else.
    Bare,
    /// One on the laptop, through `kubectl port-forward`.
    Kubectl,
}

/// A cluster with a pod of servers, and a laptop that is connected.
pub struct Rig {
    /// How many blocks each row measures.
    pub blocks: usize,
    /// The laptop.
    pub laptop: Laptop,
    /// The pod's address.
    pub pod: String,
    program: String,
    forwards: RefCell<Vec<Forward>>,
}

/// A running `kubectl port-forward` of one port.
struct Forward {
    port: u16,
    child: Child,
}

impl Rig {
    /// Starts the servers and connects the laptop.
    pub fn new(blocks: usize) -> Result<Rig> {
        let program = std::env::current_exe().context("finding the own program")?.display().to_string();
        serve();
        let pod = kubectl("get pod bench -o jsonpath={.status.podIP}");
        let laptop = Laptop::developer();
        within(20, "nginx answers", || on_laptop(&format!("curl -sf http://{pod}:{WEB}/")).code == 0);
        Ok(Rig { blocks, laptop, pod, program, forwards: RefCell::default() })
    }

    /// A number of the probe's report, of a client that goes this way to a port of the pod.
    pub fn probe(&self, way: Way, what: &str, port: u16, arguments: &str, key: &str) -> Result<f64> {
        let report = match way {
            Way::Bare => {
                let bare = format!("{} bare ~/.kube/admin {port} {what} {arguments}", self.program);
                said(&on_laptop(&bare))?
            }
            _ => {
                let target = self.target(way, port)?;
                said(&self.run(way, &format!("{} probe {what} {target} {arguments}", self.program)))?
            }
        };
        let report: Value = serde_json::from_str(&report).with_context(|| format!("reading {report:?}"))?;
        report[key].as_f64().with_context(|| format!("no {key} in {report}"))
    }

    /// Where a client that goes this way finds a port of the pod.
    pub fn target(&self, way: Way, port: u16) -> Result<String> {
        match way {
            Way::Kubectl => {
                self.forward(port)?;
                Ok(format!("127.0.0.1:{port}"))
            }
            Way::Hawser | Way::Node | Way::Bare => Ok(format!("{}:{port}", self.pod)),
        }
    }

    /// Runs a command where clients of this way are.
    pub fn run(&self, way: Way, command: &str) -> Said {
        if way == Way::Node { on_node(command) } else { on_laptop(command) }
    }

    /// This program's path.
    pub fn program(&self) -> &str {
        &self.program
    }

    fn forward(&self, port: u16) -> Result<()> {
        let mut forwards = self.forwards.borrow_mut();
        if forwards.iter().any(|forward| forward.port == port) {
            return Ok(());
        }
        let command = format!("exec kubectl --kubeconfig ~/.kube/admin port-forward pod/bench {port}");
        let child = hawser_cluster::start_on_laptop(&command);
        forwards.push(Forward { port, child });
        within(10, "kubectl forwards", || on_laptop(&format!("nc -z 127.0.0.1 {port}")).code == 0);
        Ok(())
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        on_laptop("pkill -f '[p]ort-forward pod/bench'");
        for forward in self.forwards.get_mut() {
            let _ = forward.child.wait();
        }
        on_node("kubectl delete pod bench --grace-period=0 --force");
    }
}

/// A link whose round trip takes 20 ms more, as long as this lives.
pub struct Delay;

impl Delay {
    /// From now on.
    pub fn far() -> Self {
        hawser_cluster::rig("link", &["delay", "20"]);
        // No link changes its length while it stands: both ends learn of it by their next heartbeats.
        std::thread::sleep(2 * HEARTBEAT);
        Self
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        hawser_cluster::rig("link", &["delay", "0"]);
    }
}

/// What a command printed, if it succeeded.
pub fn said(said: &Said) -> Result<String> {
    ensure!(said.code == 0, "{said:?}");
    Ok(said.out.lines().last().unwrap_or_default().to_owned())
}

/// The number after a label.
pub fn after(output: &str, label: &str) -> Result<f64> {
    let (_, rest) = output.split_once(label).with_context(|| format!("no {label:?} in {output}"))?;
    let number = rest.split_whitespace().next().unwrap_or_default();
    number.parse().with_context(|| format!("{label} {number:?}"))
}

fn serve() {
    apply(&format!(
        "apiVersion: v1
kind: ConfigMap
metadata: {{name: bench}}
data:
  nginx.conf: |
    daemon off; worker_processes 1; pid /tmp/pid; events {{ worker_connections 8192; }}
    http {{
        access_log off; keepalive_requests 100000000; default_type text/plain;
        client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
        server {{ listen {WEB} backlog=4096; location / {{ return 200 'Hello from the quay.'; }} }}
    }}
---
apiVersion: v1
kind: Pod
metadata: {{name: bench, labels: {{app: bench}}}}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{{name: configuration, configMap: {{name: bench}}}}]
  containers:
    - name: probe
      image: rig.local/tools:1
      imagePullPolicy: Never
      command: [hawser-bench, probe, serve]
      env: [{{name: HAWSER_DEMO_CLUSTER_IP, value: 0.0.0.0}}]
    - name: web
      image: rig.local/tools:1
      imagePullPolicy: Never
      command: [/usr/sbin/nginx, -e, stderr, -c, /etc/bench/nginx.conf]
      volumeMounts: [{{name: configuration, mountPath: /etc/bench}}]
---
apiVersion: v1
kind: Service
metadata: {{name: bench}}
spec: {{selector: {{app: bench}}, ports: [{{port: 80, targetPort: {WEB}}}]}}"
    ));
    kubectl("wait --for=condition=Ready pod/bench --timeout=60s");
}
