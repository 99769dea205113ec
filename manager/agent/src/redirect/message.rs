//! Netlink messages of nftables, and their answers.

/// NFT_MSG_*: what a message asks for.
pub const NEW_TABLE: u8 = 0;
pub const DELETE_TABLE: u8 = 2;
pub const NEW_CHAIN: u8 = 3;
pub const NEW_RULE: u8 = 6;

const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// NFPROTO_INET: IPv4 and IPv6.
const FAMILY: u8 = 1;
const UNSPECIFIED: u8 = 0;
/// NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE and NLM_F_APPEND.
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;
const HEADER: usize = 16;
/// NLMSG_ERROR, which an acknowledgement is too.
const ERROR: u16 = 2;

/// Messages that take effect together.
pub struct Batch(Vec<u8>);

impl Batch {
    /// A batch with nothing in it.
    pub fn new() -> Self {
        let mut batch = Self(Vec::new());
        batch.put(BATCH_BEGIN, REQUEST, UNSPECIFIED, SUBSYSTEM, &[]);
        batch
    }

    /// Adds a message with these attributes.
    pub fn add(&mut self, kind: u8, attributes: &[u8]) {
        let flags = match kind {
            DELETE_TABLE => 0,
            NEW_RULE => CREATE | APPEND,
            _ => CREATE,
        };
        self.put(SUBSYSTEM << 8 | u16::from(kind), REQUEST | ACK | flags, FAMILY, 0, attributes);
    }

    /// All its bytes.
    pub fn end(mut self) -> Vec<u8> {
        self.put(BATCH_END, REQUEST, UNSPECIFIED, SUBSYSTEM, &[]);
        self.0
    }

    fn put(&mut self, kind: u16, flags: u16, family: u8, resource: u16, attributes: &[u8]) {
        let length = HEADER + 4 + attributes.len();
        self.0.extend((length as u32).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(flags.to_ne_bytes());
        self.0.extend([0; 8]);
        self.0.extend([family, 0]);
        self.0.extend(resource.to_be_bytes());
        self.0.extend(attributes);
    }
}

/// How many messages of a batch are answered.
pub fn count(batch: &[u8]) -> usize {
    messages(batch).filter(|message| u16_at(message, 6) & ACK != 0).count()
}

/// The error numbers, negative as the kernel has them, of the answers in these bytes; zero for what went well.
pub fn errors(bytes: &[u8]) -> impl Iterator<Item = i32> {
    messages(bytes)
        .filter(|message| u16_at(message, 4) == ERROR)
        .filter_map(|message| Some(i32::from_ne_bytes(message.get(HEADER..HEADER + 4)?.try_into().ok()?)))
}

fn messages(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let message = rest.get(..length).filter(|message| message.len() >= HEADER)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

/// An attribute with these bytes, filled up to a multiple of four.
fn attribute(kind: u16, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend((4 + bytes.len() as u16).to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// An attribute that holds a number.
pub fn number(kind: u16, number: u32) -> Vec<u8> {
    attribute(kind, &number.to_be_bytes())
}

/// An attribute that holds a text.
pub fn text(kind: u16, text: &str) -> Vec<u8> {
    attribute(kind, &[text.as_bytes(), &[0]].concat())
}

/// An attribute that holds attributes.
pub fn nested(kind: u16, attributes: &[u8]) -> Vec<u8> {
    const NESTED: u16 = 1 << 15;
    attribute(kind | NESTED, attributes)
}

/// NFTA_DATA_VALUE: bytes that are compared with, or put into, a register.
pub fn value(bytes: &[u8]) -> Vec<u8> {
    attribute(1, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_but_the_borders_is_answered() {
        let mut batch = Batch::new();
        batch.add(NEW_TABLE, &text(1, "hawser"));
        batch.add(NEW_RULE, &number(1, 7));
        let bytes = batch.end();
        assert_eq!(count(&bytes), 2);
        assert_eq!(messages(&bytes).count(), 4);
    }

    #[test]
    fn an_answer_that_is_cut_is_none() {
        assert_eq!(errors(&[20, 0, 0, 0, 2, 0]).count(), 0);
        assert_eq!(errors(&[0; 16]).count(), 0);
    }
}
