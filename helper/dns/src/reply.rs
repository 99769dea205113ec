//! What a name server answered: checked once, kept encoded, and written out for each client with its own header.

use std::net::IpAddr;

use crate::answers::{By, Outcome, Why};
use crate::limits::{NEGATIVE_TTL, UDP_ANSWER};
use crate::query::Asked;
use crate::wire::{self, CLASS_IN, HEADER, NAME, QUESTION, flag, kind, rcode, u16_at, u32_at};

/// Seconds for which an alias of an address holds.
const ALIAS_TTL: u16 = 30;
/// The option in which the manager names the pod whose agent answered; from the range for local use (RFC 6891, section 9).
const ANSWERED_BY: u16 = 65_001;
/// Room that an OPT record without options takes.
const OPT: usize = 11;

/// A name server's answer, without its OPT record, which is a matter between two neighbours.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Header, question and records. The question is as long as the client's.
    pub(crate) bytes: Box<[u8]>,
    /// Where the TTLs are.
    ttls: Box<[u16]>,
    /// The upper eight bits of the response code (RFC 6891 section 6.1.3).
    rcode_high: u8,
    /// The server had more to say than fitted; `bytes` then ends with the question.
    pub(crate) truncated: bool,
    /// Seconds for which this holds; zero means that it must not be remembered.
    pub(crate) lifetime: u32,
    /// The addresses that it gives.
    pub(crate) addresses: Box<[IpAddr]>,
    /// What it says of the question.
    pub(crate) outcome: Outcome,
    /// Whose it is.
    pub(crate) by: By,
}

impl Reply {
    /// Reads a reply, if it is one to this question. TTLs above `clamp` seconds are lowered to it.
    pub(crate) fn parse(message: &[u8], by: By, id: u16, question: &[u8], clamp: u32) -> Option<Self> {
        let flags = u16_at(message, 2)?;
        if u16_at(message, 0)? != id || flags & flag::RESPONSE == 0 || flags & flag::OPCODE != 0 {
            return None;
        }
        if message.len() < HEADER || message.len() > usize::from(u16::MAX) {
            return None;
        }
        let code = (flags & flag::RCODE) as u8;
        let end = HEADER + question.len();
        let counts = [4, 6, 8, 10].map(|at| u16_at(message, at).unwrap_or(0));
        // A server that couldn't or wouldn't read the question may leave it out.
        if counts == [0; 4] && code != rcode::NO_ERROR && code != rcode::NX_DOMAIN {
            return Some(Self::bare(id, flags, question, by));
        }
        if counts[0] != 1 || !same_question(message.get(HEADER..end)?, question) {
            return None;
        }
        if flags & flag::TRUNCATED != 0 {
            return Some(Self { truncated: true, ..Self::bare(id, flags, question, by) });
        }
        let mut reader = Reader { message, at: end, records: [0; 3], ..Reader::default() };
        reader.read([counts[1], counts[2], counts[3]], question)?;

        let mut bytes = Box::<[u8]>::from(&message[..reader.at]);
        for (section, count) in reader.records.iter().enumerate() {
            wire::put_u16(&mut bytes, 6 + 2 * section, *count);
        }
        for &at in &reader.ttls {
            let at = usize::from(at);
            let ttl = sane_ttl(u32_at(&bytes, at).unwrap_or(0)).min(clamp);
            bytes[at..at + 4].copy_from_slice(&ttl.to_be_bytes());
        }
        let lifetime = match code {
            rcode::NO_ERROR | rcode::NX_DOMAIN if reader.rcode_high != 0 => 0,
            rcode::NO_ERROR if reader.answered => reader.answer_ttl,
            rcode::NO_ERROR | rcode::NX_DOMAIN => {
                reader.negative_ttl.min(reader.answer_ttl).min(NEGATIVE_TTL.as_secs() as u32)
            }
            _ => 0,
        };
        Some(Self {
            bytes,
            ttls: reader.ttls.into(),
            rcode_high: reader.rcode_high,
            truncated: false,
            lifetime: lifetime.min(clamp),
            addresses: reader.addresses.into(),
            outcome: outcome(code, reader.rcode_high, reader.answered),
            by: if by == By::Cluster(None) { By::Cluster(reader.signature.map(Into::into)) } else { by },
        })
    }

