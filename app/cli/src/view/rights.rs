//! Rights of Kubernetes, each in words.

use std::collections::BTreeMap;

use hawser_client::install::{Holder, Place, Resource, Right};

use crate::output::style::{HEADING, paint};
use crate::output::text::{harmless, width};

/// A heading for each role, and below it a line for each resource with its verbs.
pub(super) fn describe<'a>(rights: impl IntoIterator<Item = &'a Right>) -> String {
    let mut holders: BTreeMap<&Holder, BTreeMap<&Resource, Vec<&str>>> = BTreeMap::new();
    for Right { holder, resource, verb } in rights {
        holders.entry(holder).or_default().entry(resource).or_default().push(verb);
    }
    let resources = holders.values().flat_map(BTreeMap::keys);
    let widest = resources.map(|resource| width(&harmless(&resource.to_string()))).max().unwrap_or_default();

    let mut text = String::new();
    for (holder, resources) in holders {
        text += &format!("  {}{}\n", paint(HEADING, &harmless(&holder.role)), harmless(&scope(holder)));
        for (resource, verbs) in resources {
            let name = harmless(&resource.to_string());
            let padding = " ".repeat(widest - width(&name));
            text += &format!("    {name}{padding}  {}\n", harmless(&verbs.join(", ")));
        }
    }
    text
}

/// Who has it, and where it holds.
fn scope(holder: &Holder) -> String {
    let place = match &holder.place {
        Place::Cluster => ", in the whole cluster",
        Place::Namespace(namespace) => &format!(", in the namespace {namespace}"),
        Place::Bound if holder.to.is_empty() => "",
        Place::Bound => ", wherever it is bound",
    };
    let to = match holder.to.as_slice() {
        [] => "nobody until you bind it".to_owned(),
        to => to.join(", "),
    };
    format!("{place}, for {to}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    #[test]
    fn a_heading_for_each_role_and_a_line_for_each_resource() {
        let right = |role: &str, to: &[&str], place: &Place, resource: (&str, &str), verb: &str| Right {
            holder: Holder {
                role: role.to_owned(),
                to: to.iter().map(|name| (*name).to_owned()).collect(),
                place: place.clone(),
            },
            resource: Resource { group: resource.0.to_owned(), name: resource.1.to_owned(), object: None },
            verb: verb.to_owned(),
        };
        let manager = ["ServiceAccount tools/hawser-manager"];
        let tools = Place::Namespace("tools".to_owned());
        let rights = [
            right("ClusterRole manager", &manager, &Place::Cluster, ("", "pods"), "get"),
            right("ClusterRole manager", &manager, &Place::Cluster, ("hawser.dev", "intercepts/status"), "patch"),
            right("ClusterRole manager", &manager, &Place::Cluster, ("", "pods"), "watch"),
            right("ClusterRole developer", &[], &Place::Bound, ("hawser.dev", "intercepts"), "create"),
            right("Role user", &[], &tools, ("", "pods/portforward"), "get"),
        ];
        let expected = "  \
  ClusterRole developer, for nobody until you bind it
    intercepts.hawser.dev         create
  ClusterRole manager, in the whole cluster, for ServiceAccount tools/hawser-manager
    pods                          get, watch
    intercepts.hawser.dev/status  patch
  Role user, in the namespace tools, for nobody until you bind it
    pods/portforward              get
";
        assert_eq!(strip_str(&describe(&rights)).to_string(), expected);
    }
}
