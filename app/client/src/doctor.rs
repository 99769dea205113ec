//! What the user's side can check by itself, in the order in which one thing needs the other; then what the helper finds.

use std::net::IpAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Connection, DoctorRequest, Outcome, Snapshot, State, WatchRequest};
use hawser_ipc::{Client, connect, from_status, proto};

use crate::platform;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What ought to be so.
    pub title: String,
    /// Whether it is.
    pub outcome: Outcome,
    /// What was found.
    pub reason: String,
    /// What to do; empty if it passed.
    pub fix: String,
}

/// Makes every check that can be made; one that nothing further can be found without ends the list.
///
/// `version` is that of the calling program.
pub async fn examine(socket: &Path, version: &str) -> Vec<Check> {
    let present = socket_is_there(socket);
    if present.outcome == Outcome::Fail {
        return vec![present];
    }
    let (client, snapshot) = match ask(socket).await {
        Ok(answer) => answer,
        Err(fault) => return vec![present, failed("The helper answers you", fault)],
    };
    let mut checks = vec![present, passed("The helper answers you", format!("it is {}", snapshot.software))];
    checks.push(same_version(&snapshot.software, version));
    checks.extend(helpers_own(client).await);
    let servers = platform::name_servers().map_err(|error| error.to_string());
    let connected = snapshot.connections.iter().filter(|connection| connection.state() == State::Connected);
    checks.extend(connected.filter_map(|connection| resolver_asks_us(connection, &servers)));
    checks
}

fn socket_is_there(socket: &Path) -> Check {
    let title = "The helper's socket is there";
    let path = socket.display();
    let fault = match std::fs::metadata(socket) {
        Ok(metadata) if metadata.file_type().is_socket() => return passed(title, path.to_string()),
        Ok(_) => Fault::new(Code::HelperUnreachable, format!("{path} is not a socket"))
            .with_fix("Point HAWSER_SOCKET at the helper's socket, or unset it."),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Fault::new(Code::HelperNotAllowed, format!("{path} may not be looked at: {error}"))
        }
        Err(error) => Fault::new(Code::HelperUnreachable, format!("{path}: {error}")),
    };
    failed(title, fault)
}

async fn ask(socket: &Path) -> Result<(Client, Snapshot), Fault> {
    let mut client = connect(socket).await?;
    let request = WatchRequest { follow: false };
    let mut snapshots = client.watch(request).await.map_err(|status| from_status(&status))?.into_inner();
    let first = snapshots.message().await.map_err(|status| from_status(&status))?;
    let none = || Fault::new(Code::HelperUnreachable, "the helper ended the call without an answer");
    Ok((client, first.ok_or_else(none)?))
}

fn same_version(helper: &str, own: &str) -> Check {
    let title = "Helper and command line have the same version";
    if helper.split_whitespace().next_back() == Some(own) {
        return passed(title, own.to_owned());
    }
    failed(title, Fault::new(Code::HelperVersion, format!("the helper is {helper}, this program is {own}")))
}

async fn helpers_own(mut client: Client) -> Vec<Check> {
    match client.doctor(DoctorRequest {}).await {
        Ok(reply) => reply.into_inner().checks.into_iter().map(Check::from).collect(),
        Err(status) => vec![failed("The helper can examine itself", from_status(&status))],
    }
}

/// Programs read resolv.conf in their own mount namespace, so this is worth asking on the user's side as well.
fn resolver_asks_us(connection: &Connection, servers: &Result<Vec<IpAddr>, String>) -> Option<Check> {
    let ours: Vec<IpAddr> = connection.dns_servers.iter().filter_map(|server| server.parse().ok()).collect();
    if ours.is_empty() {
        return None;
    }
    let title = format!("Your programs ask the resolver of {}", connection.name);
    let fault = |detail| Fault::new(Code::DnsUnavailable, detail);
    let fix = "Find out which program rewrites /etc/resolv.conf, then connect again.";
    Some(match servers {
        Err(why) => failed(title, fault(format!("/etc/resolv.conf could not be read: {why}"))),
        Ok(servers) => match servers.iter().position(|server| ours.contains(server)) {
            Some(0) => passed(title, format!("/etc/resolv.conf names {} first", servers[0])),
            Some(_) => Check {
                outcome: Outcome::Warn,
                ..failed(title, fault(format!("/etc/resolv.conf names {} before it", servers[0])).with_fix(fix))
            },
            None => failed(title, fault(format!("/etc/resolv.conf does not name {}", ours[0])).with_fix(fix)),
        },
    })
}

fn passed(title: impl Into<String>, reason: String) -> Check {
    Check { title: title.into(), outcome: Outcome::Pass, reason, fix: String::new() }
}

fn failed(title: impl Into<String>, fault: Fault) -> Check {
    Check { title: title.into(), outcome: Outcome::Fail, reason: fault.detail, fix: fault.fix }
}

impl From<proto::Check> for Check {
    fn from(check: proto::Check) -> Self {
        Self { outcome: check.outcome(), title: check.title, reason: check.reason, fix: check.fix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_the_last_word() {
        assert_eq!(same_version("hawser-helper 0.1.0", "0.1.0").outcome, Outcome::Pass);
        assert_eq!(same_version("0.1.0", "0.1.0").outcome, Outcome::Pass);
        assert_eq!(same_version("hawser-helper 0.2.0", "0.1.0").outcome, Outcome::Fail);
        assert_eq!(same_version("", "0.1.0").outcome, Outcome::Fail);
    }

    #[test]
    fn the_resolver_file_is_judged_by_its_order() {
        let connection = Connection { dns_servers: vec!["10.99.0.2".into()], ..Connection::default() };
        let outcome = |servers: &[&str]| {
            let servers = Ok(servers.iter().map(|server| server.parse().unwrap()).collect());
            resolver_asks_us(&connection, &servers).unwrap().outcome
        };
        assert_eq!(outcome(&["10.99.0.2", "1.1.1.1"]), Outcome::Pass);
        assert_eq!(outcome(&["1.1.1.1", "10.99.0.2"]), Outcome::Warn);
        assert_eq!(outcome(&["1.1.1.1"]), Outcome::Fail);
        assert_eq!(outcome(&[]), Outcome::Fail);
        assert_eq!(resolver_asks_us(&connection, &Err("gone".into())).unwrap().outcome, Outcome::Fail);
        assert_eq!(resolver_asks_us(&Connection::default(), &Ok(vec![])), None, "its names are not served");
    }

    #[tokio::test]
    async fn without_a_helper_the_list_ends_at_the_socket() {
        let directory = tempfile::tempdir().unwrap();
        for path in [directory.path().join("absent.sock"), directory.path().to_owned()] {
            let checks = examine(&path, "0.1.0").await;
            assert_eq!(checks.len(), 1);
            assert_eq!(checks[0].outcome, Outcome::Fail);
            assert!(!checks[0].fix.is_empty());
        }
    }

    #[tokio::test]
    async fn a_socket_that_nobody_serves_fails_at_the_answer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("helper.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let checks = examine(&path, "0.1.0").await;
        let outcomes: Vec<_> = checks.iter().map(|check| check.outcome).collect();
        assert_eq!(outcomes, [Outcome::Pass, Outcome::Fail]);
    }
}
