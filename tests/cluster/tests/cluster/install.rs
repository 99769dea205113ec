//! Installing without helm: what it needs, what it says, and that nothing of it stays.

use hawser_cluster::{Said, apply, hawser, kubectl, left_out_without, on_laptop, on_node, settle, within};

const IMAGE: &str = "--image hawser.dev/hawser:dev";

/// `hawser cluster` as the cluster's administrator, for a manager in `namespace`.
fn cluster(namespace: &str, arguments: &str) -> Said {
    hawser(&format!("cluster {arguments} --kubeconfig ~/.kube/admin --manager-namespace {namespace} --yes"))
}

fn done(said: &Said) {
    assert_eq!(said.code, 0, "{said:?}");
}

fn failed(said: &Said, code: &str, part: &str) {
    assert!(said.err.contains(&format!("code: {code}")) && said.err.contains(part), "{said:?}");
}

/// All that is outside of namespaces, and all rights inside of them.
fn listing() -> String {
    kubectl(
        "get $(kubectl api-resources --namespaced=false --verbs=list -o name | grep -v componentstatuses | paste -sd,) -o name; \
         kubectl get roles,rolebindings -A -o name",
    )
}

/// The cluster without helm's Hawser, which comes back at the end.
struct WithoutHelm {
    values: String,
}

impl WithoutHelm {
    fn new() -> Self {
        let values = on_node("helm get values hawser -n hawser -o yaml").out;
        done(&on_node("helm uninstall hawser -n hawser --wait --timeout 60s"));
        Self { values }
    }
}

impl Drop for WithoutHelm {
    fn drop(&mut self) {
        cluster("tools", "uninstall");
        cluster("team", "uninstall");
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../installer/chart");
        let values = &self.values;
        on_node(&format!("helm install hawser {chart} -n hawser --wait --timeout 60s -f - <<'END'\n{values}\nEND"));
        settle();
    }
}

#[test]
fn what_helm_installed_is_helm_s() {
    if left_out_without("a Hawser to replace") {
        return;
    }
    for command in ["install", "upgrade", "uninstall"] {
        for namespace in ["hawser", "tools"] {
            failed(&cluster(namespace, command), "installed-otherwise", "was installed by Helm, as the release hawser");
        }
    }
}

#[test]
fn who_may_not_is_told_what_is_missing() {
    if left_out_without("a Hawser to replace") {
        return;
    }
    let roles = "clusterroles.rbac.authorization.k8s.io";
    failed(&hawser("cluster install --yes"), "rights-missing", roles);
    failed(&hawser("cluster uninstall --yes"), "rights-missing", "revoke intercepts.hawser.dev");
    failed(&hawser("cluster install </dev/null"), "bad-argument", "add: --yes");
}

#[test]
fn who_has_all_but_the_rights_that_are_given_may_not_give_them() {
    if left_out_without("a Hawser to replace") {
        return;
    }
    apply(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: installer}
rules:
  - apiGroups: ['', apps, policy, networking.k8s.io, admissionregistration.k8s.io, apiextensions.k8s.io]
    resources: ['*']
    verbs: [get, list, create, patch]
  - apiGroups: [rbac.authorization.k8s.io]
    resources: ['*']
    verbs: [get, list, create, patch]",
    );
    kubectl("create clusterrolebinding installer --clusterrole=installer --user=dev");
    let said = hawser("cluster install --yes");
    kubectl("delete clusterrolebinding,clusterrole installer");
    failed(&said, "rights-missing", "subjectaccessreviews.authorization.k8s.io");
    assert!(!said.err.contains("clusterroles"), "{said:?}");
}

#[test]
fn kubectl_takes_the_manifests() {
    if left_out_without("a Hawser to replace") {
        return;
    }
    let hawser = hawser(&format!("cluster manifests --manager-namespace default {IMAGE} > /run/hawser.yaml"));
    done(&hawser);
    let applied = on_laptop("kubectl --kubeconfig ~/.kube/admin apply --dry-run=server -f /run/hawser.yaml");
    done(&applied);
    assert!(applied.out.contains("deployment.apps/hawser-manager"), "{applied:?}");
}

#[test]
fn what_is_installed_goes_without_a_trace() {
    if left_out_without("a Hawser to replace") {
        return;
    }
    let _helm = WithoutHelm::new();
    let before = listing();

    let broken = cluster("tools", "install --image registry.invalid/hawser:1 --timeout 3");
    failed(&broken, "rollout-failed", "pod hawser-manager-");
    let installed = cluster("tools", &format!("install {IMAGE}"));
    done(&installed);
    for part in [
        "ClusterRole hawser-manager.tools, in the whole cluster, for ServiceAccount tools/hawser-manager",
        "secrets hawser-manager ",
        "kubectl -n tools create rolebinding hawser-user --role=hawser-user --group=GROUP",
        "hawser connect --manager-namespace tools",
    ] {
        assert!(installed.out.contains(part), "{part}: {installed:?}");
    }
    assert_eq!(kubectl("get deploy hawser-manager -n tools -o jsonpath={.status.availableReplicas}"), "2");
    failed(&cluster("team", "install"), "installed-otherwise", "--manager-namespace tools");

    apply(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: former
  namespace: tools
  labels: {app.kubernetes.io/name: hawser, app.kubernetes.io/managed-by: hawser, app.kubernetes.io/instance: tools}
rules: [{apiGroups: [''], resources: [pods], verbs: [deletecollection]}]",
    );
    let upgraded = cluster("tools", &format!("upgrade {IMAGE} --replicas 1"));
    done(&upgraded);
    let (_, removed) = upgraded.out.split_once("It takes these rights away:").unwrap();
    assert!(removed.contains("deletecollection") && removed.contains("Role tools/former"), "{upgraded:?}");
    assert_eq!(kubectl("get roles -n tools -o name | grep -c former || true"), "0");

    kubectl("create rolebinding users -n tools --role=hawser-user --group=developers");
    kubectl("create rolebinding developers -n team --clusterrole=hawser-developer --group=developers");
    let removed = cluster("tools", "uninstall");
    done(&removed);
    assert!(removed.out.contains("RoleBinding team/developers"), "{removed:?}");
    assert_eq!(listing(), before);
    let again = cluster("tools", "uninstall");
    done(&again);
    assert!(again.out.contains("There is nothing of Hawser"), "{again:?}");
}

#[test]
fn a_namespace_that_was_there_stays_as_it_was() {
    if left_out_without("a Hawser to replace") {
        return;
    }
    let _helm = WithoutHelm::new();
    let namespace = || kubectl("get namespace team -o jsonpath={.metadata.labels}{.metadata.annotations}");
    let before = (listing(), namespace());
    done(&cluster("team", &format!("install {IMAGE} --replicas 1")));
    assert_eq!(namespace(), before.1);
    done(&cluster("team", "uninstall"));
    assert_eq!((listing(), namespace()), before);
    within(10, "the workloads of others are available", || {
        kubectl("get deploy board -n team -o jsonpath={.status.availableReplicas}") == "1"
    });
}
