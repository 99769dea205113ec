//! The whole of it.

use std::path::Path;
use std::time::Duration;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{FlowsRequest, LogsRequest};
use hawser_ipc::{Client, from_status};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Bundle, Redactor, check_absent, host, managers};
use crate::doctor::{Question, examine};
use crate::json;
use crate::kubeconfig::{self, Access, Arguments, Credential, Environment, Interaction, Selection};
use crate::processes::Processes;

/// How long a plugin may take; there is as much to gather without it.
const LOGIN: Duration = Duration::from_secs(5);

/// Gathers everything about what is asked into a new file at `path`, and says what it is doing. What can't be had is told in the
/// file, and in the bundle that was written.
///
/// # Errors
/// `file-unwritable`.
pub async fn everything(question: &Question<'_>, path: &Path, mut doing: impl FnMut(&str)) -> Result<Bundle, Fault> {
    check_absent(path)?;
    let (arguments, environment, namespace) = (&question.arguments, question.environment, question.manager_namespace);

    doing("obtaining your login, to know what must not be in the file");
    let login = login(arguments, environment).await;
    let redactor = login
        .as_ref()
        .map_or_else(|_| Redactor::default(), |(access, credential)| Redactor::of_login(access, credential));
    let mut bundle = Bundle::new(redactor);

    doing("examining everything");
    let checks = examine(question).await;
    bundle.json("doctor.json", value(&json::Doctor::from(checks))?);

    doing("reading what the helper has logged");
    of_helper(&mut bundle, question).await?;
    host(&mut bundle).await;

    doing("reading what the managers have logged");
    bundle.json("kubeconfig.json", names(arguments, environment, &login, namespace));
    match login.and_then(|(access, credential)| access.api_as(credential)) {
        Ok(api) => managers(&mut bundle, &api, namespace).await,
        Err(fault) => bundle.lacks("manager/", &fault),
    }
    bundle.write(path)?;
    Ok(bundle)
}

async fn login(arguments: &Arguments, environment: &Environment) -> Result<(Access, Credential), Fault> {
    let selection = Selection::new(arguments.clone(), environment)?;
    let access = kubeconfig::load(&selection, environment)?;
    let credential = access.credential(environment, Interaction::Unattended, LOGIN).await?;
    Ok((access, credential))
}

/// Of kubeconfigs only what they are called.
fn names(
    arguments: &Arguments,
    environment: &Environment,
    login: &Result<(Access, Credential), Fault>,
    namespace: &str,
) -> Value {
    let files = Selection::new(arguments.clone(), environment).map(|selection| selection.files).unwrap_or_default();
    let context = match login {
        Ok((access, _)) => Some(access.context.as_str()),
        Err(_) => arguments.context.as_deref(),
    };
    json!({ "files": files, "context": context, "manager_namespace": namespace })
}

/// Status, flows, versions and log; what can't be had is said.
async fn of_helper(bundle: &mut Bundle, question: &Question<'_>) -> Result<(), Fault> {
    let mut helper = match hawser_ipc::connect(question.socket).await {
        Ok(helper) => helper,
        Err(fault) => {
            ["status.json", "flows.json", "helper.log"].into_iter().for_each(|name| bundle.lacks(name, &fault));
            bundle.json("versions.json", json!({ "hawser": question.version }));
            return Ok(());
        }
    };
    match crate::snapshot(&mut helper).await {
        Ok(snapshot) => {
            let managers: Vec<_> = snapshot.connections.iter().map(|connection| &connection.manager).collect();
            let versions = json!({
                "hawser": question.version, "helper": snapshot.software, "managers": managers
            });
            bundle.json("versions.json", versions);
            bundle.json("status.json", value(&json::Status::from(snapshot))?);
        }
        Err(fault) => bundle.lacks("status.json", &fault),
    }
    match flows(&mut helper).await {
        Ok(flows) => bundle.json("flows.json", value(&flows)?),
        Err(fault) => bundle.lacks("flows.json", &fault),
    }
    bundle.text_or("helper.log", log(&mut helper).await);
    Ok(())
}

async fn flows(helper: &mut Client) -> Result<json::Flows, Fault> {
    let request = FlowsRequest { follow: false };
    let mut lists = helper.flows(request).await.map_err(|status| from_status(&status))?.into_inner();
    let flows = lists.message().await.map_err(|status| from_status(&status))?.ok_or_else(crate::no_answer)?.flows;
    let mut processes = Processes::default();
    processes.look_up(&flows);
    Ok(json::Flows::new(flows, &processes))
}

async fn log(helper: &mut Client) -> Result<String, Fault> {
    let reply = helper.logs(LogsRequest {}).await.map_err(|status| from_status(&status))?.into_inner();
    let before = match reply.forgotten {
        0 => String::new(),
        count => format!("({count} lines before these are not remembered)\n"),
    };
    Ok(before + &reply.text)
}

fn value(object: &impl Serialize) -> Result<Value, Fault> {
    serde_json::to_value(object)
        .map_err(|error| Fault::new(Code::Internal, format!("the output could not be written as JSON: {error}")))
}
