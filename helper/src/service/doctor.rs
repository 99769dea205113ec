//! Checks that only the helper can make, in the order in which one needs the other.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Check, Outcome};
use ipnet::IpNet;

use crate::connection::{Host as _, Phase};
use crate::connections::{View, may_see};
use crate::machine::Machine;
use crate::network::Route;
use crate::resolver::HostResolver;
use crate::{ask, conflict};

/// CAP_NET_ADMIN in a capability mask (capabilities(7), `linux/capability.h`).
const CAP_NET_ADMIN: u64 = 1 << 12;

/// What the checks look at besides the connections.
pub struct Facts {
    /// Where state is kept.
    pub state_dir: PathBuf,
}

/// Makes every check; of connections only those that `caller` may see.
pub async fn run(facts: &Facts, machine: &Machine, views: &[View], caller: u32) -> Vec<Check> {
    let mut checks = vec![
        check("Virtual network devices can be made", tun()),
        check("The helper may change addresses and routes", net_admin()),
        check("The helper's state can be written", state(&facts.state_dir)),
    ];
    for view in views.iter().filter(|view| may_see(caller, view.wish.id.owner)) {
        checks.push(link(view));
        checks.extend(routes(machine, view).await);
        checks.extend(names(view).await);
    }
    checks.extend(resolver(&machine.resolver, views, caller).await);
    checks
}

/// Whether the host's resolver asks each connection that `caller` may see.
async fn resolver(resolver: &HostResolver, views: &[View], caller: u32) -> Vec<Check> {
    let described = resolver.describe().await;
    let mut checks = Vec::new();
    for View { wish, status, .. } in views.iter().filter(|view| may_see(caller, view.wish.id.owner)) {
        if status.cluster.is_some() {
            let holds = resolver.check(&wish.id).await;
            let title = format!("This host's resolver asks the connection {}", wish.id.name);
            checks.push(check(title, holds.map(|()| described.clone())));
        }
    }
    checks
}

/// A check that came out so.
pub fn check(title: impl Into<String>, outcome: Result<String, Fault>) -> Check {
    let title = title.into();
    match outcome {
        Ok(reason) => Check { title, outcome: Outcome::Pass.into(), reason, fix: String::new(), code: String::new() },
        Err(fault) => failed(title, &fault),
    }
}

fn failed(title: String, fault: &Fault) -> Check {
    Check {
        title,
        outcome: Outcome::Fail.into(),
        reason: fault.detail.clone(),
        fix: fault.fix.clone(),
        code: fault.code.as_str().to_owned(),
    }
}

fn tun() -> Result<String, Fault> {
    match OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Ok("/dev/net/tun can be opened".to_owned()),
        Err(error) => Err(Fault::new(Code::TunUnavailable, format!("/dev/net/tun cannot be opened: {error}"))),
    }
}

fn net_admin() -> Result<String, Fault> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    if mask & CAP_NET_ADMIN != 0 {
        return Ok("it has CAP_NET_ADMIN".to_owned());
    }
    Err(Fault::new(Code::NetworkChange, "it lacks CAP_NET_ADMIN"))
}

fn state(dir: &Path) -> Result<String, Fault> {
    match tempfile_in(dir) {
        Ok(()) => Ok(format!("{} can be written", dir.display())),
        Err(error) => Err(crate::store::unwritable(dir, &error)),
    }
}

fn tempfile_in(dir: &Path) -> std::io::Result<()> {
    let path = dir.join("doctor");
    crate::store::files::replace(&path, b"A check of the helper; it may be removed.\n")?;
    crate::store::files::remove(&path)
}

fn link(view: &View) -> Check {
    let title = format!("The connection {} reaches its manager", view.wish.id.name);
    let manager = view.wish.target.address();
    let warned = |title, reason| Check { outcome: Outcome::Warn.into(), ..check(title, Ok(reason)) };
    match &view.status.phase {
        Phase::Connected => {
            let round_trip = view.counters.round_trip_us as f64 / 1_000.0;
            check(title, Ok(format!("{manager} answers in {round_trip:.1} ms")))
        }
        Phase::Connecting | Phase::Disconnecting => warned(title, view.status.step.clone()),
        Phase::Reconnecting(cause) | Phase::NeedsLogin(cause) | Phase::Failed(cause) => failed(title, cause),
        Phase::Disconnected(_) => warned(title, "it has just ended".to_owned()),
    }
}

/// Whether the host still routes the cluster to the connection, and nothing of it elsewhere.
async fn routes(machine: &Machine, view: &View) -> Option<Check> {
    let cluster = view.status.cluster.as_ref()?;
    let device = &view.status.device.as_ref()?.name;
    let subnets = &cluster.subnets;
    let stand = async {
        let routes = machine.network.routes().await?;
        let absent = absent(subnets, device, &routes);
        if let Some(first) = absent.first() {
            let detail = format!("{} of {} subnets are not routed to {device}: {first}", absent.len(), subnets.len());
            return Err(Fault::new(Code::NetworkChange, detail)
                .with_fix("Find out which program removes routes, such as a VPN; then disconnect and connect again."));
        }
        conflict::refusal(&machine.conflicts(&view.wish, subnets, &routes).await).map_or(Ok(()), Err)?;
        Ok(format!("{} subnets are routed to {device}, and nothing in them elsewhere", subnets.len()))
    };
    Some(check(format!("The routes of {} stand", view.wish.id.name), stand.await))
}

