//! The name servers: the cluster's, and the one that the laptop had before it knew of any cluster.

use std::{collections::HashMap, io, net::IpAddr, str::FromStr, sync::Arc};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, SOA},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

use crate::plan;

/// How long an answer may be kept, in seconds.
const TTL: u32 = 30;
/// The largest answer to an asker who says nothing of EDNS (RFC 1035, section 4.2.1).
const PLAIN_UDP: u16 = 512;
const EDNS_UDP: u16 = 1232;

/// One zone's names.
pub(super) struct Zone {
    origin: Name,
    names: HashMap<Name, Vec<IpAddr>>,
}

impl Zone {
    /// The shop's names.
    pub(super) fn cluster() -> Self {
        let names = plan::SHOP.iter().map(|service| (name(&service.full_name()), service.addresses().collect()));
        Self { origin: name(plan::ZONE), names: names.collect() }
    }

    /// The one name that only the laptop's own name server knows.
    pub(super) fn intranet() -> Self {
        let own = name(plan::INTRANET_NAME);
        Self { origin: own.base_name(), names: HashMap::from([(own, vec![plan::INTRANET_V4.into()])]) }
    }

    /// The reply to a query; `None` where there is nothing to reply to.
    fn reply(&self, query: &[u8], over_udp: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).ok()?;
        if query.metadata.message_type != MessageType::Query {
            return None;
        }
        let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
        reply.metadata.recursion_desired = query.metadata.recursion_desired;
        reply.metadata.response_code = self.answer(&query, &mut reply);
        if query.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(EDNS_UDP);
            reply.set_edns(edns);
        }
        let bytes = reply.to_vec().ok()?;
        let limit = query.edns.as_ref().map_or(PLAIN_UDP, |edns| edns.max_payload().clamp(PLAIN_UDP, EDNS_UDP));
        if over_udp && bytes.len() > limit.into() { reply.truncate().to_vec().ok() } else { Some(bytes) }
    }

    fn answer(&self, query: &Message, reply: &mut Message) -> ResponseCode {
        if query.metadata.op_code != OpCode::Query {
            return ResponseCode::NotImp;
        }
        let [question] = query.queries.as_slice() else { return ResponseCode::FormErr };
        reply.add_query(question.clone());
        if !self.origin.zone_of(question.name()) {
            return ResponseCode::Refused;
        }
        reply.metadata.authoritative = true;
        let exists = self.names.keys().any(|known| question.name().zone_of(known));
        let addresses = self.names.get(question.name()).into_iter().flatten();
        let records = addresses.filter_map(|address| {
            let data = match (question.query_type(), address) {
                (RecordType::A, IpAddr::V4(address)) => RData::A(A(*address)),
                (RecordType::AAAA, IpAddr::V6(address)) => RData::AAAA(AAAA(*address)),
                _ => return None,
            };
            Some(Record::from_rdata(question.name().clone(), TTL, data))
        });
        reply.add_answers(records.collect::<Vec<_>>());
        if reply.answers.is_empty() {
            // RFC 2308: how long a negative answer may be kept stands in the SOA record.
            let mail = Name::from_str("hostmaster").and_then(|host| host.append_domain(&self.origin));
            let soa = SOA::new(self.origin.clone(), mail.unwrap_or_default(), 1, 3600, 600, 86_400, TTL);
            reply.add_authority(Record::from_rdata(self.origin.clone(), TTL, RData::SOA(soa)));
        }
        if exists { ResponseCode::NoError } else { ResponseCode::NXDomain }
    }
}

/// Answers for the zone at this address over UDP and TCP.
pub(super) async fn serve(address: IpAddr, zone: Zone) -> io::Result<()> {
    let zone = Arc::new(zone);
    let socket = UdpSocket::bind((address, plan::DNS_PORT)).await?;
    tokio::spawn(datagrams(socket, zone.clone()));
    super::serve(address, plan::DNS_PORT, move |stream| streams(stream, zone.clone()))
}

async fn datagrams(socket: UdpSocket, zone: Arc<Zone>) {
    let mut buffer = vec![0; 4096];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        if let Some(reply) = zone.reply(&buffer[..length], true) {
            let _ = socket.send_to(&reply, from).await;
        }
    }
}

async fn streams(mut stream: TcpStream, zone: Arc<Zone>) -> io::Result<()> {
    loop {
        let mut query = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut query).await?;
        let Some(reply) = zone.reply(&query, false) else { return Ok(()) };
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &reply].concat()).await?;
    }
}

fn name(text: &str) -> Name {
    let mut name = Name::from_str(text).expect("the plan's names are well formed");
    name.set_fqdn(true);
    name
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Query;

    use super::*;

    fn ask(zone: &Zone, text: &str, kind: RecordType) -> Message {
        let mut query = Message::query();
        query.add_query(Query::query(name(text), kind));
        let reply = zone.reply(&query.to_vec().unwrap(), true).expect("a reply");
        Message::from_vec(&reply).unwrap()
    }

    #[test]
    fn known_names_unknown_names_and_missing_types_are_told_apart() {
        let zone = Zone::cluster();
        let known = ask(&zone, "pair.shop.svc.demo.local", RecordType::A);
        assert_eq!((known.metadata.response_code, known.answers.len()), (ResponseCode::NoError, 2));
        let shouted = ask(&zone, "WEB.shop.SVC.demo.local", RecordType::AAAA);
        assert_eq!(shouted.answers.len(), 1);
        let no_data = ask(&zone, "six.shop.svc.demo.local", RecordType::A);
        assert_eq!((no_data.metadata.response_code, no_data.answers.len()), (ResponseCode::NoError, 0));
        assert_eq!(no_data.authorities.len(), 1);
        let inner = ask(&zone, "svc.demo.local", RecordType::A);
        assert_eq!(inner.metadata.response_code, ResponseCode::NoError, "there are names below it");
        let unknown = ask(&zone, "nobody.shop.svc.demo.local", RecordType::A);
        assert_eq!((unknown.metadata.response_code, unknown.authorities.len()), (ResponseCode::NXDomain, 1));
        assert_eq!(ask(&zone, "example.com", RecordType::A).metadata.response_code, ResponseCode::Refused);
    }

    #[test]
    fn noise_gets_no_reply() {
        let zone = Zone::intranet();
        assert_eq!(zone.reply(b"", true), None);
        assert_eq!(zone.reply(&[0xff; 40], true), None);
        assert_eq!(ask(&zone, plan::INTRANET_NAME, RecordType::A).answers.len(), 1);
    }
}
