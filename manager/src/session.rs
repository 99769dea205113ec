//! One laptop's session: its flows become sockets of the manager.
//!
//! The sockets are driven by the link's outgoing side: when one can be read or written it joins a list and wakes that side, which
//! sees to the list before it takes bytes straight out of the sockets into the next batch. There is no task and no buffer
//! for a flow.

mod datagram;
mod dial;
mod echo;
mod flow;
mod readiness;
mod tcp;
mod udp;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use hawser_tunnel::error::LinkError;
use hawser_tunnel::frame::{FlowId, Reason, WireError};
use hawser_tunnel::identity::Pin;
use hawser_tunnel::link::{Endpoint, Link, Shared};
use hawser_tunnel::mux::{Event, Mux, Pull, Side, Source};
use tokio::sync::watch;

use crate::cluster::Cluster;
use crate::{limits, metrics};
use dial::Dials;
use flow::{Flow, Socket};
use readiness::ReadyList;

/// The manager's end of one link. See the module's description.
pub struct Session {
    mux: Mux,
    sockets: Sockets,
    dials: Dials,
    cluster: Arc<dyn Cluster>,
    ready: Arc<ReadyList>,
    events: Vec<Event>,
    /// Queries that came and are not yet with the resolver.
    queries: Vec<(u32, Bytes)>,
    queries_open: usize,
}

/// The flows' sockets, as the multiplexer pulls from them.
#[derive(Default)]
struct Sockets {
    flows: HashMap<FlowId, Flow, ahash::RandomState>,
    /// Flows that ended while they were pulled.
    ended: Vec<(FlowId, Reason)>,
    /// Flows whose both directions have ended.
    finished: Vec<FlowId>,
    /// When idle UDP and echo flows are looked for.
    next_expiry: Option<Instant>,
}

impl Session {
    /// A session without flows.
    pub fn new(cluster: Arc<dyn Cluster>) -> Self {
        Self {
            mux: Mux::new(Side::Server, Instant::now()),
            sockets: Sockets::default(),
            dials: Dials::default(),
            cluster,
            ready: Arc::default(),
            events: Vec::new(),
            queries: Vec::new(),
            queries_open: 0,
        }
    }

    fn receive(&mut self, bytes: Bytes, now: Instant) -> Result<(), WireError> {
        let mut events = std::mem::take(&mut self.events);
        let result = self.mux.receive(bytes, now, &mut events);
        for event in events.drain(..) {
            self.event(event, now);
        }
        self.events = events;
        result
    }

    fn event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Opened { flow, kind, target } => self.open(flow, kind, target, now),
            Event::Data { flow, bytes } => {
                if let Some(state) = self.sockets.flows.get_mut(&flow)
                    && let Socket::Tcp(tcp) = &mut state.socket
                {
                    let written = tcp.write(bytes);
                    self.settle_write(flow, written, now);
                }
            }
            Event::Finished { flow } => {
                if let Some(state) = self.sockets.flows.get_mut(&flow)
                    && let Socket::Tcp(tcp) = &mut state.socket
                {
                    tcp.finish();
                    let written = tcp.flush();
                    self.settle_write(flow, written, now);
                }
            }
            Event::Datagram { flow, bytes } => self.datagram(flow, bytes, now),
            Event::Reset { flow, .. } => {
                if let Some(state) = self.sockets.flows.remove(&flow) {
                    state.abort();
                }
            }
            Event::Query { id, message } if self.queries_open < limits::QUERIES => {
                metrics::QUERIES.up();
                self.queries_open += 1;
                self.queries.push((id, message));
            }
            Event::Query { id, .. } => self.mux.answer(id, Bytes::new()),
            // A laptop is asked for nothing, so far.
            Event::Accepted { .. } | Event::Rejected { .. } | Event::Answer { .. } | Event::GoingAway => {}
        }
    }

    /// Sees to the sockets that became readable or writable.
    fn see_to_sockets(&mut self, now: Instant) {
        for flow in self.ready.take() {
            let Some(state) = self.sockets.flows.get_mut(&flow) else { continue };
            match &mut state.socket {
                Socket::Dialling(_) => self.dialled(flow),
                Socket::Tcp(tcp) => {
                    let written = tcp.flush();
                    self.settle_write(flow, written, now);
                    self.mux.ready(flow);
                }
                Socket::Udp(_) | Socket::Echo(_) => self.read_datagrams(flow, now),
            }
        }
    }

    /// Books what a write did: credit for the bytes, or the end of the flow.
    fn settle_write(&mut self, flow: FlowId, written: Result<usize, Reason>, now: Instant) {
        match written {
            Ok(0) => {}
            Ok(bytes) => self.mux.consumed(flow, bytes, now),
            Err(reason) => self.end(flow, reason),
        }
        if self.sockets.flows.get(&flow).is_some_and(Flow::is_finished) {
            self.sockets.flows.remove(&flow);
        }
    }

    /// Resets a flow towards the laptop.
    fn end(&mut self, flow: FlowId, reason: Reason) {
        self.sockets.flows.remove(&flow);
        self.mux.reset(flow, reason);
    }

    fn answer(&mut self, id: u32, message: Option<Bytes>) {
        self.queries_open -= 1;
        self.mux.answer(id, message.unwrap_or_default());
    }

    fn tick(&mut self, now: Instant) -> Result<(), LinkError> {
        while let Some(flow) = self.dials.expired(now) {
            if let Some(Flow { socket: Socket::Dialling(_), .. }) = self.sockets.flows.get(&flow) {
                self.sockets.flows.remove(&flow);
                metrics::FLOWS_REFUSED.up();
                self.mux.reject(flow, Reason::TimedOut);
            }
        }
        self.expire_datagrams(now);
        self.mux.tick(now).map_err(|_| LinkError::Silent)
    }

    fn next_deadline(&self) -> Instant {
        [self.dials.next_deadline(), self.next_expiry()]
            .into_iter()
            .flatten()
            .fold(self.mux.next_deadline(), Instant::min)
    }
}

