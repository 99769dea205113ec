//! Questions for name servers.

use std::net::SocketAddr;

use bytes::Bytes;
use hawser_fault::{Code, Fault};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::Record;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};

/// What is known of a question.
pub(crate) struct Answer {
    pub code: ResponseCode,
    pub records: Vec<Record>,
    pub authorities: Vec<Record>,
}

pub(crate) struct Upstream(TokioResolver);

impl Upstream {
    /// Asks these name servers, or those of the system if there are none.
    pub fn new(name_servers: &[SocketAddr]) -> Result<Self, Fault> {
        let unusable =
            |error: NetError| Fault::new(Code::DnsUnavailable, format!("no name server can be used: {error}"));
        let mut builder = if name_servers.is_empty() {
            TokioResolver::builder_tokio().map_err(unusable)?
        } else {
            let servers = name_servers.iter().map(|address| name_server(*address)).collect();
            let config = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
        options.preserve_intermediates = true;
        options.edns0 = true;
        // Names come whole; nothing is to be added to them.
        options.ndots = 0;
        builder.build().map(Self).map_err(unusable)
    }

    /// `None` if no name server gave an answer.
    pub async fn answer(&self, question: &Query) -> Option<Answer> {
        let mut name = question.name().clone();
        name.set_fqdn(true);
        match self.0.lookup(name, question.query_type()).await {
            Ok(lookup) => Some(Answer {
                code: ResponseCode::NoError,
                records: lookup.answers().to_vec(),
                authorities: Vec::new(),
            }),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                let authorities = match none.soa {
                    Some(soa) => vec![soa.into_record_of_rdata()],
                    None => none.authorities.map(|records| records.to_vec()).unwrap_or_default(),
                };
                Some(Answer { code: none.response_code, records: Vec::new(), authorities })
            }
            Err(NetError::Dns(DnsError::ResponseCode(code))) => {
                Some(Answer { code, records: Vec::new(), authorities: Vec::new() })
            }
            Err(error) => {
                tracing::debug!(%error, "lookup failed");
                None
            }
        }
    }
}

/// The whole response to `query`.
pub(crate) fn respond(query: &Message, answer: Answer) -> Option<Bytes> {
    let mut response = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    response.metadata.recursion_desired = query.metadata.recursion_desired;
    response.metadata.recursion_available = true;
    response.metadata.response_code = answer.code;
    response.add_query(query.queries.first()?.clone());
    response.add_answers(answer.records);
    response.add_authorities(answer.authorities);
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(4096);
        response.set_edns(edns);
    }
    response.to_vec().ok().map(Bytes::from)
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}
