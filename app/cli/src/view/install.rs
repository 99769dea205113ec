//! What installing and removing will do, and what comes after.

use hawser_client::install::{Object, Options, Plan, Purpose, Removal};

use super::rights;
use crate::output::style::{GOOD, HEADING, WARNING, paint};
use crate::output::text::harmless;

/// What is installed where, and which rights that gives or changes.
pub(crate) fn plan(plan: &Plan, options: &Options, server: &str, purpose: Purpose) -> String {
    let image = paint(HEADING, &harmless(&options.image));
    let place = format!("{server}, Kubernetes {}", plan.version);
    let count = plan.objects.len();
    let mut text = format!("{image} on {}: {count} objects, see hawser cluster manifests\n", harmless(&place));
    if purpose == Purpose::Upgrade {
        text += &changes(plan);
    } else {
        text += &format!("\n{}\n{}", paint(HEADING, "It gives these rights:"), rights::describe(&plan.after));
    }
    text
}

fn changes(plan: &Plan) -> String {
    let mut text = String::new();
    if plan.before == plan.after {
        text += "\nRights stay as they are.\n";
    }
    let added = rights::describe(plan.after.difference(&plan.before));
    if !added.is_empty() {
        text += &format!("\n{}\n{added}", paint(WARNING, "It gives these rights in addition:"));
    }
    let removed = rights::describe(plan.before.difference(&plan.after));
    if !removed.is_empty() {
        text += &format!("\n{}\n{removed}", paint(GOOD, "It takes these rights away:"));
    }
    text + &listed("It deletes what a former version had:", &plan.stale)
}

/// What somebody does next.
pub(crate) fn done(options: &Options, purpose: Purpose) -> String {
    let namespace = &options.namespace;
    if purpose == Purpose::Upgrade {
        return format!("{} in {namespace}: the manager is available.\n", paint(GOOD, "upgraded"));
    }
    let connect = match namespace.as_str() {
        "hawser" => "hawser connect".to_owned(),
        other => format!("hawser connect --manager-namespace {other}"),
    };
    format!(
        "{} in {namespace}: the manager is available.\n\
         Let developers connect, and intercept in a namespace:\n  \
           kubectl -n {namespace} create rolebinding hawser-user --role=hawser-user --group=GROUP\n  \
           kubectl -n NAMESPACE create rolebinding hawser-developer --clusterrole=hawser-developer --group=GROUP\n\
         Then, on a laptop:\n  \
           {connect}\n",
        paint(GOOD, "installed"),
    )
}

/// What will be deleted, in that order.
pub(crate) fn removal(removal: &Removal, namespace: &str) -> String {
    let mut text = listed("Bindings of its roles:", &removal.bindings);
    text += &listed("Connections and intercepts that are under way:", &removal.held);
    text += &listed("What was installed:", &removal.objects);
    if removal.takes_namespace() {
        let warning = format!("With the namespace {namespace} goes whatever else is in it.");
        text += &format!("\n{}\n", paint(WARNING, &warning));
    }
    text
}

fn listed(heading: &str, objects: &[Object]) -> String {
    if objects.is_empty() {
        return String::new();
    }
    let lines: String = objects.iter().map(|object| format!("  {}\n", harmless(&named(object)))).collect();
    format!("\n{}\n{lines}", paint(HEADING, heading))
}

/// Whose it is counts more than its name, where that says so.
fn named(object: &Object) -> String {
    match object.body["spec"]["user"].as_str() {
        Some(user) => format!("{object} of {user}"),
        None => object.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;
    use hawser_client::install::{render, rights};

    fn options() -> Options {
        Options { namespace: "tools".to_owned(), image: "r/h:1".to_owned(), replicas: None }
    }

    fn planned() -> Plan {
        let objects = render(&options()).unwrap();
        let after = rights(&objects);
        Plan { version: "v1.34.1".to_owned(), objects, stale: Vec::new(), before: after.clone(), after, force: true }
    }

    fn shown(plan: &Plan, purpose: Purpose) -> String {
        strip_str(&super::plan(plan, &options(), "10.0.0.1:6443", purpose)).to_string()
    }

    #[test]
    fn installing_shows_every_right() {
        let text = shown(&planned(), Purpose::Install);
        let begin = "r/h:1 on 10.0.0.1:6443, Kubernetes v1.34.1: 22 objects, see hawser cluster manifests\n";
        assert!(text.starts_with(begin), "{text}");
        assert!(
            text.contains("\n  Role hawser-user, in the namespace tools, for nobody until you bind it\n"),
            "{text}"
        );
        assert!(text.contains("\n    secrets hawser-manager "), "{text}");
    }

    #[test]
    fn upgrading_shows_what_changes() {
        let mut plan = planned();
        assert!(shown(&plan, Purpose::Upgrade).ends_with("\nRights stay as they are.\n"));
        let first = plan.before.pop_first().unwrap();
        let last = plan.after.pop_last().unwrap();
        plan.stale = vec![plan.objects.pop().unwrap()];
        let text = shown(&plan, Purpose::Upgrade);
        let (added, removed) = text.split_once("It takes these rights away:").unwrap();
        assert!(added.contains(&format!("{}  {}", first.resource, first.verb)), "{text}");
        assert!(removed.contains(&format!("{}  {}", last.resource, last.verb)), "{text}");
        assert!(
            text.ends_with(
                "It deletes what a former version had:\n  MutatingWebhookConfiguration hawser-manager.tools\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn removing_shows_everything_in_order() {
        let mut objects = render(&options()).unwrap();
        objects.reverse();
        let mut session = objects[0].clone();
        session.body["spec"]["user"] = "ann".into();
        let shown = removal(&Removal { bindings: Vec::new(), held: vec![session], objects }, "tools");
        let text = strip_str(&shown).to_string();
        assert!(text.contains("under way:\n  MutatingWebhookConfiguration hawser-manager.tools of ann\n"), "{text}");
        let end = "  Namespace tools\n\nWith the namespace tools goes whatever else is in it.\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn what_comes_next_names_the_namespace() {
        let text = done(&options(), Purpose::Install);
        assert!(text.contains("kubectl -n tools create rolebinding hawser-user"), "{text}");
        assert!(text.ends_with("hawser connect --manager-namespace tools\n"), "{text}");
    }
}
