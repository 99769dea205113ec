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

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/injection/goldens");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = files.filter(|path| !path.to_str().unwrap().ends_with(".out.yaml")).collect();
    cases.sort();
    cases
}

#[test]
fn pods_become_what_stands_beside_them() {
    let cases = cases();
    assert!(cases.len() >= 12, "{cases:?}");
    for path in cases {
        let case: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let outcome = match inject(&case["pod"], &want(&case["want"]), &sidecar(case["native"] != false)) {
            Ok(injected) => injected.pod,
            Err(fault) => json!({ "code": fault.code.as_str(), "detail": fault.detail }),
        };
        let golden = path.with_extension("out.yaml");
        if std::env::var_os("HAWSER_UPDATE_GOLDENS").is_some() {
            fs::write(&golden, serde_saphyr::to_string(&outcome).unwrap()).unwrap();
        }
        let expected: Value = serde_saphyr::from_str(&fs::read_to_string(&golden).unwrap()).unwrap();
        assert_eq!(outcome, expected, "{}", path.display());
    }
}

#[test]
fn a_patch_makes_the_pod_and_a_second_one_nothing() {
    for path in cases() {
        let case: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let (want, sidecar) = (want(&case["want"]), sidecar(case["native"] != false));
        let Ok(injected) = inject(&case["pod"], &want, &sidecar) else { continue };
        let mut patched = case["pod"].clone();
        json_patch::patch(&mut patched, &injected.patch).unwrap();
        assert_eq!(patched, injected.pod, "{}", path.display());
        assert!(inject(&patched, &want, &sidecar).unwrap().patch.0.is_empty(), "{}", path.display());
    }
}

#[test]
fn what_a_pod_has_is_read_off_it_again() {
    for path in cases() {
        let case: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut want = want(&case["want"]);
        let Ok(injected) = inject(&case["pod"], &want, &sidecar(true)) else { continue };
        if injected.patch.0.is_empty() {
            continue;
        }
        let present = present(&serde_json::from_value(injected.pod).unwrap()).unwrap();
        assert!(present.satisfies(&want), "{}: {present:?}", path.display());
        want.ports.insert(Port { number: 1, udp: true }, HandOver::Rename);
        assert!(!present.satisfies(&want), "{}: {present:?}", path.display());
    }
}
