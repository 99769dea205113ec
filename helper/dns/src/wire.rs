//! Bytes of a DNS message: header fields and names (RFC 1035 section 4, RFC 6891).
//!
//! Nothing here trusts a length or a pointer; what doesn't fit is `None`.

use std::fmt::Write;

pub(crate) const HEADER: usize = 12;
/// Longest name, root label included (RFC 1035 section 2.3.4).
pub(crate) const NAME: usize = 255;
/// Longest question: name, type and class.
pub(crate) const QUESTION: usize = NAME + 4;
/// More labels than this don't fit into a name, so no honest name needs more pointers.
const POINTERS: usize = 127;

pub(crate) mod flag {
    pub(crate) const RESPONSE: u16 = 0x8000;
    pub(crate) const OPCODE: u16 = 0x7800;
    pub(crate) const TRUNCATED: u16 = 0x0200;
    pub(crate) const RECURSION_DESIRED: u16 = 0x0100;
    pub(crate) const RECURSION_AVAILABLE: u16 = 0x0080;
    pub(crate) const AUTHENTIC: u16 = 0x0020;
    pub(crate) const CHECKING_DISABLED: u16 = 0x0010;
    pub(crate) const RCODE: u16 = 0x000f;
}

pub(crate) mod rcode {
    pub(crate) const NO_ERROR: u8 = 0;
    pub(crate) const FORM_ERR: u8 = 1;
    pub(crate) const SERV_FAIL: u8 = 2;
    pub(crate) const NX_DOMAIN: u8 = 3;
    pub(crate) const NOT_IMP: u8 = 4;
    pub(crate) const REFUSED: u8 = 5;
}

pub(crate) mod kind {
    pub(crate) const A: u16 = 1;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const OPT: u16 = 41;
    pub(crate) const TKEY: u16 = 249;
    pub(crate) const AXFR: u16 = 252;
    pub(crate) const ANY: u16 = 255;
}

pub(crate) const CLASS_IN: u16 = 1;

pub(crate) fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    message.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

pub(crate) fn u32_at(message: &[u8], at: usize) -> Option<u32> {
    message.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

pub(crate) fn put_u16(message: &mut [u8], at: usize, value: u16) {
    message[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Where the name that starts at `start` ends, if it is one without pointers.
pub(crate) fn plain_name_end(message: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let label = *message.get(at)?;
        if label > 63 {
            return None;
        }
        at += 1 + usize::from(label);
        if at - start > NAME {
            return None;
        }
        if label == 0 {
            return Some(at);
        }
    }
}

/// Where the name that starts at `start` ends. Its pointers are followed, so that none that loops is passed on.
pub(crate) fn name_end(message: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut run, mut end) = (start, start, None);
    let (mut length, mut pointers) = (1, 0);
    loop {
        let label = *message.get(at)?;
        match label {
            0 => return Some(end.unwrap_or(at + 1)),
            1..=63 => {
                length += 1 + usize::from(label);
                at += 1 + usize::from(label);
            }
            0xc0.. => {
                let target = usize::from(u16_at(message, at)? & 0x3fff);
                pointers += 1;
                if target >= run || target < HEADER || pointers > POINTERS {
                    return None;
                }
                end.get_or_insert(at + 2);
                (at, run) = (target, target);
            }
            _ => return None,
        }
        if length > NAME {
            return None;
        }
    }
}

/// The labels of a name without pointers, from the left, each with the rest of the name that begins with it.
pub(crate) fn suffixes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let label = usize::from(*rest.first()?);
        let this = rest;
        rest = rest.get(1 + label..).unwrap_or_default();
        (label != 0).then_some(this)
    })
}

/// A name as people write it, without the last dot; bytes that would confuse a reader become `\DDD` (RFC 4343).
pub(crate) fn display(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for suffix in suffixes(name) {
        if !text.is_empty() {
            text.push('.');
        }
        for &byte in &suffix[1..=usize::from(suffix[0]).min(suffix.len() - 1)] {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
                0x21..=0x7e => text.push(char::from(byte)),
                _ => write!(text, "\\{byte:03}").expect("writing to a String cannot fail"),
            }
        }
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_twelve(name: &[u8]) -> Vec<u8> {
        [&[0; HEADER], name].concat()
    }

    #[test]
    fn names_end_where_they_should() {
        let longest: Vec<u8> = [[&[62][..], &[b'a'; 62]].concat().repeat(4), vec![1, b'a', 0]].concat();
        assert_eq!(longest.len(), NAME);
        let too_long: Vec<u8> = [[&[62][..], &[b'a'; 62]].concat().repeat(4), vec![2, b'a', b'a', 0]].concat();
        for (name, plain, followed) in [
            (&b"\0"[..], Some(13), Some(13)),
            (b"\x03web\0rest", Some(17), Some(17)),
            (&longest, Some(HEADER + NAME), Some(HEADER + NAME)),
            (&too_long, None, None),
            (b"\x03we", None, None),
            (b"", None, None),
            (b"\x40abc\0", None, None),
            (b"\x80abc\0", None, None),
            (b"\xc0\x0c", None, None),
            (b"\xc0\xff", None, None),
            (b"\xc0\x0e\0", None, None),
            (b"\xc0", None, None),
            (b"\xc0\x00", None, None),
        ] {
            let message = at_twelve(name);
            assert_eq!(plain_name_end(&message, HEADER), plain, "{name:?}");
            assert_eq!(name_end(&message, HEADER), followed, "{name:?}");
        }
    }

    #[test]
    fn pointers_only_lead_back() {
        let message = at_twelve(b"\x03web\0\x03www\xc0\x0c\xc0\x11\xc0\x17\x01a\xc0\x19");
        assert_eq!(name_end(&message, 17), Some(23), "www.web");
        assert_eq!(name_end(&message, 23), Some(25), "a pointer to a pointer");
        assert_eq!(name_end(&message, 25), Some(27), "a pointer to a pointer to a pointer");
        assert_eq!(name_end(&message, 27), Some(31), "a label, then pointers");
        let looped = at_twelve(b"\x01a\xc0\x0c");
        assert_eq!(name_end(&looped, HEADER), None, "a name that contains itself");
        let mut chain = at_twelve(b"\0\0");
        for at in (HEADER..).step_by(2).take(200) {
            chain.extend(0xc000_u16.wrapping_add(at as u16).to_be_bytes());
        }
        assert!(name_end(&chain, HEADER + 2 * 100).is_some());
        assert_eq!(name_end(&chain, HEADER + 2 * 190), None, "longer than any name needs");
    }

    #[test]
    fn names_read_well() {
        for (name, text) in [
            (&b"\0"[..], "."),
            (b"\x03web\x04shop\0", "web.shop"),
            (b"\x03a.b\x02c\\\0", "a\\.b.c\\\\"),
            (b"\x02\xff \0", "\\255\\032"),
        ] {
            assert_eq!(display(name), text);
        }
    }
}
