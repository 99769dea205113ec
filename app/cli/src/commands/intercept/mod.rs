//! `hawser intercept` and its siblings: ask the helper, follow until it is in force, give its environment to whoever wants it.

mod asked;
mod handler;
mod signals;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use hawser_client::intercept::{Output, Place, Written, for_programs, mounted, refuse_strangers, request, silent};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{EnvironmentRequest, InterceptPhase, InterceptRequest, InterceptState, ProveRequest, Trial};
use hawser_ipc::{Client, from_status};
use tokio::time::interval;
use tonic::Streaming;

use crate::output::progress::{self, Progress};
use crate::output::text::harmless;
use crate::output::{Failure, print, print_json};
use crate::view::intercept::{Card, Environment};
use crate::{json, view};

pub(crate) use asked::Asked;
use signals::Signals;

pub(crate) async fn run(asked: Asked) -> Result<ExitCode, Failure> {
    if asked.dry_run {
        return preview(&asked).await;
    }
    // Before anything begins, so that nothing has to be undone if there is no room for them.
    let files =
        asked.handler.files().map(|(path, format)| Output::open(path, format)).collect::<Result<Vec<_>, _>>()?;
    let mut signals = Signals::new()?;
    let preparing = async {
        let mut helper = super::helper().await?;
        let request = request(&asked.plain, &mut helper, &super::own_program()?).await?;
        Ok::<_, Failure>((helper, request))
    };
    let (helper, request) = tokio::select! {
        prepared = preparing => prepared?,
        code = signals.next() => return Ok(code),
    };
    let place = Place::of(&request);
    let command = asked.handler.command.as_slice();
    let mut stage = Stage::Before;
    let early = tokio::select! {
        variables = begin(&asked, helper, request, &place, files, &mut stage) => match (variables, command) {
            (Ok(_), []) => return Ok(ExitCode::SUCCESS),
            (Ok(variables), [program, arguments @ ..]) => {
                return handler::run(program, arguments, &variables, &place, &mut signals).await;
            }
            (Err(failure), _) => Err(failure),
        },
        code = signals.next() => Ok(code),
    };
    match stage {
        Stage::Before => {}
        Stage::Asked if command.is_empty() => {
            if early.is_ok() {
                let name = harmless(&place.name);
                print(&format!("Hawser goes on with {name}; end it with: hawser leave {name}\n"))?;
            }
        }
        Stage::Asked | Stage::Half => leave_at_last(&place).await,
    }
    early
}

