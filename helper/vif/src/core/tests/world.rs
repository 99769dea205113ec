//! A laptop (smoltcp's own client side), the core, and a manager whose targets are chosen by their port.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use hawser_tunnel::frame::{FlowId, Reason};
use hawser_tunnel::limits::BATCH;
use hawser_tunnel::mux::{Event as MuxEvent, Mux, Pull, Side, Source};
use smoltcp::iface::{Config as StackConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant as StackTime;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::core::{Config, Core, Event, LinkId};
use crate::limits::MTU;
use crate::stack::PacketSink;

pub const ECHO: u16 = 7;
pub const REFUSED: u16 = 1;
pub const UNREACHABLE: u16 = 2;
pub const SILENT: u16 = 3;
pub const FORBIDDEN: u16 = 4;
/// Says "hello", ends, and echoes nothing.
pub const GREETER: u16 = 17;
/// Never reads.
pub const STUCK: u16 = 99;
/// Resets at the first byte.
pub const RESETS: u16 = 98;

pub struct World {
    pub core: Core,
    /// The one to the manager.
    pub link: LinkId,
    pub manager: Manager,
    /// Another link, and the manager behind it.
    pub second: Option<(LinkId, Manager)>,
    pub laptop: Laptop,
    pub now: Instant,
    begun: Instant,
    weather: Weather,
}

/// What happens to packets between the laptop and the core.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// In percent.
    pub loss: u8,
    pub duplication: u8,
    pub reordering: u8,
    pub seed: u64,
}

pub struct Laptop {
    pub interface: Interface,
    pub sockets: SocketSet<'static>,
    device: Queues,
    /// Packets that no socket of the laptop's stack is for.
    pub seen: Vec<Vec<u8>>,
    next_port: u16,
}

#[derive(Default)]
struct Queues {
    to_core: VecDeque<Vec<u8>>,
    from_core: VecDeque<Vec<u8>>,
}

pub struct Manager {
    pub mux: Mux,
    pub streams: Streams,
    pub targets: HashMap<FlowId, u16>,
    pub resets: Vec<Reason>,
    pub silent: Vec<FlowId>,
    pub stuck_bytes: usize,
}

#[derive(Default)]
pub struct Streams(HashMap<FlowId, (BytesMut, bool)>);

impl World {
    pub fn new(weather: Weather) -> Self {
        let now = Instant::now();
        let local = vec![[198, 18, 0, 53].into(), "fd68::53".parse().unwrap()];
        let mut core = Core::new(Config { local, checksum_offload: false, seed: 7 }, now);
        let link = core.link_up(now);
        let manager = Manager::new(now);
        Self { core, link, manager, second: None, laptop: Laptop::new(), now, begun: now, weather }
    }

    /// Opens a connection from the laptop.
    pub fn connect(&mut self, target: impl Into<SocketAddr>) -> SocketHandle {
        let target: SocketAddr = target.into();
        let buffers = || SocketBuffer::new(vec![0; 128 * 1024]);
        let mut socket = Socket::new(buffers(), buffers());
        self.laptop.next_port += 1;
        let own: IpAddress = if target.is_ipv4() { IpAddress::v4(198, 18, 0, 1) } else { "fd68::1".parse().unwrap() };
        socket.connect(self.laptop.interface.context(), target, (own, self.laptop.next_port)).unwrap();
        self.laptop.sockets.add(socket)
    }

    pub fn socket(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.laptop.sockets.get_mut(handle)
    }

    /// Lets the world run until `done`, for at most two virtual minutes.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        for _ in 0..60_000 {
            self.step();
            if done(self) {
                return;
            }
        }
        panic!("not within two virtual minutes: {what}");
    }

    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// A packet from the laptop that its own stack did not make.
    pub fn inject(&mut self, packet: &[u8]) {
        self.core.handle_packet(packet, true, self.now, &mut Sink(&mut self.laptop.device.from_core));
        self.core.flush(self.now, &mut Sink(&mut self.laptop.device.from_core));
    }

    pub fn cut_link(&mut self) {
        self.core.link_down(self.link, self.now, &mut Sink(&mut self.laptop.device.from_core));
    }

    /// Makes another link, which is preferred.
    pub fn add_link(&mut self) {
        self.second = Some((self.core.link_up(self.now), Manager::new(self.now)));
    }

    pub fn cut_second_link(&mut self) {
        let (link, _) = self.second.take().unwrap();
        self.core.link_down(link, self.now, &mut Sink(&mut self.laptop.device.from_core));
    }

    pub fn reply(&mut self, asker: crate::Asker, message: &[u8]) {
        self.core.reply(asker, message, self.now, &mut Sink(&mut self.laptop.device.from_core));
        self.core.flush(self.now, &mut Sink(&mut self.laptop.device.from_core));
    }

    pub fn event(&mut self) -> Option<Event> {
        self.core.poll_event()
    }

    /// Two milliseconds.
    fn step(&mut self) {
        let time = StackTime::from_micros(self.now.duration_since(self.begun).as_micros() as i64);
        let Laptop { interface, sockets, device, seen, .. } = &mut self.laptop;
        seen.extend(device.from_core.iter().cloned());
        interface.poll(time, device, sockets);
        let packets = self.weather.apply(std::mem::take(&mut device.to_core));
        for packet in packets {
            self.core.handle_packet(&packet, true, self.now, &mut Sink(&mut self.laptop.device.from_core));
        }
        self.core.flush(self.now, &mut Sink(&mut self.laptop.device.from_core));
        let from_core = &mut self.laptop.device.from_core;
        for (link, manager) in [(self.link, &mut self.manager)]
            .into_iter()
            .chain(self.second.as_mut().map(|(link, manager)| (*link, manager)))
        {
            let mut batch = message();
            self.core.poll_frames(link, &mut batch, BATCH, self.now);
            manager.receive(finish(batch), self.now);
            let mut batch = message();
            manager.mux.transmit(&mut batch, BATCH, self.now, &mut manager.streams);
            self.core.handle_frames(link, finish(batch), self.now, &mut Sink(from_core)).unwrap();
        }
        self.core.flush(self.now, &mut Sink(from_core));
        self.now += Duration::from_millis(2);
        let _ = self.core.handle_timeout(self.now, &mut Sink(from_core));
        let arrived = self.weather.apply(std::mem::take(from_core));
        *from_core = arrived;
    }
}

