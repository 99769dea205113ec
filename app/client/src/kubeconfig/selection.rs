//! Which cluster, as whom: what the command line and the user's environment say, in a form that can be kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hawser_fault::{Code, Fault};
use serde::{Deserialize, Serialize};

use super::Environment;
use super::limits::{LONGEST_NAME, MOST_FILES};

/// The options of a command that chooses a cluster, by their names in kubectl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `--kubeconfig`
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--namespace`
    pub namespace: Option<String>,
    /// `--as`
    pub as_user: Option<String>,
    /// `--as-group`, as often as it was given
    pub as_groups: Vec<String>,
    /// `--as-uid`
    pub as_uid: Option<String>,
}

/// Which kubeconfigs to read and what to choose in them. It means the same in any working directory, holds no secret, and
/// can be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Absolute paths, the first one's word counts most; those that aren't there are passed over.
    pub files: Vec<PathBuf>,
    /// The context; without one, the files' current context.
    #[serde(default)]
    pub context: Option<String>,
    /// The namespace; without one, the context's.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Who to act as; each field that is set overrides the kubeconfig's.
    #[serde(default)]
    pub impersonation: Impersonation,
}

/// Somebody else to act as (Kubernetes: user impersonation). Without a user nobody is impersonated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Impersonation {
    /// Their name.
    pub user: Option<String>,
    /// Their unique id.
    pub uid: Option<String>,
    /// Their groups.
    pub groups: Vec<String>,
    /// What else is known of them.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Selection {
    /// Settles what the arguments leave to the environment: `KUBECONFIG`, else `~/.kube/config`. Options without text count as
    /// not given, as in kubectl.
    ///
    /// # Errors
    /// `bad-argument`; `kubeconfig-missing` if no file is named at all.
    pub fn new(arguments: Arguments, environment: &Environment) -> Result<Self, Fault> {
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let namespace = given(arguments.namespace).map(|name| without_kind(&name).to_owned());
        let selection = Self {
            files: files(arguments.kubeconfig, environment)?,
            context: given(arguments.context),
            namespace,
            impersonation: Impersonation {
                user: given(arguments.as_user),
                uid: given(arguments.as_uid),
                groups: arguments.as_groups,
                extra: BTreeMap::new(),
            },
        };
        selection.check()?;
        Ok(selection)
    }

    fn check(&self) -> Result<(), Fault> {
        let bad = |detail: String| Err(Fault::new(Code::BadArgument, detail));
        if let Some(file) = self.files.iter().find(|file| file.to_str().is_none()) {
            return bad(format!("the path {} is not UTF-8 text", file.display()));
        }
        let who = &self.impersonation;
        let names = [&self.context, &self.namespace, &who.user, &who.uid].into_iter().flatten().chain(&who.groups);
        if let Some(name) = names.into_iter().find(|name| name.len() > LONGEST_NAME) {
            let start: String = name.chars().take(40).collect();
            return bad(format!("the name that starts with {start:?} is longer than {LONGEST_NAME} bytes"));
        }
        match &self.namespace {
            Some(name) if !is_label(name) => bad(format!("{name:?} cannot be the name of a namespace")),
            _ => Ok(()),
        }
    }
}

fn files(argument: Option<PathBuf>, environment: &Environment) -> Result<Vec<PathBuf>, Fault> {
    if let Some(path) = argument.filter(|path| !path.as_os_str().is_empty()) {
        return Ok(vec![environment.absolute(&path)]);
    }
    let missing = |detail: &str| Fault::new(Code::KubeconfigMissing, detail);
    let Some(list) = environment.first(&["KUBECONFIG"]) else {
        let home = environment.first(&["HOME"]);
        let home = home.ok_or_else(|| missing("neither KUBECONFIG nor HOME is set, so no file was looked for"))?;
        return Ok(vec![environment.absolute(home.as_ref()).join(".kube/config")]);
    };

    let mut files: Vec<PathBuf> = Vec::new();
    for path in std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()) {
        let path = environment.absolute(&path);
        if !files.contains(&path) {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            return Err(Fault::new(Code::BadArgument, format!("KUBECONFIG names more than {MOST_FILES} files")));
        }
    }
    if files.is_empty() {
        return Err(missing("KUBECONFIG is set but names no file"));
    }
    Ok(files)
}

/// `ns/apps` means `apps`, in kubectl too.
fn without_kind(name: &str) -> &str {
    match name.split_once('/') {
        Some((kind, rest)) if ["ns", "namespace", "namespaces"].contains(&kind.to_ascii_lowercase().as_str()) => rest,
        _ => name,
    }
}

/// Whether this is a label as Kubernetes has it for namespaces (RFC 1123, section 2.1).
pub fn is_label(name: &str) -> bool {
    let middle = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(middle) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::testing::environment;

    #[test]
    fn files_come_from_the_argument_then_the_list_then_home() {
        type Row = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);
        let table: &[Row] = &[
            ("", &[("HOME", "/home/me")], &["/home/me/.kube/config"]),
            ("", &[("HOME", "/home/me"), ("KUBECONFIG", "")], &["/home/me/.kube/config"]),
            ("", &[("HOME", "/h"), ("KUBECONFIG", "a:/b/c::../d:a")], &["/work/a", "/b/c", "/work/../d"]),
            ("x/y", &[("HOME", "/h"), ("KUBECONFIG", "a:b")], &["/work/x/y"]),
            ("/x", &[], &["/x"]),
        ];
        for (argument, variables, expected) in table {
            let kubeconfig = Some(PathBuf::from(argument));
            let arguments = Arguments { kubeconfig, ..Arguments::default() };
            let selection = Selection::new(arguments, &environment(variables)).unwrap();
            assert_eq!(
                selection.files,
                expected.iter().map(PathBuf::from).collect::<Vec<_>>(),
                "{argument} {variables:?}"
            );
        }
        for variables in [&[][..], &[("KUBECONFIG", ":"), ("HOME", "/h")]] {
            let fault = Selection::new(Arguments::default(), &environment(variables)).unwrap_err();
            assert_eq!(fault.code, Code::KubeconfigMissing);
        }
    }

    #[test]
    fn options_are_checked_and_empty_ones_are_not_given() {
        let environment = environment(&[("HOME", "/h")]);
        let empty = Some(String::new());
        let arguments = Arguments { context: empty.clone(), namespace: empty, ..Arguments::default() };
        let selection = Selection::new(arguments, &environment).unwrap();
        assert_eq!((selection.context, selection.namespace), (None, None));

        for (name, expected) in [("apps", "apps"), ("ns/apps", "apps"), ("Namespaces/a-1", "a-1")] {
            let arguments = Arguments { namespace: Some(name.into()), ..Arguments::default() };
            assert_eq!(Selection::new(arguments, &environment).unwrap().namespace.as_deref(), Some(expected));
        }

        let long = "x".repeat(LONGEST_NAME + 1);
        let namespace = |name: &str| Arguments { namespace: Some(name.into()), ..Arguments::default() };
        let wrong = [
            namespace("Apps"),
            namespace("-a"),
            namespace("a.b"),
            namespace("a/b"),
            namespace(&"x".repeat(64)),
            Arguments { context: Some(long.clone()), ..Arguments::default() },
            Arguments { as_groups: vec!["g".into(), long], ..Arguments::default() },
        ];
        for arguments in wrong {
            let fault = Selection::new(arguments.clone(), &environment).unwrap_err();
            assert_eq!(fault.code, Code::BadArgument, "{arguments:?}");
            assert!(fault.detail.len() < 200, "{}", fault.detail);
        }
        let list = (0..=MOST_FILES).map(|n| n.to_string()).collect::<Vec<_>>().join(":");
        let environment = crate::kubeconfig::testing::environment(&[("KUBECONFIG", &list)]);
        assert_eq!(Selection::new(Arguments::default(), &environment).unwrap_err().code, Code::BadArgument);
    }

    #[test]
    fn a_selection_survives_being_stored() {
        let arguments = Arguments {
            context: Some("dev".into()),
            as_user: Some("jane".into()),
            as_groups: vec!["ops".into()],
            ..Arguments::default()
        };
        let selection = Selection::new(arguments, &environment(&[("HOME", "/h")])).unwrap();
        let text = serde_json::to_string(&selection).unwrap();
        assert_eq!(serde_json::from_str::<Selection>(&text).unwrap(), selection);
        let least: Selection = serde_json::from_str(r#"{"files": ["/a"]}"#).unwrap();
        assert_eq!(least.context, None);
    }
}
