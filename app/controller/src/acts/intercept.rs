//! Intercepting: what the form says is asked of the helper, followed until it is in force, and given its environment.

use std::path::{Path, PathBuf};

use hawser_client::intercept::{self, Asked, Format, Output, Place, for_programs};
use hawser_fault::{Code, Fault};
use hawser_ipc::from_status;
use hawser_ipc::proto::{EnvironmentRequest, HeaderMatch, InterceptState};

use super::{Begun, later};
use crate::controller::Controller;
use crate::desk::Desk;
use crate::form::check;
use crate::news::News;
use crate::shown::environment_path;
use crate::view::{Problem, Written};
use crate::{Draft, DraftPort, EnvironmentFormat, Mode, PathKind, Ui};

impl<U: Ui> Controller<U> {
    pub(super) fn intercept(&mut self, revision: u32) -> Begun {
        let draft = &self.facts.form.draft;
        if draft.revision != revision {
            return Err(super::bad("the form has changed"));
        }
        if self.facts.form.asking.is_some() {
            return Err(super::bad("an intercept is being asked for already"));
        }
        let checked = check(&self.facts);
        let Some(asked) = checked.asked else {
            let first = checked.problems.into_iter().next().map(|problem| problem.problem.detail);
            return Err(super::bad(&first.unwrap_or_else(|| "the form is not complete".to_owned())));
        };
        let environment = draft.environment.map(|format| (environment_path(&self.facts), format));
        let desk = self.desk();
        desk.helper()?;
        let place = draft.place();
        self.did(&place.connection, &place.name);
        self.facts.form.begin();
        later(async move {
            let outcome = ask(&desk, &asked, &place, environment).await;
            desk.tell(News::Asked(outcome.clone())).await;
            outcome
        })
    }
}

async fn ask(
    desk: &Desk,
    asked: &Asked,
    place: &Place,
    environment: Option<(PathBuf, EnvironmentFormat)>,
) -> Result<(), Fault> {
    // Before anything begins, so that nothing has to be undone if there is no room for it.
    let output = environment.map(|(path, format)| open(&path, format)).transpose()?;
    let mut helper = desk.helper()?;
    let request = intercept::request(asked, &mut helper, &desk.surroundings.program).await?;
    let mut updates = helper.intercept(request).await.map_err(|status| from_status(&status))?.into_inner();
    while let Some(state) = updates.message().await.map_err(|status| from_status(&status))? {
        desk.tell(News::Asking(Box::new(state))).await;
    }
    if let Some(output) = output {
        let written = write(desk, place, output).await;
        desk.tell(News::Written(place.clone(), written)).await;
    }
    Ok(())
}

struct Target {
    path: PathBuf,
    output: Output,
}

fn open(path: &Path, format: EnvironmentFormat) -> Result<Target, Fault> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            Fault::new(Code::FileUnwritable, format!("{} cannot be made: {error}", folder.display()))
        })?;
    }
    let format = match format {
        EnvironmentFormat::Lines => Format::Lines,
        EnvironmentFormat::Json => Format::Json,
        EnvironmentFormat::Shell => Format::Shell,
    };
    Ok(Target { path: path.to_owned(), output: Output::open(path, format)? })
}

/// The intercept is in force; a file that can't be written doesn't end it.
async fn write(desk: &Desk, place: &Place, target: Target) -> Written {
    let path = target.path.display().to_string();
    let writing = async {
        let request = EnvironmentRequest { connection: place.connection.clone(), name: place.name.clone() };
        let reply = desk.helper()?.environment(request).await.map_err(|status| from_status(&status))?.into_inner();
        let variables = for_programs(reply.environment);
        let written = target.output.write(&variables)?;
        Ok::<_, Fault>((variables.len(), written.left_out))
    };
    match writing.await {
        Ok((count, left_out)) => {
            Written { path, variables: count.try_into().unwrap_or(u32::MAX), left_out, problem: None }
        }
        Err(fault) => Written { path, variables: 0, left_out: Vec::new(), problem: Some(Problem::from(fault)) },
    }
}

/// The form that would ask for it again. When it ends is left open: that time is over.
pub(super) fn draft_of(place: &Place, state: &InterceptState) -> Draft {
    let port = |port: &hawser_ipc::proto::InterceptPort| DraftPort {
        local: port.local_port.to_string(),
        port: port.port.clone(),
        udp: port.udp,
    };
    let header =
        |header: &HeaderMatch| format!("{}{}={}", header.name, if header.regex { "~" } else { "" }, header.value);
    let http = state.http.clone().unwrap_or_default();
    let path = http.path.unwrap_or_default();
    let mount = state.mount.as_ref().and_then(|mount| mount.mount.clone());
    Draft {
        revision: 0,
        connection: place.connection.clone(),
        namespace: state.namespace.clone(),
        kind: state.kind.clone(),
        workload: state.workload.clone(),
        container: state.container.clone(),
        name: if state.name == state.workload { String::new() } else { state.name.clone() },
        mode: Mode::of(&state.mode),
        ports: state.ports.iter().map(port).collect(),
        address: if state.address == "127.0.0.1" { String::new() } else { state.address.clone() },
        headers: http.headers.iter().map(header).collect(),
        path: path.value,
        path_kind: match path.kind.as_str() {
            "Exact" => PathKind::Exact,
            "RegularExpression" => PathKind::Regex,
            _ => PathKind::Prefix,
        },
        method: http.method,
        mount: mount.is_some(),
        read_only: mount.is_some_and(|mount| mount.read_only),
        environment: None,
        until: String::new(),
    }
}
