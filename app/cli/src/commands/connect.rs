//! `hawser connect`: makes a connection wanted, and follows it until it stands or has failed.

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hawser_client::connecting::{self, Wanted};
use hawser_client::{companion, some_of};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{ConnectRequest, Connection, DisconnectRequest, State};
use tokio::signal::ctrl_c;
use tokio::time::interval;
use tonic::Streaming;

use crate::cli::ConnectArgs;
use crate::output::progress::{self, Progress};
use crate::output::style::{GOOD, HEADING, paint};
use crate::output::text::harmless;
use crate::output::{Failure, print, units};
use crate::view::status::domains;

pub(crate) async fn run(args: ConnectArgs) -> Result<ExitCode, Failure> {
    let command = args.command.clone();
    let request = request(args).await?;
    let name = request.name.clone();

    let began = Instant::now();
    let mut helper = super::helper().await?;
    let updates = helper.connect(request).await.map_err(super::failed)?.into_inner();
    let news = tokio::select! {
        news = follow(updates) => news?,
        _ = ctrl_c() => {
            let name = harmless(&name);
            print(&format!("Hawser goes on connecting {name}; end it with: hawser disconnect {name}\n"))?;
            return Ok(ExitCode::from(super::INTERRUPTED));
        }
    };
    let waited = news.waited.then(|| began.elapsed());
    print(&format!("{}\n", summary(&outcome(news.last)?, waited)))?;
    match command.as_slice() {
        [] => Ok(ExitCode::SUCCESS),
        [program, arguments @ ..] => {
            let code = super::child::run(program, arguments).await;
            helper.disconnect(DisconnectRequest { name }).await.map_err(super::failed)?;
            Ok(code?)
        }
    }
}

/// What is asked of the helper. A mistake in the arguments or in the kubeconfig ends here, before anything has begun.
async fn request(args: ConnectArgs) -> Result<ConnectRequest, Failure> {
    let mut wanted = Wanted {
        name: args.name,
        manager_namespace: args.manager_namespace,
        also_proxy: args.also_proxy,
        never_proxy: args.never_proxy,
    };
    if let Some(file) = &args.standalone {
        return Ok(connecting::standalone(file, wanted)?);
    }
    let cluster = super::target::cluster(args.kubeconfig)?;
    let name = wanted.name.get_or_insert_with(|| cluster.name());
    companion::ensure(&super::own_program()?, &cluster.handover(name)).await?;
    Ok(cluster.request(wanted)?)
}

/// What came of following a connection.
#[derive(Default)]
struct News {
    last: Option<Connection>,
    /// It wasn't connected from the start.
    waited: bool,
}

/// Shows each step and returns the last news.
async fn follow(mut updates: Streaming<Connection>) -> Result<News, Failure> {
    let mut progress = Progress::start();
    let mut ticks = interval(progress::TICK);
    let mut news = News::default();
    loop {
        tokio::select! {
            update = updates.message() => match update.map_err(super::failed)? {
                None => return Ok(news),
                Some(connection) => {
                    show(&mut progress, &connection)?;
                    news.waited |= connection.state() != State::Connected;
                    news.last = Some(connection);
                }
            },
            _ = ticks.tick() => progress.tick()?,
        }
    }
}

fn show(progress: &mut Progress, connection: &Connection) -> io::Result<()> {
    match waited_for(connection) {
        Some(what) => progress.wait_for(&what),
        None => Ok(()),
    }
}

fn waited_for(connection: &Connection) -> Option<String> {
    match &connection.cause {
        Some(cause) if connection.state() == State::Reconnecting => {
            let cause = Fault::from(cause.clone());
            Some(format!("trying again: {cause}"))
        }
        _ if connection.step.is_empty() => None,
        _ => Some(connection.step.clone()),
    }
}

/// What became of it.
fn outcome(last: Option<Connection>) -> Result<Connection, Failure> {
    let Some(connection) = last else { return Err(super::no_answer()) };
    if connection.state() == State::Connected {
        return Ok(connection);
    }
    let ended = || Fault::new(Code::NotConnected, format!("{} was ended while it was being made", connection.name));
    Err(connection.cause.clone().map_or_else(ended, Fault::from).into())
}

/// Says what can be reached now, and how long that took if anybody `waited`.
fn summary(connection: &Connection, waited: Option<Duration>) -> String {
    let subnets = match connection.subnets.as_slice() {
        [] => "no subnets".to_owned(),
        subnets => some_of(subnets, 16),
    };
    let names = domains(connection);
    let names = if names.is_empty() { names } else { format!("; {names}") };
    let name = paint(HEADING, &harmless(&connection.name));
    let state = match waited {
        Some(time) => {
            let time = units::latency(time.as_micros().try_into().unwrap_or(u64::MAX));
            format!("{} in {time}", paint(GOOD, "connected"))
        }
        None => format!("is {} already", paint(GOOD, "connected")),
    };
    format!("{name} {state}: {}", harmless(&(subnets + &names)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::status::tests::connected;
    use anstream::adapter::strip_str;

    #[test]
    fn only_connected_is_success() {
        let code = |connection| match outcome(connection) {
            Ok(_) => None,
            Err(Failure::Fault(fault)) => Some(fault.code),
            Err(Failure::Output(error)) => panic!("{error}"),
        };
        let cause = Some(Fault::new(Code::PinMismatch, "another key").into());
        assert_eq!(code(Some(connected())), None);
        assert_eq!(code(None), Some(Code::HelperUnreachable));
        assert_eq!(
            code(Some(Connection { state: State::Failed.into(), cause, ..connected() })),
            Some(Code::PinMismatch)
        );
        let ended = Connection { state: State::Disconnected.into(), ..connected() };
        assert_eq!(code(Some(ended)), Some(Code::NotConnected));
    }

    #[test]
    fn what_is_waited_for_is_in_words() {
        let dialling = Connection { step: "dialling a:1".into(), state: State::Connecting.into(), ..connected() };
        assert_eq!(waited_for(&dialling).unwrap(), "dialling a:1");
        assert_eq!(waited_for(&connected()), None);
        let cause = Some(Fault::new(Code::ManagerUnreachable, "a:1 refused").into());
        let again = Connection { state: State::Reconnecting.into(), cause, ..dialling };
        assert_eq!(
            waited_for(&again).unwrap(),
            "trying again: The manager cannot be reached: a:1 refused [manager-unreachable]"
        );
    }

    #[test]
    fn the_summary_says_what_can_be_reached() {
        let text = |waited| strip_str(&summary(&connected(), waited)).to_string();
        let reached = "10.96.0.0/16, fd00:96::/64; *.demo.local";
        assert_eq!(text(Some(Duration::from_millis(34))), format!("shop connected in 34 ms: {reached}"));
        assert_eq!(text(None), format!("shop is connected already: {reached}"));
    }
}
