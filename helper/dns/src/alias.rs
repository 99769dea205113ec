//! A reply about a full name, turned into one about the short name that was asked for.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

/// Rewrites the question of `reply` to `short`, a name in wire format, and says in front of the answer that it is an
/// alias of the full name: stub resolvers follow that, and `dig` shows what happened. Since every compressed name in the
/// message moves, this goes through a full parser; it happens once for each lookup.
pub(crate) fn shorten(reply: &[u8], short: &[u8], ttl: u32) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(reply).ok()?;
    let short = Name::read(&mut BinDecoder::new(short)).ok()?;
    let question = message.queries.first_mut()?;
    let full = question.name().clone();
    question.set_name(short.clone());
    if message.metadata.response_code == ResponseCode::NoError {
        message.answers.insert(0, Record::from_rdata(short, ttl, RData::CNAME(CNAME(full))));
    }
    message.to_vec().ok()
}

/// Rewrites the question of `reply` to `asked`, a name in wire format, and gives what it answers as that name's own records: no
/// alias leads to a name that somebody else knows too.
pub(crate) fn flatten(reply: &[u8], asked: &[u8]) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(reply).ok()?;
    let asked = Name::read(&mut BinDecoder::new(asked)).ok()?;
    let question = message.queries.first_mut()?;
    let kind = question.query_type();
    question.set_name(asked.clone());
    message.answers.retain(|record| kind == RecordType::CNAME || record.record_type() != RecordType::CNAME);
    for record in &mut message.answers {
        record.name = asked.clone();
    }
    message.to_vec().ok()
}
