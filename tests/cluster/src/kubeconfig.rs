//! Kubeconfigs of tests.

use crate::{on_laptop, state};

/// Writes a kubeconfig with this user's fields, and a context of this name; its path.
pub fn kubeconfig(name: &str, user: &str) -> String {
    let (path, authority) = (format!("/run/{name}.yaml"), state().join("keys/authority.crt"));
    on_laptop(&format!(
        "cat > {path} <<'END'
apiVersion: v1
kind: Config
current-context: {name}
contexts: [{{name: {name}, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: \"https://192.168.77.1:6443\", certificate-authority: {}, extensions: [
    {{name: client.authentication.k8s.io/exec, extension: {{audience: shop}}}}]}}}}]
users: [{{name: u, user: {{{user}}}}}]
END",
        authority.display()
    ));
    path
}

/// A plugin as a user's fields.
pub fn plugin(command: &str, more: &str) -> String {
    format!("exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}, interactiveMode: Never, {more}}}")
}

/// The developer's certificate as a user's fields.
pub fn developer() -> String {
    let keys = state().join("keys");
    let keys = keys.display();
    format!("client-certificate: {keys}/developer.crt, client-key: {keys}/developer.key")
}
