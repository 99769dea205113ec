//! `hawser agent inject`.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use hawser_client::manifest::{documents, file, yaml};
use hawser_fault::{Code, Fault};
use hawser_manager::injection::manifest::with_agent;
use hawser_manager::injection::{Port, Sidecar};
use serde_json::Value;

use super::settings;
use crate::cli::agent::InjectArgs;
use crate::output::{Failure, print};

pub(super) async fn run(args: InjectArgs) -> Result<ExitCode, Failure> {
    let text = read(&args.from_file)?;
    let ports: Vec<Port> = args.port.iter().map(|(number, udp)| Port { number: *number, udp: *udp }).collect();
    let sidecar = settings::obtain(args).await?;
    print(&injected(&text, &ports, &sidecar)?)?;
    Ok(ExitCode::SUCCESS)
}

fn injected(text: &str, ports: &[Port], sidecar: &Sidecar) -> Result<String, Fault> {
    let documents = documents(text)?;
    let values: Vec<Value> = documents.iter().map(|document| document.value.clone()).collect();
    let mut texts = Vec::new();
    for document in documents {
        texts.push(match with_agent(&document.value, &values, ports, sidecar)? {
            Some(changed) => yaml(&changed)?,
            None => document.text,
        });
    }
    Ok(file(texts.iter().map(String::as_str)))
}

pub(super) fn read(path: &Path) -> Result<String, Fault> {
    let read = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| Fault::new(Code::FileUnreadable, format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_workloads_are_written_anew_and_only_once() {
        let sidecar = settings::tests::offline();
        let text = "# ours\napiVersion: v1\nkind: Service\nmetadata: {name: web} # short\n---\napiVersion: apps/v1\nkind: Deployment\n\
                    metadata: {name: web}\nspec:\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      \
                    - {name: app, image: 'app:1', ports: [{name: http, containerPort: 8080}]}\n";
        let once = injected(text, &[], &sidecar).unwrap();
        assert!(
            once.starts_with("# ours\napiVersion: v1\nkind: Service\nmetadata: {name: web} # short\n---\n"),
            "{once}"
        );
        assert!(once.contains("name: hawser-agent") && once.contains("name: hawser-app-0"), "{once}");
        assert_eq!(injected(&once, &[], &sidecar).unwrap(), once);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let fault = read(Path::new("/nowhere/x.yaml")).unwrap_err();
        assert_eq!(fault.code, Code::FileUnreadable);
        assert!(fault.detail.starts_with("/nowhere/x.yaml: "), "{fault}");
    }
}