impl Manager {
    pub fn new(now: Instant) -> Self {
        Self {
            mux: Mux::new(Side::Server, now),
            streams: Streams::default(),
            targets: HashMap::new(),
            resets: Vec::new(),
            silent: Vec::new(),
            stuck_bytes: 0,
        }
    }

    fn receive(&mut self, bytes: Bytes, now: Instant) {
        let mut events = Vec::new();
        self.mux.receive(bytes, now, &mut events).unwrap();
        for event in events {
            match event {
                MuxEvent::Opened { flow, target, .. } => {
                    self.targets.insert(flow, target.port());
                    match target.port() {
                        REFUSED => self.mux.reject(flow, Reason::Refused),
                        UNREACHABLE => self.mux.reject(flow, Reason::Unreachable),
                        FORBIDDEN => self.mux.reject(flow, Reason::Forbidden),
                        SILENT => self.silent.push(flow),
                        GREETER => {
                            self.mux.accept(flow, 5);
                            self.say(flow, b"hello", true);
                        }
                        _ => self.mux.accept(flow, 5),
                    }
                }
                MuxEvent::Data { flow, bytes } => match self.targets[&flow] {
                    STUCK => self.stuck_bytes += bytes.len(),
                    RESETS => self.mux.reset(flow, Reason::Reset),
                    _ => {
                        self.mux.consumed(flow, bytes.len(), now);
                        self.say(flow, &bytes, false);
                    }
                },
                MuxEvent::Finished { flow } if self.targets[&flow] == ECHO => self.say(flow, b"", true),
                MuxEvent::Datagram { flow, bytes } => self.mux.datagram(flow, bytes),
                MuxEvent::Reset { reason, .. } => self.resets.push(reason),
                _ => {}
            }
        }
    }

    pub fn say(&mut self, flow: FlowId, bytes: &[u8], end: bool) {
        let (waiting, ended) = self.streams.0.entry(flow).or_default();
        waiting.extend_from_slice(bytes);
        *ended |= end;
        self.mux.ready(flow);
    }
}

impl Source for Streams {
    fn pull(&mut self, flow: FlowId, room: usize, out: &mut BytesMut) -> Pull {
        let Some((waiting, ended)) = self.0.get_mut(&flow) else { return Pull::Empty };
        out.put(waiting.split_to(room.min(waiting.len())));
        match (waiting.is_empty(), *ended) {
            (false, _) => Pull::More,
            (true, true) => Pull::End,
            (true, false) => Pull::Empty,
        }
    }
}

impl Laptop {
    fn new() -> Self {
        let mut device = Queues::default();
        let mut interface = Interface::new(StackConfig::new(HardwareAddress::Ip), &mut device, StackTime::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::v4(198, 18, 0, 1), 0)).unwrap();
            addresses.push(IpCidr::new("fd68::1".parse().unwrap(), 0)).unwrap();
        });
        Self { interface, sockets: SocketSet::new(vec![]), device, seen: Vec::new(), next_port: 40_000 }
    }
}

impl Weather {
    fn apply(&mut self, packets: VecDeque<Vec<u8>>) -> VecDeque<Vec<u8>> {
        let mut arrived: VecDeque<Vec<u8>> = VecDeque::new();
        for packet in packets {
            if self.dice() < self.loss {
                continue;
            }
            if self.dice() < self.duplication {
                arrived.push_back(packet.clone());
            }
            if self.dice() < self.reordering {
                arrived.push_front(packet);
            } else {
                arrived.push_back(packet);
            }
        }
        arrived
    }

    /// 0 to 99 (xorshift64*).
    fn dice(&mut self) -> u8 {
        let mut state = self.seed | 1;
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.seed = state;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as u8 % 100
    }
}

fn message() -> BytesMut {
    let mut batch = BytesMut::new();
    batch.put_bytes(0, 5);
    batch
}

fn finish(mut batch: BytesMut) -> Bytes {
    let length = batch.len() as u32 - 5;
    batch[1..5].copy_from_slice(&length.to_be_bytes());
    if length == 0 { Bytes::new() } else { batch.freeze() }
}

struct Sink<'a>(&'a mut VecDeque<Vec<u8>>);

impl PacketSink for Sink<'_> {
    fn send(&mut self, packet: &mut [u8]) {
        self.0.push_back(packet.to_vec());
    }
}

struct Arrived(Vec<u8>);

struct Leaving<'a>(&'a mut VecDeque<Vec<u8>>);

impl Device for Queues {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, _: StackTime) -> Option<(Arrived, Leaving<'_>)> {
        self.from_core.pop_front().map(|packet| (Arrived(packet), Leaving(&mut self.to_core)))
    }

    fn transmit(&mut self, _: StackTime) -> Option<Leaving<'_>> {
        Some(Leaving(&mut self.to_core))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut packet = vec![0; length];
        let result = write(&mut packet);
        self.0.push_back(packet);
        result
    }
}