impl Endpoint for Session {
    fn transmit(&mut self, out: &mut BytesMut, size: usize, now: Instant) {
        self.see_to_sockets(now);
        self.mux.transmit(out, size, now, &mut self.sockets);
        let broken = !self.sockets.ended.is_empty();
        while let Some((flow, reason)) = self.sockets.ended.pop() {
            self.end(flow, reason);
        }
        if broken {
            self.mux.transmit(out, size, now, &mut self.sockets);
        }
        while let Some(flow) = self.sockets.finished.pop() {
            self.sockets.flows.remove(&flow);
        }
    }
}

impl Source for Sockets {
    fn pull(&mut self, flow: FlowId, room: usize, out: &mut BytesMut) -> Pull {
        let Some(Flow { socket: Socket::Tcp(tcp), .. }) = self.flows.get_mut(&flow) else { return Pull::Empty };
        match tcp.pull(room, out) {
            Ok(pull) => {
                if tcp.is_finished() {
                    self.finished.push(flow);
                }
                pull
            }
            Err(reason) => {
                self.ended.push((flow, reason));
                Pull::Empty
            }
        }
    }
}

/// Serves a session until its link ends.
pub async fn serve(session: Shared<Session>, mut link: Link, peer: Pin, mut stopping: watch::Receiver<bool>) {
    tracing::info!("session begins");
    session.lock().ready.drive(link.waker());
    let mut drain: Option<Drain> = None;
    let ended = loop {
        let mut deadline = session.lock().next_deadline();
        if let Some(drain) = &drain {
            if drain.is_over(session.lock().sockets.flows.is_empty()) {
                break LinkError::GoingAway;
            }
            deadline = deadline.min(drain.next());
        }
        tokio::select! {
            biased;
            bytes = link.receive() => {
                let result = match bytes {
                    Ok(bytes) => session.lock().receive(bytes, Instant::now()).map_err(LinkError::from),
                    Err(error) => Err(error),
                };
                if let Err(error) = result {
                    break error;
                }
                resolve(&session, &link);
            }
            () = tokio::time::sleep_until(deadline.into()) => {
                if let Err(error) = session.lock().tick(Instant::now()) {
                    break error;
                }
            }
            _ = stopping.wait_for(|stop| *stop), if drain.is_none() => {
                session.lock().mux.go_away();
                drain = Some(Drain { began: Instant::now() });
            }
        }
        link.wake();
    };
    tracing::info!(reason = %ended, "session ends");
    tracing::debug!(%peer, "session ended");
    session.lock().sockets.flows.clear();
}

/// The time between the farewell and the end.
struct Drain {
    began: Instant,
}

impl Drain {
    fn is_over(&self, no_flows: bool) -> bool {
        let time = if no_flows { limits::FAREWELL } else { limits::DRAIN };
        self.began.elapsed() >= time
    }

    /// When that may be another.
    fn next(&self) -> Instant {
        let farewell = self.began + limits::FAREWELL;
        if Instant::now() < farewell { farewell } else { self.began + limits::DRAIN }
    }
}

/// Hands new queries to the cluster's resolver.
fn resolve(session: &Shared<Session>, link: &Link) {
    let queries = std::mem::take(&mut session.lock().queries);
    for (id, message) in queries {
        let (session, waker) = (session.clone(), link.waker());
        let cluster = session.lock().cluster.clone();
        tokio::spawn(async move {
            let answer = tokio::time::timeout(limits::QUERY_TIME, cluster.resolve(message)).await.ok().flatten();
            session.lock().answer(id, answer);
            waker.wake();
        });
    }
}
