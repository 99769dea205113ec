//! `hawser status`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use hawser_ipc::proto::{Connection, Snapshot, WatchRequest};
use tokio::time::{Duration, interval};
use tonic::Streaming;

use crate::cli::StatusArgs;
use crate::output::live::Live;
use crate::output::text::harmless;
use crate::output::{Failure, print, print_json, print_json_line};
use crate::{json, view};

pub(crate) async fn run(args: StatusArgs) -> Result<ExitCode, Failure> {
    let (json, follow) = (args.view.json, args.view.watch);
    let request = WatchRequest { follow, ..WatchRequest::default() };
    let mut snapshots = super::helper().await?.watch(request).await.map_err(super::failed)?.into_inner();
    if !follow {
        let snapshot = next(&mut snapshots).await?.ok_or_else(super::no_answer)?;
        if json {
            print_json(&json::Status::from(snapshot))?;
        } else {
            print(&describe(&snapshot))?;
        }
    } else if json {
        print_objects(snapshots).await?;
    } else if let Some(live) = Live::on_terminal() {
        redraw(snapshots, live).await?;
    } else {
        print_lines(snapshots).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn next(snapshots: &mut Streaming<Snapshot>) -> Result<Option<Snapshot>, Failure> {
    snapshots.message().await.map_err(super::failed)
}

fn describe(snapshot: &Snapshot) -> String {
    view::status::describe(snapshot, super::own_uid(), super::now())
}

async fn print_objects(mut snapshots: Streaming<Snapshot>) -> Result<(), Failure> {
    let mut last = None;
    while let Some(snapshot) = next(&mut snapshots).await? {
        if last.as_ref() != Some(&snapshot) {
            print_json_line(&json::Status::from(snapshot.clone()))?;
            last = Some(snapshot);
        }
    }
    Ok(())
}

/// Draws each snapshot, and the last one again each second because it shows ages.
async fn redraw(mut snapshots: Streaming<Snapshot>, mut live: Live) -> Result<(), Failure> {
    let mut seconds = interval(Duration::from_secs(1));
    let mut last: Option<Snapshot> = None;
    loop {
        tokio::select! {
            snapshot = next(&mut snapshots) => match snapshot? {
                None => return Ok(()),
                news => last = news,
            },
            _ = seconds.tick() => {}
        }
        if let Some(snapshot) = &last {
            live.draw(&describe(snapshot))?;
        }
    }
}

async fn print_lines(mut snapshots: Streaming<Snapshot>) -> Result<(), Failure> {
    let mut lines = Lines::default();
    while let Some(snapshot) = next(&mut snapshots).await? {
        for line in lines.of(&snapshot) {
            print(&(line + "\n"))?;
        }
    }
    Ok(())
}

/// Remembers what was said about each connection, so that only news is printed.
#[derive(Default)]
struct Lines {
    said: BTreeMap<String, String>,
    began: bool,
}

impl Lines {
    fn of(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let named = |connection: &Connection| (connection.name.clone(), view::status::line(connection));
        let mut now: BTreeMap<_, _> = snapshot.connections.iter().map(named).collect();
        now.extend(snapshot.connections.iter().flat_map(intercepts));
        let before = std::mem::replace(&mut self.said, now);
        let began = std::mem::replace(&mut self.began, true);

        let news = self.said.iter().filter(|(name, line)| before.get(*name) != Some(*line));
        let gone = before.keys().filter(|name| !self.said.contains_key(*name));
        let mut lines: Vec<_> = news.map(|(_, line)| line.clone()).collect();
        lines.extend(gone.map(|name| format!("{} gone", harmless(name))));
        if !began && lines.is_empty() {
            lines.push("not connected".to_owned());
        }
        lines
    }
}

/// Each intercept of a connection under its own name, with what is said of it.
fn intercepts(connection: &Connection) -> impl Iterator<Item = (String, String)> + '_ {
    connection.intercepts.iter().map(|state| {
        let name = format!("{} {}", connection.name, state.name);
        (name.clone(), harmless(&format!("{name}: {}", view::intercept::line(state))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::status::tests::connected;
    use hawser_ipc::proto::State;

    #[test]
    fn only_news_makes_a_line() {
        let snapshot = |connections| Snapshot { connections, ..Snapshot::default() };
        let mut lines = Lines::default();
        let mut plain = |connections| -> Vec<String> {
            let lines = lines.of(&snapshot(connections));
            lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
        };
        assert_eq!(plain(vec![]), ["not connected"]);
        assert_eq!(plain(vec![connected()]), ["shop connected"]);
        assert!(plain(vec![Connection { sent_bytes: 1, ..connected() }]).is_empty());
        let other = Connection { name: "depot".into(), ..connected() };
        assert_eq!(plain(vec![connected(), other]), ["depot connected"]);
        let intercepts = vec![view::intercept::tests::active()];
        let holding = |intercepts| {
            vec![Connection { intercepts, ..connected() }, Connection { name: "depot".into(), ..connected() }]
        };
        let line = "shop web: active intercept of deployment/web in shop, http -> 127.0.0.1:8080";
        assert_eq!(plain(holding(intercepts)), [line]);
        assert_eq!(plain(holding(vec![])), ["shop web gone"]);
        let ending = Connection { state: State::Disconnecting.into(), ..connected() };
        assert_eq!(plain(vec![ending]), ["shop disconnecting", "depot gone"]);
        assert_eq!(plain(vec![]), ["shop gone"]);
        assert!(plain(vec![]).is_empty());
    }
}
