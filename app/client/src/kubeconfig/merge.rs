//! Several kubeconfigs as one, and what is chosen in them.

use std::path::PathBuf;

use hawser_fault::{Code, Fault};

use super::file::{ClusterFields, ContextFields, Entries, Entry, Kubeconfig, UserFields};
use super::limits::LISTED_NAMES;
use super::selection::{Selection, is_label};

/// A context with everything it points to.
pub(super) struct Choice {
    pub(super) context: String,
    pub(super) namespace: String,
    pub(super) cluster: (String, Entry<ClusterFields>),
    /// A context without a user is anonymous.
    pub(super) user: Option<(String, Entry<UserFields>)>,
}

/// Reads the files and follows the context to its cluster and user.
pub(super) fn choose(selection: &Selection) -> Result<Choice, Fault> {
    let kubeconfig = read_all(&selection.files)?;
    let name = context_name(selection, &kubeconfig)?;
    let Some(context) = kubeconfig.contexts.get(name) else {
        let detail = format!("there is no context {name:?}; {}", listed("contexts", name, &kubeconfig.contexts));
        return Err(Fault::new(Code::ContextUnknown, detail));
    };

    let ContextFields { cluster, user, namespace } = &context.fields;
    let absent = |code, kind: &str, name: &str, there: String| {
        let detail = format!("{}: the {kind} {name:?} is in none of the files read; {there}", context.place);
        Err(Fault::new(code, detail))
    };
    let Some(cluster_entry) = kubeconfig.clusters.get(&**cluster) else {
        return absent(Code::ClusterUnknown, "cluster", cluster, listed("clusters", cluster, &kubeconfig.clusters));
    };
    let user = match kubeconfig.users.get(&**user) {
        Some(entry) => Some((user.to_string(), entry.clone())),
        None if user.is_empty() => None,
        None => return absent(Code::UserUnknown, "user", user, listed("users", user, &kubeconfig.users)),
    };
    let namespace = match &selection.namespace {
        Some(namespace) => namespace.clone(),
        None if namespace.is_empty() => "default".to_owned(),
        None if is_label(namespace) => namespace.to_string(),
        None => {
            return Err(context.place.malformed(format!("{:?} cannot be the name of a namespace", **namespace)));
        }
    };
    Ok(Choice { context: name.to_owned(), namespace, cluster: (cluster.to_string(), cluster_entry.clone()), user })
}

/// Of each name the first file's entry counts, whole; `current-context` is the first one that is set.
fn read_all(files: &[PathBuf]) -> Result<Kubeconfig, Fault> {
    let mut merged: Option<Kubeconfig> = None;
    for path in files {
        let Some(next) = Kubeconfig::read(path)? else { continue };
        merged = Some(match merged {
            Some(first) => merge(first, next),
            None => next,
        });
    }
    merged.ok_or_else(|| {
        let files = files.iter().take(LISTED_NAMES).map(|file| file.display().to_string()).collect::<Vec<_>>();
        Fault::new(Code::KubeconfigMissing, format!("there is no file {}", files.join(", nor ")))
    })
}

pub(super) fn merge(mut first: Kubeconfig, next: Kubeconfig) -> Kubeconfig {
    if first.current_context.is_empty() {
        first.current_context = next.current_context;
    }
    adopt(&mut first.clusters, next.clusters);
    adopt(&mut first.users, next.users);
    adopt(&mut first.contexts, next.contexts);
    first
}

fn adopt<T>(entries: &mut Entries<T>, next: Entries<T>) {
    for (name, entry) in next {
        entries.entry(name).or_insert(entry);
    }
}

fn context_name<'a>(selection: &'a Selection, kubeconfig: &'a Kubeconfig) -> Result<&'a str, Fault> {
    if let Some(name) = &selection.context {
        return Ok(name);
    }
    if !kubeconfig.current_context.is_empty() {
        return Ok(&kubeconfig.current_context);
    }
    if kubeconfig.contexts.is_empty() {
        let files = selection.files.iter().take(LISTED_NAMES).map(|file| file.display().to_string());
        let detail = format!("no context is defined in {}", files.collect::<Vec<_>>().join(", "));
        return Err(Fault::new(Code::KubeconfigEmpty, detail));
    }
    let detail = format!("no context is current; {}", listed("contexts", "", &kubeconfig.contexts));
    Err(Fault::new(Code::ContextUnknown, detail))
}

/// What there is instead of `sought`, the most similar name first.
fn listed<T>(kind: &str, sought: &str, entries: &Entries<T>) -> String {
    if entries.is_empty() {
        return format!("there are no {kind}");
    }
    let mut names: Vec<_> = entries.keys().map(|name| (distance(sought, name), name)).collect();
    names.sort();
    let more = names.len().saturating_sub(LISTED_NAMES);
    let shown: Vec<_> = names.iter().take(LISTED_NAMES).map(|(_, name)| format!("{name:?}")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("the {kind} are {}{more}", shown.join(", "))
}

/// Levenshtein's distance of the first 64 characters, in small letters.
fn distance(one: &str, other: &str) -> usize {
    let letters = |text: &str| text.to_lowercase().chars().take(64).collect::<Vec<_>>();
    let (one, other) = (letters(one), letters(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, left) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, right) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_near() {
        let table = [
            ("", "", 0),
            ("", "abc", 3),
            ("dev", "DEV", 0),
            ("prod", "prd", 1),
            ("ab", "ba", 2),
            ("kitten", "sitting", 3),
        ];
        for (one, other, expected) in table {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }
}
