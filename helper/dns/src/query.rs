//! What a client asks: parsed by hand and without allocating, since every cached answer passes here.

use crate::limits::{UDP_ANSWER, UDP_PLAIN};
use crate::resolver::Transport;
use crate::wire::{self, HEADER, QUESTION, flag, kind, rcode, u16_at, u32_at};

/// One question, with what its answer has to respect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    /// Name, type and class as they were sent.
    pub(crate) question: &'a [u8],
    pub(crate) edns: Option<Edns>,
    /// Bytes that the answer may have.
    pub(crate) limit: usize,
}

/// What the client's OPT record says (RFC 6891 section 6.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edns {
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
}

/// Why a message gets no lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reject {
    /// Too short to be answered, or itself an answer: silence, or two resolvers could talk for ever.
    Drop,
    /// The question couldn't be read; the answer is a header with this response code.
    Header(u8),
}

impl<'a> Asked<'a> {
    pub(crate) fn parse(message: &'a [u8], transport: Transport) -> Result<Self, Reject> {
        let (Some(id), Some(flags)) = (u16_at(message, 0), u16_at(message, 2)) else { return Err(Reject::Drop) };
        if message.len() < HEADER || flags & flag::RESPONSE != 0 {
            return Err(Reject::Drop);
        }
        if flags & flag::OPCODE != 0 {
            return Err(Reject::Header(rcode::NOT_IMP));
        }
        let malformed = Reject::Header(rcode::FORM_ERR);
        let count = |at| u16_at(message, at).unwrap_or(0);
        if count(4) != 1 || count(6) != 0 || count(8) != 0 {
            return Err(malformed);
        }
        let end = wire::plain_name_end(message, HEADER).ok_or(malformed)? + 4;
        let question = message.get(HEADER..end).ok_or(malformed)?;
        let edns = parse_edns(message, end, count(10)).ok_or(malformed)?;
        let limit = match transport {
            Transport::Tcp => usize::from(u16::MAX),
            Transport::Udp => edns.map_or(UDP_PLAIN, |edns| edns.payload.clamp(UDP_PLAIN, UDP_ANSWER)).into(),
        };
        Ok(Self { id, flags, question, edns, limit })
    }

    pub(crate) fn kind(&self) -> u16 {
        u16_at(self.question, self.question.len() - 4).unwrap_or(0)
    }

    pub(crate) fn class(&self) -> u16 {
        u16_at(self.question, self.question.len() - 2).unwrap_or(0)
    }

    pub(crate) fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }

    pub(crate) fn key(&self) -> Key {
        let mut key = Key { bytes: [0; QUESTION + 1], length: self.question.len() + 1 };
        let name = self.question.len() - 4;
        key.bytes[..name].copy_from_slice(&self.question[..name]);
        // Length bytes are below 'A', so the whole name can be lowered at once.
        key.bytes[..name].make_ascii_lowercase();
        key.bytes[name..name + 4].copy_from_slice(&self.question[name..]);
        let checking_disabled = self.flags & flag::CHECKING_DISABLED != 0;
        key.bytes[name + 4] = u8::from(self.dnssec_ok()) | u8::from(checking_disabled) << 1;
        key
    }
}

/// Everything that makes two questions the same one: lower-case name, type, class, and the bits DO and CD.
pub(crate) struct Key {
    bytes: [u8; QUESTION + 1],
    length: usize,
}

impl Key {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The question part, in lower case.
    pub(crate) fn question(&self) -> &[u8] {
        &self.bytes[..self.length - 1]
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.bytes[..self.length - 5]
    }
}

/// The OPT record among `count` additional records from `at` on. The outer `None`: malformed, or two of them.
fn parse_edns(message: &[u8], mut at: usize, count: u16) -> Option<Option<Edns>> {
    let mut edns = None;
    for _ in 0..count {
        let fixed = wire::name_end(message, at)?;
        let end = fixed + 10 + usize::from(u16_at(message, fixed + 8)?);
        if end > message.len() {
            return None;
        }
        if u16_at(message, fixed)? == kind::OPT {
            if edns.is_some() || message[at] != 0 {
                return None;
            }
            let [_, version, flags, _] = u32_at(message, fixed + 4)?.to_be_bytes();
            let payload = u16_at(message, fixed + 2)?;
            edns = Some(Edns { payload, version, dnssec_ok: flags & 0x80 != 0 });
        }
        at = end;
    }
    Some(edns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0";

    fn query(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
        let mut message = vec![0x12, 0x34];
        message.extend(flags.to_be_bytes());
        counts.iter().for_each(|count| message.extend(count.to_be_bytes()));
        message.extend(rest);
        message
    }

    #[test]
    fn a_question_is_read() {
        let rest = [b"\x03WEB\0\0\x01\0\x01", OPT].concat();
        let message = query(0x0100, [1, 0, 0, 1], &rest);
        let asked = Asked::parse(&message, Transport::Udp).unwrap();
        assert_eq!((asked.id, asked.kind(), asked.class(), asked.limit), (0x1234, 1, 1, 1232));
        assert_eq!(asked.question, b"\x03WEB\0\0\x01\0\x01");
        assert_eq!(asked.edns, Some(Edns { payload: 1232, version: 0, dnssec_ok: true }));
        assert_eq!(asked.key().bytes(), b"\x03web\0\0\x01\0\x01\x01");
        assert_eq!(Asked::parse(&message, Transport::Tcp).unwrap().limit, 65_535);
    }

    #[test]
    fn what_is_no_question_is_refused() {
        let web = b"\x03web\0\0\x01\0\x01";
        let form_err = Reject::Header(rcode::FORM_ERR);
        for (message, reject) in [
            (vec![], Reject::Drop),
            (vec![0; 11], Reject::Drop),
            (query(0x8100, [1, 0, 0, 0], web), Reject::Drop),
            (query(0x2800, [1, 0, 0, 0], web), Reject::Header(rcode::NOT_IMP)),
            (query(0x0100, [0, 0, 0, 0], b""), form_err),
            (query(0x0100, [2, 0, 0, 0], &web.repeat(2)), form_err),
            (query(0x0100, [1, 1, 0, 0], web), form_err),
            (query(0x0100, [1, 0, 0, 0], &web[..7]), form_err),
            (query(0x0100, [1, 0, 0, 0], b"\xc0\x0c\0\x01\0\x01"), form_err),
            (query(0x0100, [1, 0, 0, 1], web), form_err),
            (query(0x0100, [1, 0, 0, 2], &[web, OPT, OPT].concat()), form_err),
            (query(0x0100, [1, 0, 0, 1], &[&web[..], &OPT[..9], b"\0\x05"].concat()), form_err),
        ] {
            assert_eq!(Asked::parse(&message, Transport::Udp).err(), Some(reject), "{message:?}");
        }
    }
}
