//! The manager's process, where one is left.

use anyhow::{Context, Result, ensure};
use hawser_cluster::{kubectl, on_node, within};

/// Waits until there is one replica and no other.
///
/// # Errors
/// Fails if it does not become available.
pub fn one_is_left() -> Result<()> {
    kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
    within(60, "one manager is left", || addresses().len() == 1);
    Ok(())
}

/// MB that it has in memory.
///
/// # Errors
/// Fails if there is not one.
pub fn resident() -> Result<f64> {
    let kilobytes = of_process("grep VmRSS /proc/$p/status")?;
    Ok(kilobytes.split_whitespace().nth(1).context("no VmRSS")?.parse::<f64>()? / 1e3)
}

/// Processor time that it has used, in seconds.
///
/// # Errors
/// Fails if there is not one.
pub fn processor_seconds() -> Result<f64> {
    let ticks = of_process("awk '{print $14 + $15}' /proc/$p/stat")?;
    Ok(ticks.parse::<f64>()? / 100.0)
}

/// Kills the process of a pod without a warning.
///
/// # Errors
/// Fails if there is none.
pub fn kill(pod: &str) -> Result<()> {
    let address = kubectl(&format!("get pod {pod} -n hawser -o jsonpath={{.status.podIP}}"));
    of_process_at(&address, "kill -KILL $p && echo killed").map(drop)
}

/// A number that it tells of itself.
pub fn metric(name: &str) -> Option<f64> {
    let text = on_node(&format!("curl -s http://{}:8081/metrics", addresses().first()?)).out;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// Addresses of the managers' pods.
fn addresses() -> Vec<String> {
    let text =
        kubectl("get pods -n hawser -l app.kubernetes.io/component=manager -o jsonpath={.items[*].status.podIP}");
    text.split_whitespace().map(str::to_owned).collect()
}

/// Runs a command with the process in `$p`.
fn of_process(command: &str) -> Result<String> {
    of_process_at(&addresses().into_iter().next().context("there is no manager")?, command)
}

fn of_process_at(address: &str, command: &str) -> Result<String> {
    let said = on_node(&format!(
        "for p in $(pgrep -x hawser-manager); do nsenter -t $p -n ip -o addr | grep -q 'inet {address}/' && {command}; done"
    ));
    ensure!(!said.out.is_empty(), "the manager's process is not found: {said:?}");
    Ok(said.out)
}
