//! Twenty laptops at one manager: what it needs for them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use bytes::BytesMut;
use clap::Args;
use hawser_api::{Client, Session, SessionPhase, SessionSpec};
use hawser_cluster::{kubectl, on_laptop, start_on_laptop, within};
use hawser_kube::{Api, Body};
use hawser_tunnel::client::{Connection, dial_over};
use hawser_tunnel::frame::FlowId;
use hawser_tunnel::identity::{Identity, Pin};
use hawser_tunnel::link::{Endpoint, Link, Shared};
use hawser_tunnel::mux::{Mux, Pull, Side, Source};
use http::Method;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Instant;

use super::manager;
use super::rig::Rig;
use crate::figure::{Figure, Goal, number};

const SESSIONS: usize = 20;

pub fn memory(rig: &Rig) -> Result<Vec<Figure>> {
    rig.laptop.hawser("disconnect");
    kubectl("scale -n hawser deploy/hawser-manager --replicas=1");
    manager::one_is_left()?;
    let idle = manager::resident()?;
    let mut load = start_on_laptop(&format!("exec {} sessions ~/.kube/admin {SESSIONS}", rig.program()));
    within(60, "all sessions have links", || manager::metric("hawser_links") == Some(SESSIONS as f64));
    // Heartbeats have come from all of them by then.
    std::thread::sleep(Duration::from_secs(3));
    let loaded = manager::resident();
    on_laptop("pkill -f '[h]awser-bench sessions'");
    let _ = load.wait();
    kubectl("delete sessions -n hawser --all");
    kubectl("scale -n hawser deploy/hawser-manager --replicas=2");
    kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
    let connected = rig.laptop.hawser("connect");
    ensure!(connected.code == 0, "{connected:?}");
    let behind = format!("without any {} MB", number(idle));
    Ok(vec![
        Figure::absolute("sessions", "manager with 20 sessions, MB", vec![loaded?], Goal::AtMost(25.0, 20.0), behind),
        Figure::absolute("sessions", "  without any, MB", vec![idle], Goal::AtMost(20.0, 15.0), String::new()),
    ])
}

/// Makes sessions with a link each, and keeps them until killed.
#[derive(Args)]
pub struct Sessions {
    kubeconfig: PathBuf,
    count: usize,
}

impl Sessions {
    /// Never returns but with an error.
    ///
    /// # Errors
    /// Whatever keeps a session from being made.
    pub fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let api = super::bare::api(self.kubeconfig).await?;
            let mut kept = Vec::new();
            for number in 0..self.count {
                kept.push(join(&api, number).await?);
            }
            let (links, _connections): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
            for (endpoint, link) in links {
                tokio::spawn(idle(endpoint, link));
            }
            std::future::pending().await
        })
    }
}

/// An end of a link without flows.
struct Idle(Mux);

struct NoFlows;

impl Source for NoFlows {
    fn pull(&mut self, _: FlowId, _: usize, _: &mut BytesMut) -> Pull {
        Pull::Empty
    }
}

impl Endpoint for Idle {
    fn transmit(&mut self, out: &mut BytesMut, size: usize, now: Instant) {
        self.0.transmit(out, size, now, &mut NoFlows);
    }
}

type Joined = ((Shared<Idle>, Link), Connection);

async fn join(api: &Api, number: usize) -> Result<Joined> {
    let identity = Identity::generate()?;
    let path = "/apis/hawser.dev/v1alpha1/namespaces/hawser/sessions";
    let name = format!("bench-{number}");
    let user = api.user().await?;
    let spec = SessionSpec {
        user: user.username,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
        key: identity.pin().to_string(),
        namespace: "default".to_owned(),
        client: Client { host: "bench".to_owned(), version: "1".to_owned() },
    };
    let session = Session::new(&name, spec);
    let _: Session = api.request(Method::POST, path, Some(Body::json(&session))).await?;
    let replica = loop {
        let session: Session = api.request(Method::GET, &format!("{path}/{name}"), None).await?;
        let status = session.status.unwrap_or_default();
        if status.phase == Some(SessionPhase::Ready)
            && let Some(replica) = status.replicas.into_iter().next()
        {
            break replica;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let pin: Pin = replica.key.parse().map_err(|error| anyhow!("the replica's key: {error}"))?;
    let stream = api.port_forward("hawser", &replica.pod, replica.port).await?;
    let dialled = dial_over(stream, &replica.pod, &identity, &[pin]).await?;
    let endpoint = Arc::new(Mutex::new(Idle(Mux::new(Side::Client, Instant::now()))));
    let (link, connection) = dialled.attach(endpoint.clone(), None).await?;
    Ok(((endpoint, link), connection))
}

async fn idle(endpoint: Shared<Idle>, mut link: Link) {
    let mut events = Vec::new();
    loop {
        let deadline = endpoint.lock().0.next_deadline();
        tokio::select! {
            bytes = link.receive() => {
                let Ok(bytes) = bytes else { return };
                if endpoint.lock().0.receive(bytes, Instant::now(), &mut events).is_err() {
                    return;
                }
                events.clear();
            }
            () = tokio::time::sleep_until(deadline.into()) => {
                let _ = endpoint.lock().0.tick(Instant::now());
            }
        }
        link.wake();
    }
}
