//! One laptop's session: what its flows may lead to.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hawser_tunnel::frame::{Kind, Reason};
use hawser_tunnel::identity::Pin;
use hawser_tunnel::sockets::{Answer, Gate, Lead};
use hickory_proto::op::{Edns, Message};
use hickory_proto::rr::rdata::opt::EdnsOption;
use tokio::time::timeout;

use crate::cluster::Cluster;
use crate::exchange::Exchange;
use crate::{limits, metrics};

/// Lets a laptop reach what the cluster serves.
pub struct Session {
    /// The world it reaches.
    pub cluster: Arc<dyn Cluster>,
    /// Where its agents are.
    pub exchange: Arc<Exchange>,
    /// Its key.
    pub laptop: Pin,
}

impl Gate for Session {
    fn lead(&self, _: Kind, target: SocketAddr) -> Result<Lead, Reason> {
        if self.cluster.serves(target.ip()) { Ok(Lead::To(target)) } else { Err(Reason::Forbidden) }
    }

    /// An intercepted pod is asked first: its name server may be one of its own.
    fn resolve(&self, query: Bytes) -> Answer<'_> {
        Box::pin(async move {
            if let Some((pod, agent)) = self.exchange.agents_of(self.laptop).into_iter().next()
                && let Ok(Some(answer)) = timeout(limits::AGENT_ANSWER, agent.ask(query.clone())).await
                && has_records(&answer)
            {
                return Some(signed(answer, &pod));
            }
            self.cluster.resolve(query).await
        })
    }

    fn count_flow(&self) {
        metrics::FLOWS.up();
    }

    fn count_refusal(&self, _: Option<(Kind, SocketAddr)>) {
        metrics::FLOWS_REFUSED.up();
    }

    fn count_query(&self) {
        metrics::QUERIES.up();
    }
}

/// The option in which an answer names the pod whose agent gave it (RFC 6891, section 6.1.2; from the range for local use). The
/// laptop's resolver reads it and passes it on to nobody.
const ANSWERED_BY: u16 = 65_001;

/// An answer that names its pod. One that can't be read stays as it is.
fn signed(answer: Bytes, pod: &str) -> Bytes {
    let Ok(mut message) = Message::from_vec(&answer) else { return answer };
    let edns = message.edns.get_or_insert_with(Edns::new);
    edns.options_mut().insert(EdnsOption::Unknown(ANSWERED_BY, pod.as_bytes().to_vec()));
    message.to_vec().map_or(answer, Bytes::from)
}

/// Whether a DNS message has an answer in it (RFC 1035, section 4.1.1: ANCOUNT).
fn has_records(message: &[u8]) -> bool {
    message.get(6..8).is_some_and(|count| count != [0, 0])
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{MessageType, OpCode};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{Name, RData, Record};

    use super::*;

    #[test]
    fn an_agent_s_answer_names_its_pod_and_is_else_the_same() {
        let mut message = Message::new(7, MessageType::Response, OpCode::Query);
        let name = Name::from_ascii("redis.").unwrap();
        message.add_answer(Record::from_rdata(name, 30, RData::A(A::new(10, 1, 0, 9))));
        for edns in [None, Some(Edns::new())] {
            message.edns = edns;
            let answer = signed(message.to_vec().unwrap().into(), "web-0");
            assert!(answer.ends_with(b"\xfd\xe9\0\x05web-0"), "{answer:?}");
            let read = Message::from_vec(&answer).unwrap();
            assert_eq!((read.metadata.id, &read.answers), (7, &message.answers));
        }
        assert_eq!(signed(Bytes::from_static(b"no message"), "web-0"), "no message");
    }
}
