//! Static records from the file.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hawser_fault::{Code, Fault};
use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::resolver::Answer;

/// Time to live of a record, and of the answer that there is none, in seconds.
const TTL: u32 = 30;
const NEGATIVE_TTL: u32 = 5;

pub(super) struct Zones(Vec<Zone>);

struct Zone {
    origin: Name,
    records: BTreeMap<Name, Vec<IpAddr>>,
}

impl Zones {
    pub fn new(zones: &BTreeMap<String, BTreeMap<String, Vec<IpAddr>>>) -> Result<Self, Fault> {
        let zone = |(origin, hosts): (&String, &BTreeMap<String, Vec<IpAddr>>)| {
            let origin = name(origin)?;
            let records = hosts.iter().map(|(host, addresses)| {
                let full = name(host)?.append_domain(&origin).map_err(|error| malformed(host, &error))?;
                Ok((full.to_lowercase(), addresses.clone()))
            });
            Ok(Zone { records: records.collect::<Result<_, Fault>>()?, origin })
        };
        zones.iter().map(zone).collect::<Result<_, Fault>>().map(Self)
    }

    /// `None` if no zone holds the name.
    pub fn answer(&self, question: &Query) -> Option<Answer> {
        let asked = question.name().to_lowercase();
        let holders = self.0.iter().filter(|zone| zone.origin.zone_of(&asked));
        let zone = holders.max_by_key(|zone| zone.origin.num_labels())?;
        let soa = Record::from_rdata(zone.origin.clone(), NEGATIVE_TTL, RData::SOA(zone.soa()));
        let Some(addresses) = zone.find(&asked) else {
            // A name with others below it exists, it has just no records (RFC 8020).
            let has_children = zone.records.keys().any(|name| asked.zone_of(name)) || asked == zone.origin;
            let code = if has_children { ResponseCode::NoError } else { ResponseCode::NXDomain };
            return Some(Answer { code, records: Vec::new(), authorities: vec![soa] });
        };
        let records: Vec<Record> = addresses
            .iter()
            .filter_map(|address| match (address, question.query_type()) {
                (IpAddr::V4(address), RecordType::A | RecordType::ANY) => Some(RData::A((*address).into())),
                (IpAddr::V6(address), RecordType::AAAA | RecordType::ANY) => Some(RData::AAAA((*address).into())),
                _ => None,
            })
            .map(|data| Record::from_rdata(question.name().clone(), TTL, data))
            .collect();
        let authorities = if records.is_empty() { vec![soa] } else { Vec::new() };
        Some(Answer { code: ResponseCode::NoError, records, authorities })
    }
}

impl Zone {
    /// The records of the name itself, else of the wildcard that covers it (RFC 4592).
    fn find(&self, asked: &Name) -> Option<&Vec<IpAddr>> {
        self.records.get(asked).or_else(|| {
            let mut parent = asked.base_name();
            while self.origin.zone_of(&parent) && !parent.is_root() {
                let wildcard = Name::from_ascii("*").and_then(|star| star.append_domain(&parent)).ok()?;
                if let Some(found) = self.records.get(&wildcard) {
                    return Some(found);
                }
                parent = parent.base_name();
            }
            None
        })
    }

    fn soa(&self) -> SOA {
        SOA::new(self.origin.clone(), self.origin.clone(), 1, 3600, 600, 86_400, NEGATIVE_TTL)
    }
}

fn name(text: &str) -> Result<Name, Fault> {
    let mut name = Name::from_ascii(text).map_err(|error| malformed(text, &error))?;
    name.set_fqdn(true);
    Ok(name.to_lowercase())
}

fn malformed(text: &str, error: &dyn std::error::Error) -> Fault {
    Fault::new(Code::ConfigMalformed, format!("zones: {text:?} is not a name: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Zones {
        let hosts = [
            ("web.shop.svc".to_owned(), vec![[10, 0, 0, 1].into(), "fd00::1".parse().unwrap()]),
            ("*.wild.svc".to_owned(), vec![[10, 0, 0, 2].into()]),
        ];
        Zones::new(&[("demo.local".to_owned(), hosts.into())].into()).unwrap()
    }

    #[test]
    fn names_and_types_are_told_apart() {
        let cases = [
            ("web.shop.svc.demo.local.", RecordType::A, Some((ResponseCode::NoError, 1))),
            ("WEB.shop.svc.demo.local.", RecordType::AAAA, Some((ResponseCode::NoError, 1))),
            ("web.shop.svc.demo.local.", RecordType::MX, Some((ResponseCode::NoError, 0))),
            ("svc.demo.local.", RecordType::A, Some((ResponseCode::NoError, 0))),
            ("demo.local.", RecordType::A, Some((ResponseCode::NoError, 0))),
            ("none.shop.svc.demo.local.", RecordType::A, Some((ResponseCode::NXDomain, 0))),
            ("any.wild.svc.demo.local.", RecordType::A, Some((ResponseCode::NoError, 1))),
            ("example.com.", RecordType::A, None),
        ];
        for (name, kind, wanted) in cases {
            let answer = zones().answer(&Query::query(Name::from_ascii(name).unwrap(), kind));
            assert_eq!(answer.map(|answer| (answer.code, answer.records.len())), wanted, "{name} {kind}");
        }
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        let bad = [("a..b".to_owned(), BTreeMap::new())].into();
        assert_eq!(Zones::new(&bad).err().map(|fault| fault.code), Some(Code::ConfigMalformed));
    }
}
