//! What is installed: the chart's rendering with its placeholders filled in.

use hawser_fault::{Code, Fault};
use serde_json::Value;

use super::kind::DEPLOYMENT;
use super::object::{INSTANCE, MANAGED_BY, Object, TOOL};
use crate::kubeconfig::is_label;

/// The chart, rendered with placeholders (`installer/README.md`); `installer/chart/check` holds it against the chart.
const RENDERING: &str = include_str!("../../../../installer/manifests/hawser.yaml");
const NAMESPACE: &str = "namespace-placeholder";
const IMAGE: &str = "image.invalid/hawser:placeholder";

/// The image that is released with this program; the chart's own default.
pub const DEFAULT_IMAGE: &str = concat!("ghcr.io/hawser-dev/hawser:", env!("CARGO_PKG_VERSION"));

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    /// The manager's namespace.
    pub namespace: String,
    /// The manager's image with its tag or digest.
    pub image: String,
    /// How many managers run at once; without it as many as there are, or the chart's number.
    pub replicas: Option<u32>,
}

/// The objects that the options mean, in the order in which they can be applied.
///
/// # Errors
/// `bad-argument` for a namespace or an image that can't be one.
pub fn render(options: &Options) -> Result<Vec<Object>, Fault> {
    check(options)?;
    let broken = |error| Fault::new(Code::Internal, format!("the manifests in this program cannot be read: {error}"));
    let documents = parse(RENDERING).map_err(broken)?;
    let mut objects = documents.into_iter().map(|body| fill(body, options)).collect::<Result<Vec<_>, _>>()?;
    objects.sort_by_key(|object| object.kind.rank());
    Ok(objects)
}

/// YAML documents as kubectl reads them: a namespace called `no` is text.
pub fn parse(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    serde_saphyr::from_multiple_with_options(text, serde_saphyr::options! { strict_booleans: true })
}

/// The objects as a file that kubectl can apply.
///
/// # Errors
/// `internal`: they are plain data.
pub fn yaml(objects: &[Object]) -> Result<String, Fault> {
    let bodies: Vec<&Value> = objects.iter().map(|object| &object.body).collect();
    serde_saphyr::to_string_multiple(&bodies)
        .map_err(|error| Fault::new(Code::Internal, format!("the manifests cannot be written: {error}")))
}

fn check(options: &Options) -> Result<(), Fault> {
    let bad = |detail: String| Err(Fault::new(Code::BadArgument, detail));
    let Options { namespace, image, replicas } = options;
    if !is_label(namespace) {
        return bad(format!("{namespace:?} cannot be the name of a namespace"));
    }
    let name = image.rsplit('/').next().unwrap_or_default();
    if !image.bytes().all(|byte| byte.is_ascii_graphic()) || name.is_empty() {
        return bad(format!("{image:?} cannot be the name of an image"));
    }
    if !name.contains([':', '@']) {
        return bad(format!("the image {image:?} has neither tag nor digest: write it as {image}:TAG"));
    }
    if *replicas == Some(0) {
        return bad("without a replica there is no manager".to_owned());
    }
    Ok(())
}

fn fill(mut body: Value, options: &Options) -> Result<Object, Fault> {
    replace(&mut body, options);
    let mut object = Object::parse(body)?;
    object.set_label(MANAGED_BY, TOOL);
    object.set_label(INSTANCE, &options.namespace);
    if let Some(replicas) = options.replicas.filter(|_| *object.kind == DEPLOYMENT) {
        object.body["spec"]["replicas"] = replicas.into();
    }
    Ok(object)
}

/// Fills in the placeholders, which stand in texts alone.
fn replace(value: &mut Value, options: &Options) {
    match value {
        Value::String(text) if text == IMAGE => text.clone_from(&options.image),
        Value::String(text) => *text = text.replace(NAMESPACE, &options.namespace),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, options)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, options)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::testing::options;

    #[test]
    fn nothing_is_left_of_the_placeholders() {
        let text = yaml(&render(&options()).unwrap()).unwrap();
        assert!(!text.contains("placeholder"), "{text}");
        assert!(text.contains("system:serviceaccount:tools:hawser-manager"));
        assert!(text.contains("image: registry.test:5000/hawser:1"));
    }

    #[test]
    fn each_leans_on_those_before_it() {
        let objects = render(&options()).unwrap();
        let kinds: Vec<&str> = objects.iter().map(|object| object.kind.name).collect();
        let expected = "Namespace CustomResourceDefinition CustomResourceDefinition ServiceAccount Secret ConfigMap \
             ClusterRole ClusterRole ClusterRoleBinding Role Role RoleBinding ValidatingAdmissionPolicy \
             ValidatingAdmissionPolicy ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding \
             ValidatingAdmissionPolicyBinding ValidatingAdmissionPolicyBinding PodDisruptionBudget Service Deployment \
             MutatingWebhookConfiguration";
        assert_eq!(kinds.join(" "), expected);
        for object in &objects {
            assert_eq!(object.namespace().is_some(), object.kind.namespaced, "{object}");
            assert_eq!((object.label(MANAGED_BY), object.label(INSTANCE)), (TOOL, "tools"), "{object}");
        }
    }

    #[test]
    fn replicas_are_the_chart_s_unless_they_are_given() {
        let replicas = |options: &Options| {
            let objects = render(options).unwrap();
            let deployment = objects.iter().find(|object| *object.kind == DEPLOYMENT);
            deployment.unwrap().body["spec"]["replicas"].clone()
        };
        assert_eq!(replicas(&options()), 2);
        assert_eq!(replicas(&Options { replicas: Some(1), ..options() }), 1);
    }

    #[test]
    fn what_is_printed_is_what_is_meant() {
        for namespace in ["tools", "no", "n", "on", "1", "0x1", "1e3", "null", "0o7", "12-12"] {
            let objects = render(&Options { namespace: namespace.to_owned(), ..options() }).unwrap();
            let text = yaml(&objects).unwrap();
            let bodies: Vec<Value> = objects.into_iter().map(|object| object.body).collect();
            assert_eq!(parse(&text).unwrap(), bodies, "{namespace}");
            let loosely: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
            assert_eq!(loosely, bodies, "{namespace} in YAML 1.1");
        }
    }

    #[test]
    fn what_cannot_be_installed_is_refused() {
        let image = |image: &str| Options { image: image.to_owned(), ..options() };
        for options in [
            image(""),
            image("hawser"),
            image("localhost:5000/hawser"),
            image("a b:1"),
            image("a/"),
            Options { namespace: "Tools".to_owned(), ..options() },
            Options { replicas: Some(0), ..options() },
        ] {
            assert_eq!(render(&options).unwrap_err().code, Code::BadArgument, "{options:?}");
        }
        render(&image("hawser@sha256:0123")).unwrap();
    }

    #[test]
    fn the_default_image_is_the_chart_s() {
        let values: Value = serde_saphyr::from_str(include_str!("../../../../installer/chart/values.yaml")).unwrap();
        let chart: Value = serde_saphyr::from_str(include_str!("../../../../installer/chart/Chart.yaml")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        assert_eq!(DEFAULT_IMAGE, format!("{}:{}", text(&values["image"]["repository"]), text(&chart["appVersion"])));
    }
}