/// The subnets that the host doesn't route to the device.
fn absent<'a>(subnets: &'a [IpNet], device: &str, routes: &[Route]) -> Vec<&'a IpNet> {
    let routed = |subnet: &IpNet| routes.iter().any(|route| route.device == device && route.net == *subnet);
    subnets.iter().filter(|subnet| !routed(subnet)).collect()
}

/// Whether the connection's own name server answers; nothing to check before it is connected.
async fn names(view: &View) -> Option<Check> {
    let cluster = view.status.cluster.as_ref().filter(|_| view.status.phase == Phase::Connected)?;
    let domain = cluster.names.domains.first()?;
    let server = *view.status.device.as_ref()?.dns_servers.first()?;
    let answer = ask::ask((server, 53).into(), domain).await.map(|()| format!("{server} answers about {domain}"));
    Some(check(format!("The connection {} resolves names", view.wish.id.name), answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_connection_that_somebody_may_see_is_asked_for() {
        use crate::connection::pretend::{cluster, id, target};
        use crate::connection::{Names, Status};
        use crate::plane::Counters;
        use crate::resolver::Places;
        use crate::store::desired::Wish;

        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("resolv.conf");
        std::fs::write(&file, "nameserver 192.0.2.1\n").unwrap();
        let journal = crate::store::Store::open(&dir.path().join("state")).unwrap().journal().unwrap();
        let machine = HostResolver::new(crate::cli::Dns::ResolvConf, Places::with(file.clone()), journal);
        let mut views = Vec::new();
        let connections = [(1000, "shop"), (1001, "theirs"), (1000, "staging")];
        let order = connections.map(|(owner, name)| id(owner, name));
        for (index, id) in order.iter().enumerate() {
            let names = Names {
                device: format!("hawser{index}"),
                server: [198, 18, index as u8, 53].into(),
                suffix: id.name.clone(),
                search_domain: String::new(),
                domains: vec![format!("{}.local", id.name)],
            };
            machine.point(id, names, &order).await.unwrap();
            let wish = Wish { id: id.clone(), target: target("192.0.2.1:7300"), index: index as u16 };
            let status = Status { cluster: Some(cluster(&[])), ..Status::new() };
            views.push(View { wish, status, counters: Counters::default() });
        }
        let outcomes = async |caller| {
            let checks = resolver(&machine, &views, caller).await;
            checks.into_iter().map(|check| (check.title.clone(), check.outcome())).collect::<Vec<_>>()
        };
        let asks = |name: &str, outcome| (format!("This host's resolver asks the connection {name}"), outcome);
        assert_eq!(outcomes(1000).await, [asks("shop", Outcome::Pass), asks("staging", Outcome::Pass)]);
        assert_eq!(outcomes(1001).await, [asks("theirs", Outcome::Pass)]);
        assert_eq!(outcomes(1002).await, []);
        assert_eq!(outcomes(0).await.len(), 3);
        std::fs::write(&file, "nameserver 192.0.2.1\n").unwrap();
        assert_eq!(outcomes(1000).await, [asks("shop", Outcome::Fail), asks("staging", Outcome::Fail)]);
    }

    #[test]
    fn a_check_that_failed_names_its_fault() {
        let passed = check("it holds", Ok("it does".to_owned()));
        assert_eq!((passed.outcome(), passed.code.as_str()), (Outcome::Pass, ""));
        let failed = check("it holds", Err(Fault::new(Code::SubnetConflict, "it does not").with_fix("Hold it.")));
        assert_eq!((failed.outcome(), failed.code.as_str()), (Outcome::Fail, "subnet-conflict"));
        assert_eq!((failed.reason.as_str(), failed.fix.as_str()), ("it does not", "Hold it."));
    }

    #[test]
    fn a_subnet_that_is_not_routed_to_the_device_is_absent() {
        let route = |net: &str, device: &str| Route { net: net.parse().unwrap(), device: device.to_owned(), metric: 0 };
        let routes = [route("10.96.0.0/16", "hawser0"), route("10.97.0.0/16", "eth0"), route("fd00::/64", "hawser0")];
        let subnets: Vec<IpNet> =
            ["10.96.0.0/16", "10.97.0.0/16", "10.96.0.0/17", "fd00::/64"].map(|net| net.parse().unwrap()).into();
        let found: Vec<String> = absent(&subnets, "hawser0", &routes).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.97.0.0/16", "10.96.0.0/17"]);
    }
}
