//! The computers of the rig that have no cluster on them: the laptop, and another one behind it.

use std::process::{Child, Command, Stdio};

use super::{Said, apply, enter, kubectl, within};

/// A computer of a developer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The rig's laptop.
    First,
    /// Namespaces within the laptop's, with a user of their own: `second`.
    Second,
}

impl Place {
    /// Runs a shell command there.
    pub fn run(self, command: &str) -> Said {
        self.bash(command).output().unwrap().into()
    }

    /// Starts one. The caller ends it.
    pub fn start(self, command: &str) -> Child {
        self.bash(command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn bash(self, command: &str) -> Command {
        let mut enter = enter("laptop");
        match self {
            Self::First => enter.args(["bash", "-c", command]),
            Self::Second => enter.args(["bash", "-c", WITHIN, command]),
        };
        enter
    }

    /// What helper and command line need there.
    pub(super) fn command(self, program: &[&str]) -> Command {
        let quoted: Vec<String> = program.iter().map(|word| format!("'{word}'")).collect();
        self.bash(&format!("exec {}", quoted.join(" ")))
    }

    /// Sees to it that it is there.
    pub(super) fn prepare(self) {
        if self == Self::First {
            return;
        }
        // What a user may goes with a Hawser that is uninstalled.
        apply(USER);
        if Self::First.run("kill -0 $(cat /run/second.pid)").code == 0 {
            return;
        }
        let said = Self::First.run(NETWORK);
        assert_eq!(said.code, 0, "{said:?}");
        let token = kubectl("create token second -n default --duration=10h");
        let said = self.run(&format!(
            "cp ~/.kube/config $KUBECONFIG && kubectl config set-credentials second --token={token} &&
             kubectl config set-context --current --user=second"
        ));
        assert_eq!(said.code, 0, "{said:?}");
        within(5, "the API server is reached", || self.run("kubectl get --raw /version").code == 0);
    }
}

const WITHIN: &str =
    "exec nsenter -t $(cat /run/second.pid) --mount --net --pid env KUBECONFIG=/run/kubeconfig bash -c \"$0\"";

const NETWORK: &str = r#"
set -e
setsid unshare --net --mount --pid --fork --mount-proc --kill-child sleep 99999 </dev/null >/dev/null 2>&1 &
for _ in $(seq 100); do pid=$(pgrep -x -f 'sleep 99999') && break; sleep 0.05; done
echo $pid >/run/second.pid
ip link del to-second 2>/dev/null || true
ip link add to-second type veth peer name wire netns $pid
ip addr add 192.168.97.1/24 dev to-second
ip link set to-second up
echo 1 >/proc/sys/net/ipv4/ip_forward
iptables -t nat -C POSTROUTING -s 192.168.97.0/24 -j MASQUERADE 2>/dev/null || iptables -t nat -A POSTROUTING -s 192.168.97.0/24 -j MASQUERADE
nsenter -t $pid --mount --net bash -ec '
    ip link set lo up
    ip addr add 192.168.97.2/24 dev wire
    ip link set wire up
    ip route add default via 192.168.97.1
    mount --make-rprivate /
    mount -t tmpfs tmpfs /run
    mkdir -p /run/lock /run/user
    echo nameserver 192.168.98.1 >/run/resolv.conf
    mount --bind /run/resolv.conf /etc/resolv.conf'
"#;

const USER: &str = "apiVersion: v1
kind: ServiceAccount
metadata: {name: second, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: hawser-second, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: hawser-developer}
subjects: [{kind: ServiceAccount, name: second, namespace: default}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: hawser-second, namespace: hawser}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: hawser-user}
subjects: [{kind: ServiceAccount, name: second, namespace: default}]";
