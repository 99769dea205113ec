//! The kinds of objects that an installation is made of.

/// A kind of object, and where the API server has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Such as `Deployment`.
    pub name: &'static str,
    /// Such as `apps`; empty for the oldest.
    pub group: &'static str,
    /// Such as `v1`.
    pub version: &'static str,
    /// Such as `deployments`.
    pub plural: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// In the order in which they are applied: each leans on those before it, and the manager comes when its rights and the
/// policies that bind it are there. They are removed in the opposite order.
pub static KINDS: &[Kind] = &[
    NAMESPACE,
    DEFINITION,
    namespaced("", "v1", "ServiceAccount", "serviceaccounts"),
    namespaced("", "v1", "Secret", "secrets"),
    namespaced("", "v1", "ConfigMap", "configmaps"),
    cluster(RBAC, "v1", "ClusterRole", "clusterroles"),
    cluster(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings"),
    namespaced(RBAC, "v1", "Role", "roles"),
    ROLE_BINDING,
    cluster(ADMISSION, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    cluster(ADMISSION, "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
    namespaced("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    namespaced("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    namespaced("", "v1", "Service", "services"),
    DEPLOYMENT,
    cluster(ADMISSION, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
];

/// What everything else is in.
pub const NAMESPACE: Kind = cluster("", "v1", "Namespace", "namespaces");
/// What makes the API server know a custom resource.
pub const DEFINITION: Kind =
    cluster("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions");
/// What gives a role to somebody in a namespace.
pub const ROLE_BINDING: Kind = namespaced(RBAC, "v1", "RoleBinding", "rolebindings");
/// The manager itself.
pub const DEPLOYMENT: Kind = namespaced("apps", "v1", "Deployment", "deployments");
/// Where the manager runs.
pub const POD: Kind = namespaced("", "v1", "Pod", "pods");
/// A laptop that is connected.
pub const SESSION: Kind = namespaced("hawser.dev", "v1alpha1", "Session", "sessions");
/// A workload's traffic that goes to a laptop.
pub const INTERCEPT: Kind = namespaced("hawser.dev", "v1alpha1", "Intercept", "intercepts");

impl Kind {
    /// The kind of this name, if an installation can have it.
    pub fn named(api_version: &str, name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name && kind.api_version() == api_version)
    }

    /// Group and version as an object names them.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Its place in the order of applying.
    pub fn rank(&self) -> usize {
        KINDS.iter().position(|kind| kind == self).unwrap_or(KINDS.len())
    }

    /// The path of all its objects: of a namespace if that is given and the kind has any, else of the cluster.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/{}/namespaces/{namespace}/{}", self.api_version(), self.plural),
            None => format!("{root}/{}/{}", self.api_version(), self.plural),
        }
    }
}

const fn cluster(group: &'static str, version: &'static str, name: &'static str, plural: &'static str) -> Kind {
    Kind { name, group, version, plural, namespaced: false }
}

const fn namespaced(group: &'static str, version: &'static str, name: &'static str, plural: &'static str) -> Kind {
    Kind { name, group, version, plural, namespaced: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_api_server_has_them() {
        let path = |api_version, name| Kind::named(api_version, name).unwrap().path(Some("tools"));
        assert_eq!(path("v1", "Namespace"), "/api/v1/namespaces");
        assert_eq!(path("v1", "Secret"), "/api/v1/namespaces/tools/secrets");
        assert_eq!(path("apps/v1", "Deployment"), "/apis/apps/v1/namespaces/tools/deployments");
        assert_eq!(
            path("rbac.authorization.k8s.io/v1", "ClusterRole"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles"
        );
        assert_eq!(INTERCEPT.path(None), "/apis/hawser.dev/v1alpha1/intercepts");
        assert_eq!(Kind::named("apps/v1beta1", "Deployment"), None);
    }
}