    fn bare(id: u16, flags: u16, question: &[u8], by: By) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + question.len());
        put_header(&mut bytes, id, flags);
        bytes.extend(question);
        Self {
            bytes: bytes.into(),
            ttls: Box::default(),
            rcode_high: 0,
            truncated: false,
            lifetime: 0,
            addresses: Box::default(),
            // What was cut off are records.
            outcome: outcome((flags & flag::RCODE) as u8, 0, true),
            by,
        }
    }

    pub(crate) fn rcode(&self) -> u8 {
        self.bytes[3] & flag::RCODE as u8
    }

    /// The server knew the answer, be it that there is none.
    pub(crate) fn is_decided(&self) -> bool {
        self.rcode_high == 0 && matches!(self.rcode(), rcode::NO_ERROR | rcode::NX_DOMAIN)
    }

    /// There is no such name, not even as an alias of another.
    pub(crate) fn is_unknown_name(&self) -> bool {
        self.rcode() == rcode::NX_DOMAIN && u16_at(&self.bytes, 6) == Some(0)
    }

    /// Writes the answer for one client, `age` seconds after the reply came.
    pub(crate) fn write(&self, asked: &Asked, age: u32, out: &mut Vec<u8>) {
        let room = asked.limit - if asked.edns.is_some() { OPT } else { 0 };
        if self.rcode_high != 0 && asked.edns.is_none() {
            return write_error(asked, rcode::SERV_FAIL, out);
        }
        if self.truncated || self.bytes.len() > room {
            write_empty(asked, flag::TRUNCATED | u16::from(self.rcode()), self.rcode_high, out);
            return;
        }
        out.clear();
        out.reserve(self.bytes.len() + OPT);
        out.extend_from_slice(&self.bytes);
        let theirs = u16_at(&self.bytes, 2).unwrap_or(0);
        let wants_authentic = asked.dnssec_ok() || asked.flags & flag::AUTHENTIC != 0;
        let authentic = if wants_authentic { theirs & flag::AUTHENTIC } else { 0 };
        wire::put_u16(out, 0, asked.id);
        wire::put_u16(out, 2, answer_flags(asked) | authentic | theirs & flag::RCODE);
        out[HEADER..HEADER + asked.question.len()].copy_from_slice(asked.question);
        for &at in &self.ttls {
            let at = usize::from(at);
            let ttl = u32_at(out, at).unwrap_or(0).saturating_sub(age);
            out[at..at + 4].copy_from_slice(&ttl.to_be_bytes());
        }
        put_opt(asked, self.rcode_high, out);
    }
}

fn outcome(code: u8, high: u8, answered: bool) -> Outcome {
    match (high, code) {
        (0, rcode::NO_ERROR) if answered => Outcome::Found,
        (0, rcode::NO_ERROR) => Outcome::NoSuchRecord,
        (0, rcode::NX_DOMAIN) => Outcome::NoSuchName,
        _ => Outcome::Failed(Why::Code(code)),
    }
}

/// What of a client's query goes into the lookup.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientBits {
    edns: bool,
    dnssec_ok: bool,
    checking_disabled: u16,
}

impl ClientBits {
    pub(crate) fn of(asked: &Asked) -> Self {
        let checking_disabled = asked.flags & flag::CHECKING_DISABLED;
        Self { edns: asked.edns.is_some(), dnssec_ok: asked.dnssec_ok(), checking_disabled }
    }
}

/// An answer of our own: the question and a response code.
pub(crate) fn write_error(asked: &Asked, code: u8, out: &mut Vec<u8>) {
    write_empty(asked, u16::from(code), 0, out);
}

/// An answer to an OPT record of a version to come (RFC 6891 section 6.1.3).
pub(crate) fn write_bad_version(asked: &Asked, out: &mut Vec<u8>) {
    write_empty(asked, 0, 1, out);
}

