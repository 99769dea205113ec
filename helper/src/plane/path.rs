//! What the thread works on, and what the link's outgoing side pulls from.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use hawser_dns::{By, ClusterNames, LookupId, Resolver, Route, Transport};
use hawser_tunnel::error::LinkError;
use hawser_tunnel::link::{Endpoint, Shared};
use hawser_vif::tun::{Readiness, Tun};
use hawser_vif::{Asker, Config, Core, Event, LinkId};

use super::queries::{self, Askers, Client, Cursor, QueryNews};
use super::upstream::HostLookup;
use super::{ClusterInfo, Counters, FlowRecord, PlaneConfig, records};
use crate::address;

/// TUN, core and resolver of one connection.
pub(super) struct DataPath {
    core: Core,
    tun: Tun,
    resolver: Resolver<Client>,
    askers: Askers,
    /// The names that do not depend on what the manager says.
    own_names: ClusterNames,
    /// Another one for each path.
    number: u64,
    host_lookups: Vec<HostLookup>,
    /// Links whose managers are about to stop, since this was last asked.
    leaving: Vec<LinkId>,
}

/// One link's end of the path: what its outgoing side pulls from.
pub(super) struct LinkEnd {
    pub path: Shared<DataPath>,
    pub link: LinkId,
}

impl DataPath {
    pub fn create(config: &PlaneConfig) -> io::Result<Self> {
        let mut seed = [0; 8];
        getrandom(&mut seed)?;
        let seed = u64::from_ne_bytes(seed);
        let local: Vec<IpAddr> = vec![config.addresses.dns_v4.into(), config.addresses.dns_v6.into()];
        let core = Core::new(Config { local, checksum_offload: true, seed }, Instant::now());
        Ok(Self {
            core,
            tun: Tun::create(&config.device)?,
            resolver: Resolver::new(seed),
            askers: Askers::default(),
            own_names: ClusterNames {
                suffix: config.suffix.clone(),
                probe: Some((address::probe(&config.device), config.addresses.dns_v4.into())),
                ..ClusterNames::default()
            },
            number: seed,
            host_lookups: Vec::new(),
            leaving: Vec::new(),
        })
    }

    pub fn readiness(&self) -> io::Result<Readiness> {
        self.tun.readiness()
    }

    /// A link is about to be attached; new flows go over it.
    pub fn link_up(&mut self, cluster: &ClusterInfo) -> Result<LinkId, LinkError> {
        self.set_names(cluster)?;
        self.resolver.set_connected(true, Instant::now());
        Ok(self.core.link_up(Instant::now()))
    }

    /// New flows go over this link from now on.
    pub fn prefer(&mut self, link: LinkId) {
        self.core.prefer(link);
    }

    /// The names of the cluster are these from now on.
    pub fn set_names(&mut self, cluster: &ClusterInfo) -> Result<(), LinkError> {
        let ClusterNames { suffix, probe, .. } = self.own_names.clone();
        let domains = self.resolver.set_cluster(&ClusterNames { suffix, probe, ..cluster.names.clone() });
        domains.map_err(|error| LinkError::Hello(error.to_string()))
    }

    /// A link is gone; `another` says whether one is left.
    pub fn link_down(&mut self, link: LinkId, another: bool, now: Instant) {
        self.core.link_down(link, now, &mut self.tun.sink());
        if another {
            self.resolver.repeat_lookups();
        } else {
            self.resolver.set_connected(false, now);
        }
        self.settle(now);
    }

    /// Takes packets from the device. True if there may be more.
    pub fn read_packets(&mut self, now: Instant) -> io::Result<bool> {
        let Self { core, tun, .. } = self;
        let more = tun.read_batch(|device, packet, trusted| {
            core.handle_packet(packet, trusted, now, &mut hawser_vif::tun::TunSink(device));
        });
        self.settle(now);
        more
    }

    pub fn receive(&mut self, link: LinkId, bytes: Bytes, now: Instant) -> Result<(), LinkError> {
        let result = self.core.handle_frames(link, bytes, now, &mut self.tun.sink());
        self.settle(now);
        Ok(result?)
    }

    /// Links whose managers have said since the last call that they are about to stop.
    pub fn take_leaving(&mut self) -> Vec<LinkId> {
        std::mem::take(&mut self.leaving)
    }

