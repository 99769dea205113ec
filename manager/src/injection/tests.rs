//! Each file of `goldens` is what is wanted and a pod; the file beside it that ends in `.out.yaml` is the pod that comes of it,
//! or the code of the refusal. HAWSER_UPDATE_GOLDENS=1 writes those.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

fn sidecar(native: bool) -> Sidecar {
    Sidecar {
        image: "hawser.dev/hawser:dev".to_owned(),
        pull_policy: "Never".to_owned(),
        resources: json!({ "requests": { "cpu": "10m", "memory": "12Mi" }, "limits": { "memory": "64Mi" } }),
        native,
        manager: "10.96.0.9:7301".to_owned(),
        manager_name: "hawser-manager-agents.hawser.svc".to_owned(),
        authority: "-----BEGIN CERTIFICATE-----\n".to_owned(),
    }
}

fn want(value: &Value) -> Want {
    let port = |port: &Value| {
        let hand_over = if port["redirect"] == true { HandOver::Redirect } else { HandOver::Rename };
        let number = u16::try_from(port["number"].as_u64().unwrap()).unwrap();
        (Port { number, udp: port["udp"] == true }, hand_over)
    };
    let replaced = list(value, "/replaced").iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    Want { ports: list(value, "/ports").iter().map(port).collect(), replaced }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/injection/goldens");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| !path.to_str().unwrap().ends_with(".out.yaml")).map(Case::read).collect()
}

struct Case {
    path: PathBuf,
    pod: Value,
    want: Want,
    native: bool,
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let case: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        Self { path, pod: case["pod"].clone(), want: want(&case["want"]), native: case["native"] != false }
    }

    /// What comes of its pod.
    fn inject(&self) -> Result<Value, Fault> {
        let patch = inject(&self.pod, &self.want, &sidecar(self.native))?;
        let mut pod = self.pod.clone();
        json_patch::patch(&mut pod, &patch).unwrap();
        Ok(pod)
    }
}

#[test]
fn pods_become_what_stands_beside_them() {
    let cases = cases();
    assert!(cases.len() >= 15, "{}", cases.len());
    for case in cases {
        let outcome =
            case.inject().unwrap_or_else(|fault| json!({ "code": fault.code.as_str(), "detail": fault.detail }));
        let golden = case.path.with_extension("out.yaml");
        if std::env::var_os("HAWSER_UPDATE_GOLDENS").is_some() {
            fs::write(&golden, serde_saphyr::to_string(&outcome).unwrap()).unwrap();
        }
        let expected: Value = serde_saphyr::from_str(&fs::read_to_string(&golden).unwrap()).unwrap();
        assert_eq!(outcome, expected, "{}", case.path.display());
    }
}

#[test]
fn a_second_agent_is_not_added() {
    for case in cases() {
        let Ok(pod) = case.inject() else { continue };
        assert!(inject(&pod, &case.want, &sidecar(case.native)).unwrap().is_empty(), "{}", case.path.display());
    }
}

#[test]
fn what_a_pod_has_is_read_off_it_again() {
    let mut read = 0;
    for mut case in cases() {
        let Ok(pod) = case.inject() else { continue };
        if pod == case.pod {
            continue;
        }
        let present = present(&serde_json::from_value(pod).unwrap()).unwrap();
        assert!(present.satisfies(&case.want), "{}: {present:?}", case.path.display());
        case.want.ports.insert(Port { number: 1, udp: true }, HandOver::Rename);
        assert!(!present.satisfies(&case.want), "{}: {present:?}", case.path.display());
        read += 1;
    }
    assert!(read >= 10, "{read}");
}
