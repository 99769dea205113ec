//! What manages a workload's manifest, by the marks that it leaves.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Who would change a workload back, or make it anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// The tool.
    pub tool: &'static str,
    /// What the tool calls the thing that the workload is part of.
    pub part_of: String,
}

/// Labels and annotations of tools, in the order in which one includes the other.
///
/// Sources: <https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/>,
/// <https://fluxcd.io/flux/components/kustomize/kustomizations/>, <https://fluxcd.io/flux/components/helm/helmreleases/>,
/// <https://helm.sh/docs/topics/advanced/>
const MARKS: [(&str, &str); 5] = [
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
    ("meta.helm.sh/release-name", "Helm"),
];

/// What manages the object, if anything has left its mark.
pub fn by(metadata: &ObjectMeta) -> Option<Managed> {
    let places = [&metadata.labels, &metadata.annotations];
    let mark = |key: &str| places.into_iter().flatten().find_map(|all| all.get(key)).cloned();
    MARKS.iter().find_map(|(key, tool)| {
        // A tracking id is APPLICATION:GROUP/KIND:NAMESPACE/NAME.
        let part_of = mark(key)?.split(':').next().unwrap_or_default().to_owned();
        Some(Managed { tool, part_of })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_is_known_by_its_mark() {
        let managed = |labels: &[(&str, &str)], annotations: &[(&str, &str)]| {
            let map = |pairs: &[(&str, &str)]| {
                Some(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
            };
            let metadata = ObjectMeta { labels: map(labels), annotations: map(annotations), ..ObjectMeta::default() };
            by(&metadata).map(|managed| (managed.tool, managed.part_of))
        };
        assert_eq!(managed(&[("app.kubernetes.io/name", "web")], &[]), None);
        let helm = ("meta.helm.sh/release-name", "web");
        assert_eq!(managed(&[], &[helm]), Some(("Helm", "web".to_owned())));
        let argo = ("argocd.argoproj.io/tracking-id", "shop:apps/Deployment:shop/web");
        assert_eq!(managed(&[], &[helm, argo]), Some(("Argo CD", "shop".to_owned())));
        assert_eq!(managed(&[("helm.toolkit.fluxcd.io/name", "r")], &[helm]), Some(("Flux", "r".to_owned())));
    }
}