    /// Lets time pass. The first link that is dead comes back as the error.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), LinkId> {
        self.resolver.handle_timeout(now);
        let result = self.core.handle_timeout(now, &mut self.tun.sink());
        self.settle(now);
        result
    }

    /// Asks each link whether it lives.
    pub fn probe(&mut self, now: Instant) {
        self.core.probe(now);
    }

    pub fn next_deadline(&mut self) -> Option<Instant> {
        [self.core.next_deadline(), self.resolver.next_deadline()].into_iter().flatten().min()
    }

    /// Queries for the host's own name servers since the last call.
    pub fn take_host_lookups(&mut self) -> Vec<HostLookup> {
        std::mem::take(&mut self.host_lookups)
    }

    /// One of them has answered, or hasn't.
    pub fn host_reply(&mut self, lookup: LookupId, reply: Option<(SocketAddr, Vec<u8>)>, now: Instant) {
        let reply = reply.as_ref().map(|(server, message)| (By::Host(*server), &message[..]));
        self.resolver.handle_reply(lookup, reply.ok_or(()), now);
        self.settle(now);
    }

    pub fn go_away(&mut self, now: Instant) {
        self.core.go_away();
        self.settle(now);
    }

    pub fn has_frames(&self, link: LinkId) -> bool {
        self.core.has_frames(link)
    }

    pub fn flows_on(&self, link: LinkId) -> usize {
        self.core.flows_on(link)
    }

    pub fn counters(&self) -> Counters {
        let totals = self.core.totals();
        let round_trip = self.core.round_trip().unwrap_or_default();
        Counters {
            round_trip_us: u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX),
            sent_bytes: totals.sent_bytes,
            received_bytes: totals.received_bytes,
            open_flows: u32::try_from(self.core.flow_count()).unwrap_or(u32::MAX),
        }
    }

    pub fn flows(&self) -> Vec<FlowRecord> {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let name = |address| self.resolver.name_of(address).map(str::to_owned);
        self.core
            .records()
            .into_iter()
            .map(|record| records::shown(&record, name(record.destination.ip()), now, wall))
            .collect()
    }

    pub fn queries(&mut self, since: Cursor) -> QueryNews {
        let (now, wall) = (Instant::now(), SystemTime::now());
        self.askers.want(now);
        let after = since.after(self.number);
        let answered = self.resolver.answered_since(after);
        let shown = answered.map(|answered| queries::shown(answered, now, wall)).collect();
        Cursor::news(self.number, after, shown)
    }

    /// Carries messages between core and resolver until nothing is left, then lets the flows send to the laptop.
    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.core.poll_event() {
            match event {
                Event::Message { asker, message } => {
                    let transport = if matches!(asker, Asker::Tcp(_)) { Transport::Tcp } else { Transport::Udp };
                    let client = self.askers.client(asker, self.core.ends(asker), now);
                    self.resolver.handle_query(client, transport, &message, now);
                }
                Event::Answer { id, message } => {
                    let reply = if message.is_empty() { Err(()) } else { Ok((By::Cluster(None), &message[..])) };
                    self.resolver.handle_reply(LookupId(id), reply, now);
                }
                Event::GoingAway { link } => self.leaving.push(link),
            }
        }
        while let Some(event) = self.resolver.poll_event() {
            match event {
                hawser_dns::Event::Answer { asker, message } => {
                    self.core.reply(asker.asker, &message, now, &mut self.tun.sink());
                }
                hawser_dns::Event::Lookup { id, route: Route::Cluster, query, .. } => {
                    if !self.core.query(id.0, query.into()) {
                        self.resolver.handle_reply(id, Err(()), now);
                    }
                }
                hawser_dns::Event::Lookup { id, route: Route::Host, transport, attempt, query } => {
                    self.host_lookups.push(HostLookup { id, transport, attempt, query });
                }
            }
        }
        self.core.flush(now, &mut self.tun.sink());
    }
}

impl Endpoint for LinkEnd {
    fn transmit(&mut self, out: &mut BytesMut, size: usize, now: Instant) {
        let path = &mut *self.path.lock();
        path.core.poll_frames(self.link, out, size, now);
        // Taking bytes out of a flow opens its window towards the laptop.
        path.core.flush(now, &mut path.tun.sink());
        if path.core.has_frames(self.link) {
            path.core.poll_frames(self.link, out, size, now);
        }
    }
}

fn getrandom(seed: &mut [u8]) -> io::Result<()> {
    use std::io::Read;
    std::fs::File::open("/dev/urandom")?.read_exact(seed)
}