/// An answer to what had no readable question; `message` has at least a header.
pub(crate) fn write_header(message: &[u8], code: u8, out: &mut Vec<u8>) {
    let (id, flags) = (u16_at(message, 0).unwrap_or(0), u16_at(message, 2).unwrap_or(0));
    let kept = flags & (flag::OPCODE | flag::RECURSION_DESIRED | flag::CHECKING_DISABLED);
    out.clear();
    put_header(out, id, flag::RESPONSE | flag::RECURSION_AVAILABLE | kept | u16::from(code));
    wire::put_u16(out, 4, 0);
}

/// A question for a name server, in the name of a client's one.
pub(crate) fn write_lookup(id: u16, question: &[u8], client: ClientBits, payload: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + QUESTION + OPT);
    // AD in a query asks for AD in the answer (RFC 6840 section 5.7); some client may want it from the cache later.
    put_header(&mut out, id, flag::RECURSION_DESIRED | flag::AUTHENTIC | client.checking_disabled);
    out.extend_from_slice(question);
    if client.edns {
        put_opt_record(client.dnssec_ok, payload, 0, &mut out);
    }
    out
}

/// Reads the records of a reply up to its OPT record. What follows that is optional (RFC 2181 section 9) and, since
/// names in it may point behind the OPT record, couldn't be moved up.
struct Reader<'a> {
    message: &'a [u8],
    at: usize,
    /// Records kept of answer, authority and additional section.
    records: [u16; 3],
    ttls: Vec<u16>,
    rcode_high: u8,
    /// There is a record of the type asked for.
    answered: bool,
    answer_ttl: u32,
    /// By the SOA record of the zone (RFC 2308 section 5); without one nothing negative is remembered.
    negative_ttl: u32,
    addresses: Vec<IpAddr>,
    /// Whose answer it is, if it says so.
    signature: Option<&'a str>,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Self {
            message: &[],
            at: 0,
            records: [0; 3],
            ttls: Vec::new(),
            rcode_high: 0,
            answered: false,
            answer_ttl: u32::MAX,
            negative_ttl: 0,
            addresses: Vec::new(),
            signature: None,
        }
    }
}

impl<'a> Reader<'a> {
    fn read(&mut self, counts: [u16; 3], question: &[u8]) -> Option<()> {
        let asked_kind = u16_at(question, question.len() - 4)?;
        for (section, count) in counts.into_iter().enumerate() {
            for _ in 0..count {
                let fixed = wire::name_end(self.message, self.at)?;
                let record = Record::read(self.message, fixed)?;
                if record.kind == kind::OPT {
                    self.rcode_high = record.ttl.to_be_bytes()[0];
                    self.signature = signature(record.data);
                    return (section == 2).then_some(());
                }
                match section {
                    0 => self.take_answer(&record, asked_kind),
                    1 => self.take_authority(&record),
                    _ => {}
                }
                self.ttls.push(u16::try_from(fixed + 4).ok()?);
                self.records[section] += 1;
                self.at = record.end;
            }
        }
        Some(())
    }

    fn take_answer(&mut self, record: &Record, asked_kind: u16) {
        self.answered |= record.kind == asked_kind || asked_kind == kind::ANY;
        self.answer_ttl = self.answer_ttl.min(sane_ttl(record.ttl));
        let address = match (record.class, record.kind) {
            (CLASS_IN, kind::A) => <[u8; 4]>::try_from(record.data).map(IpAddr::from),
            (CLASS_IN, kind::AAAA) => <[u8; 16]>::try_from(record.data).map(IpAddr::from),
            _ => return,
        };
        self.addresses.extend(address);
    }

    fn take_authority(&mut self, record: &Record) {
        if record.kind == kind::SOA && record.data.len() >= 22 {
            let minimum = u32_at(record.data, record.data.len() - 4).unwrap_or(0);
            self.negative_ttl = sane_ttl(record.ttl).min(sane_ttl(minimum));
        }
    }
}

