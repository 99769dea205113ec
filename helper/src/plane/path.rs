//! What the thread works on, and what the link's outgoing side pulls from.

use std::io;
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use hawser_dns::{LookupId, Resolver, Route, Transport};
use hawser_tunnel::error::LinkError;
use hawser_tunnel::link::Endpoint;
use hawser_vif::tun::{Readiness, Tun};
use hawser_vif::{Asker, Config, Core, Event};

use super::upstream::HostLookup;
use super::{ClusterInfo, Counters, FlowRecord, PlaneConfig, records};

/// TUN, core and resolver of one connection.
pub(super) struct DataPath {
    core: Core,
    tun: Tun,
    resolver: Resolver<Asker>,
    host_lookups: Vec<HostLookup>,
    going_away: bool,
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
            host_lookups: Vec::new(),
            going_away: false,
        })
    }

    pub fn readiness(&self) -> io::Result<Readiness> {
        self.tun.readiness()
    }

    /// A link is about to be attached.
    pub fn link_up(&mut self, cluster: &ClusterInfo) -> Result<(), LinkError> {
        self.set_names(cluster)?;
        self.core.link_up(Instant::now());
        self.resolver.set_connected(true);
        self.going_away = false;
        Ok(())
    }

    /// The names of the cluster are these from now on.
    pub fn set_names(&mut self, cluster: &ClusterInfo) -> Result<(), LinkError> {
        let domains = self.resolver.set_cluster(&cluster.names);
        domains.map_err(|error| LinkError::Hello(error.to_string()))
    }

    pub fn link_down(&mut self, now: Instant) {
        self.resolver.set_connected(false);
        self.core.link_down(now, &mut self.tun.sink());
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

    pub fn receive(&mut self, bytes: Bytes, now: Instant) -> Result<(), LinkError> {
        let result = self.core.handle_frames(bytes, now, &mut self.tun.sink());
        self.settle(now);
        result?;
        if self.going_away { Err(LinkError::GoingAway) } else { Ok(()) }
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), LinkError> {
        self.resolver.handle_timeout(now);
        let result = self.core.handle_timeout(now, &mut self.tun.sink());
        self.settle(now);
        result.map_err(|_| LinkError::Silent)
    }

    pub fn next_deadline(&mut self) -> Option<Instant> {
        [self.core.next_deadline(), self.resolver.next_deadline()].into_iter().flatten().min()
    }

    /// Queries for the host's own name servers since the last call.
    pub fn take_host_lookups(&mut self) -> Vec<HostLookup> {
        std::mem::take(&mut self.host_lookups)
    }

    pub fn host_reply(&mut self, lookup: LookupId, reply: Option<&[u8]>, now: Instant) {
        self.resolver.handle_reply(lookup, reply.ok_or(()), now);
        self.settle(now);
    }

    pub fn go_away(&mut self, now: Instant) {
        self.core.go_away();
        self.settle(now);
    }

    pub fn has_frames(&self) -> bool {
        self.core.has_frames()
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

    /// Carries messages between core and resolver until nothing is left, then lets the flows send to the laptop.
    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.core.poll_event() {
            match event {
                Event::Message { asker, message } => {
                    let transport = if matches!(asker, Asker::Tcp(_)) { Transport::Tcp } else { Transport::Udp };
                    self.resolver.handle_query(asker, transport, &message, now);
                }
                Event::Answer { id, message } => {
                    let reply = if message.is_empty() { Err(()) } else { Ok(&message[..]) };
                    self.resolver.handle_reply(LookupId(id), reply, now);
                }
                Event::GoingAway => self.going_away = true,
            }
        }
        while let Some(event) = self.resolver.poll_event() {
            match event {
                hawser_dns::Event::Answer { asker, message } => {
                    self.core.reply(asker, &message, now, &mut self.tun.sink());
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

impl Endpoint for DataPath {
    fn transmit(&mut self, out: &mut BytesMut, size: usize, now: Instant) {
        self.core.poll_frames(out, size, now);
        // Taking bytes out of a flow opens its window towards the laptop.
        self.core.flush(now, &mut self.tun.sink());
        if self.core.has_frames() {
            self.core.poll_frames(out, size, now);
        }
    }
}

fn getrandom(seed: &mut [u8]) -> io::Result<()> {
    use std::io::Read;
    std::fs::File::open("/dev/urandom")?.read_exact(seed)
}