/// Says what it would change.
async fn preview(asked: &Asked) -> Result<ExitCode, Failure> {
    let mut helper = super::helper().await?;
    let request = request(&asked.plain, &mut helper, &super::own_program()?).await?;
    let preview = helper.preview(request).await.map_err(|status| from_status(&status))?.into_inner();
    if asked.json {
        print_json(&json::Preview::from(preview))?;
    } else {
        print(&view::intercept::preview(&preview))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends it on the way out: what comes of that is told besides what the command ends with.
async fn leave_at_last(place: &Place) {
    if let Err(fault) = place.leave().await {
        // Nothing is left to tell anybody if even this can't be written.
        let _ = crate::output::fault::report(&fault, false);
    }
}

/// How far it has come.
enum Stage {
    /// The helper has nothing of it.
    Before,
    /// The helper goes on with it.
    Asked,
    /// It misses what was wanted of it here. Half of what was asked for is nothing to keep.
    Half,
}

/// Asks for it, shows it and returns the variables for a command.
async fn begin(
    asked: &Asked,
    mut helper: Client,
    request: InterceptRequest,
    place: &Place,
    files: Vec<Output>,
    stage: &mut Stage,
) -> Result<Variables, Failure> {
    let began = Instant::now();
    *stage = Stage::Asked;
    let updates = match helper.intercept(request).await {
        Ok(updates) => updates.into_inner(),
        Err(status) => {
            let fault = from_status(&status);
            // One that doesn't answer may have it all the same.
            if fault.code != Code::HelperUnreachable {
                *stage = Stage::Before;
            }
            return Err(fault.into());
        }
    };
    let news = follow(updates).await?;
    let mut proving = helper.clone();
    let finishing = finish(asked, &mut helper, place, &news.state, files);
    let (finished, proven) = tokio::join!(finishing, prove(&mut proving, place, &news.state));
    // What was there before stays.
    if finished.is_err() && news.waited {
        *stage = Stage::Half;
    }
    let (state, environment, variables) = finished?;
    let mut warnings = if asked.handler.command.is_empty() { silent(&state).await } else { Vec::new() };
    let proof = proven.unwrap_or_else(|fault| {
        warnings.push(fault);
        Vec::new()
    });
    let card = Card { state, took: news.waited.then(|| began.elapsed()), environment, proof, warnings };
    if asked.json {
        print_json(&json::Intercepted::from(card))?;
    } else {
        print(&view::intercept::card(&card, super::now()))?;
    }
    Ok(variables)
}

/// Tries whether what clients ask for gets here, where anything should.
async fn prove(helper: &mut Client, place: &Place, state: &InterceptState) -> Result<Vec<Trial>, Fault> {
    if state.phase() != InterceptPhase::Active || state.ports.is_empty() {
        return Ok(Vec::new());
    }
    let request = ProveRequest { connection: place.connection.clone(), name: place.name.clone() };
    let reply = helper.prove(request).await.map_err(|status| from_status(&status))?;
    Ok(reply.into_inner().trials)
}

/// What came of following an intercept.
struct News {
    state: InterceptState,
    /// It wasn't in force from the start.
    waited: bool,
}

/// Shows each step and returns the last state.
async fn follow(mut updates: Streaming<InterceptState>) -> Result<News, Failure> {
    let mut progress = Progress::start();
    let mut ticks = interval(progress::TICK);
    let (mut last, mut count) = (None, 0);
    loop {
        tokio::select! {
            update = updates.message() => match update.map_err(super::failed)? {
                None => break,
                Some(state) => {
                    if let Some(what) = waited_for(&state) {
                        progress.wait_for(&what)?;
                    }
                    count += 1;
                    last = Some(state);
                }
            },
            _ = ticks.tick() => progress.tick()?,
        }
    }
    Ok(News { state: last.ok_or_else(super::no_answer)?, waited: count > 1 })
}

fn waited_for(state: &InterceptState) -> Option<String> {
    match state.cause.clone().map(Fault::from) {
        _ if state.step.is_empty() => None,
        None => Some(state.step.clone()),
        Some(cause) => Some(format!("{}: {cause}", state.step)),
    }
}

/// The variable that says where the container's files are.
const ROOT: &str = "HAWSER_ROOT";

type Variables = BTreeMap<String, String>;

/// Waits for the container's files, obtains the environment where it is wanted or at hand, and writes it into the files.
async fn finish(
    asked: &Asked,
    helper: &mut Client,
    place: &Place,
    state: &InterceptState,
    files: Vec<Output>,
) -> Result<(InterceptState, Option<Environment>, Variables), Failure> {
    // Which ports there are may only be known now.
    refuse_strangers(&state.address, &state.ports).await?;
    // A workload without pods has no files yet; they come with the first one.
    let has_files = asked.plain.files.is_some() && state.phase() == InterceptPhase::Active;
    let state = if has_files { mounted(helper, place).await? } else { state.clone() };
    let wanted = !files.is_empty() || !asked.handler.command.is_empty();
    if !wanted && state.pods.is_empty() {
        return Ok((state, None, Variables::new()));
    }
    let request = EnvironmentRequest { connection: place.connection.clone(), name: place.name.clone() };
    let reply = match helper.environment(request).await {
        Ok(reply) => reply.into_inner(),
        Err(_) if !wanted => return Ok((state, None, Variables::new())),
        Err(status) => return Err(super::failed(status)),
    };
    let mut variables = for_programs(reply.environment);
    let count = variables.len();
    if let Some(mount) = state.mount.as_ref().and_then(|state| state.mount.as_ref()) {
        variables.insert(ROOT.to_owned(), mount.path.clone());
    }
    let written = files.into_iter().map(|file| file.write(&variables)).collect::<Result<Vec<Written>, Fault>>()?;
    let environment = Environment { pod: reply.pod, container: reply.container, count, written };
    Ok((state, Some(environment), variables))
}

/// A time as it is typed, in Unix milliseconds.
pub(super) fn until(text: &str) -> Result<i64, Fault> {
    let now = SystemTime::now();
    hawser_client::intercept::until(text, now)
}