/// A record behind its name.
struct Record<'a> {
    kind: u16,
    class: u16,
    ttl: u32,
    data: &'a [u8],
    end: usize,
}

impl<'a> Record<'a> {
    fn read(message: &'a [u8], at: usize) -> Option<Self> {
        let end = at + 10 + usize::from(u16_at(message, at + 8)?);
        Some(Self {
            kind: u16_at(message, at)?,
            class: u16_at(message, at + 2)?,
            ttl: u32_at(message, at + 4)?,
            data: message.get(at + 10..end)?,
            end,
        })
    }
}

/// The name of a pod in the options of an OPT record (RFC 6891, section 6.1.2).
fn signature(mut options: &[u8]) -> Option<&str> {
    while let (Some(code), Some(length)) = (u16_at(options, 0), u16_at(options, 2)) {
        let data = options.get(4..4 + usize::from(length))?;
        if code == ANSWERED_BY {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            let name = Some(data).filter(|data| data.len() <= NAME && data.iter().all(is_name))?;
            return str::from_utf8(name).ok().filter(|name| !name.is_empty());
        }
        options = &options[4 + data.len()..];
    }
    None
}

fn same_question(one: &[u8], other: &[u8]) -> bool {
    let name = other.len() - 4;
    one[..name].eq_ignore_ascii_case(&other[..name]) && one[name..] == other[name..]
}

/// A TTL with its top bit set counts as zero (RFC 2181 section 8).
fn sane_ttl(ttl: u32) -> u32 {
    if ttl > i32::MAX as u32 { 0 } else { ttl }
}

fn answer_flags(asked: &Asked) -> u16 {
    let kept = asked.flags & (flag::RECURSION_DESIRED | flag::CHECKING_DISABLED);
    flag::RESPONSE | flag::RECURSION_AVAILABLE | kept
}

/// Answers with an address, or with nothing if another kind of record was asked for.
pub(crate) fn write_address(asked: &Asked, address: IpAddr, out: &mut Vec<u8>) {
    let (address_kind, data) = match address {
        IpAddr::V4(address) => (kind::A, address.octets().to_vec()),
        IpAddr::V6(address) => (kind::AAAA, address.octets().to_vec()),
    };
    out.clear();
    put_header(out, asked.id, answer_flags(asked));
    out.extend_from_slice(asked.question);
    if asked.kind() == address_kind {
        wire::put_u16(out, 6, 1);
        // The name is that of the question (RFC 1035, section 4.1.4).
        out.extend_from_slice(&[0xc0, HEADER as u8]);
        for field in [address_kind, CLASS_IN, 0, ALIAS_TTL, data.len() as u16] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        out.extend_from_slice(&data);
    }
    put_opt(asked, 0, out);
}

fn write_empty(asked: &Asked, flags: u16, rcode_high: u8, out: &mut Vec<u8>) {
    out.clear();
    put_header(out, asked.id, answer_flags(asked) | flags);
    out.extend_from_slice(asked.question);
    put_opt(asked, rcode_high, out);
}

/// A header with one question and nothing else.
fn put_header(out: &mut Vec<u8>, id: u16, flags: u16) {
    for field in [id, flags, 1, 0, 0, 0] {
        out.extend_from_slice(&field.to_be_bytes());
    }
}

fn put_opt(asked: &Asked, rcode_high: u8, out: &mut Vec<u8>) {
    if asked.edns.is_some() {
        put_opt_record(asked.dnssec_ok(), UDP_ANSWER, rcode_high, out);
    }
}

fn put_opt_record(dnssec_ok: bool, payload: u16, rcode_high: u8, out: &mut Vec<u8>) {
    let additional = u16_at(out, 10).unwrap_or(0).saturating_add(1);
    wire::put_u16(out, 10, additional);
    let [high, low] = payload.to_be_bytes();
    out.extend_from_slice(&[0, 0, kind::OPT as u8, high, low, rcode_high, 0, u8::from(dnssec_ok) << 7, 0, 0, 0]);
}
