//! Containers whose program doesn't run: an idle stand-in of the same name does.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::json;

use super::edit::Edit;
use super::{PROGRAM, Sidecar, Want};

/// The stand-in's only argument.
pub const IDLE: &str = "idle";

/// What belongs to the program that doesn't run.
const OF_THE_PROGRAM: [&str; 6] =
    ["args", "workingDir", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];

/// Puts stand-ins in the place of programs.
pub fn replace(edit: &mut Edit, spec: &PodSpec, want: &Want, sidecar: &Sidecar) {
    for (index, container) in spec.containers.iter().enumerate() {
        if !want.replaced.contains(&container.name) {
            continue;
        }
        let field = |name: &str| format!("/spec/containers/{index}/{name}");
        edit.set(&field("image"), sidecar.image.clone());
        edit.set(&field("command"), json!([PROGRAM, IDLE]));
        if sidecar.pull_policy.is_empty() {
            edit.remove(&field("imagePullPolicy"));
        } else {
            edit.set(&field("imagePullPolicy"), sidecar.pull_policy.clone());
        }
        for name in OF_THE_PROGRAM {
            edit.remove(&field(name));
        }
    }
}
