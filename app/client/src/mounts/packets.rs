//! What passes between sshfs and the server (draft-ietf-secsh-filexfer-02, section 3): packets, each a length in four bytes, a
//! type, and mostly a number that ties an answer to its request. Only the answers about links are changed.

use std::collections::HashMap;
use std::io;

use parking_lot::Mutex;

use super::{limits, links};

const READ_LINK: u8 = 19;
const NAME: u8 = 104;

/// One stream of packets, as it comes in pieces.
#[derive(Default)]
pub(super) struct Packets(Vec<u8>);

impl Packets {
    /// Takes in a piece, and hands out every packet that is whole, without its length.
    pub(super) fn take(&mut self, piece: &[u8], mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.0.extend_from_slice(piece);
        let mut begin = 0;
        while let Some(length) = self.0.get(begin..begin + 4).and_then(number) {
            if length > limits::PACKET {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let end = begin + 4 + length;
            let Some(packet) = self.0.get(begin + 4..end) else { break };
            each(packet)?;
            begin = end;
        }
        self.0.drain(..begin);
        Ok(())
    }
}

/// The links that were asked for and not answered yet: the paths by the requests' numbers.
#[derive(Default)]
pub(super) struct Asked(Mutex<HashMap<[u8; 4], Vec<u8>>>);

impl Asked {
    /// Notes a request.
    pub(super) fn request(&self, packet: &[u8]) -> io::Result<()> {
        if packet.first() == Some(&READ_LINK) {
            let (id, rest) = id(packet)?;
            let (path, _) = string(rest)?;
            let mut asked = self.0.lock();
            if asked.len() >= limits::LINKS {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            asked.insert(id, path.to_vec());
        }
        Ok(())
    }

    /// Adds an answer to `out` as sshfs is to see it, with its length.
    pub(super) fn answer(&self, packet: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let kind = *packet.first().ok_or(io::ErrorKind::InvalidData)?;
        let link = packet.get(1..5).and_then(|id| self.0.lock().remove(id));
        match link {
            Some(link) if kind == NAME => {
                let (id, rest) = id(packet)?;
                let rest = rest.get(4..).ok_or(io::ErrorKind::InvalidData)?;
                let (target, _) = string(rest)?;
                let shown = links::contained(&link, target);
                // One name, without a long form and without attributes.
                let mut changed = vec![NAME];
                changed.extend_from_slice(&id);
                changed.extend_from_slice(&1_u32.to_be_bytes());
                push(&shown, &mut changed)?;
                push(b"", &mut changed)?;
                changed.extend_from_slice(&0_u32.to_be_bytes());
                push(&changed, out)
            }
            _ => push(packet, out),
        }
    }
}

fn id(packet: &[u8]) -> io::Result<([u8; 4], &[u8])> {
    let (id, rest) = packet.get(1..).and_then(|rest| rest.split_first_chunk()).ok_or(io::ErrorKind::InvalidData)?;
    Ok((*id, rest))
}

fn string(bytes: &[u8]) -> io::Result<(&[u8], &[u8])> {
    let length = bytes.get(..4).and_then(number).ok_or(io::ErrorKind::InvalidData)?;
    bytes[4..].split_at_checked(length).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn number(bytes: &[u8]) -> Option<usize> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?) as usize)
}

/// Adds bytes after their length.
fn push(bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_link(id: u32, path: &[u8]) -> Vec<u8> {
        let mut packet = vec![READ_LINK];
        packet.extend_from_slice(&id.to_be_bytes());
        push(path, &mut packet).unwrap();
        packet
    }

    fn name(id: u32, target: &[u8]) -> Vec<u8> {
        let mut packet = vec![NAME];
        packet.extend_from_slice(&id.to_be_bytes());
        packet.extend_from_slice(&1_u32.to_be_bytes());
        push(target, &mut packet).unwrap();
        push(b"", &mut packet).unwrap();
        packet.extend_from_slice(&0_u32.to_be_bytes());
        packet
    }

    fn framed(packet: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push(packet, &mut out).unwrap();
        out
    }

    #[test]
    fn only_the_answer_about_a_link_is_changed() {
        let asked = Asked::default();
        asked.request(&read_link(7, b"/data/link")).unwrap();
        let answers = |packet: &[u8]| {
            let mut out = Vec::new();
            asked.answer(packet, &mut out).unwrap();
            out
        };
        assert_eq!(answers(&name(8, b"/etc/passwd")), framed(&name(8, b"/etc/passwd")), "of a folder's listing");
        assert_eq!(answers(&name(7, b"/etc/passwd")), framed(&name(7, b"../etc/passwd")));
        assert_eq!(answers(&name(7, b"/etc/passwd")), framed(&name(7, b"/etc/passwd")), "it was answered already");
    }

    #[test]
    fn packets_come_in_pieces() {
        let bytes: Vec<u8> = [&b"one"[..], b"", b"three"].iter().flat_map(|packet| framed(packet)).collect();
        for size in 1..bytes.len() {
            let (mut packets, mut seen) = (Packets::default(), Vec::new());
            for piece in bytes.chunks(size) {
                let keep = |packet: &[u8]| {
                    seen.push(packet.to_vec());
                    Ok(())
                };
                packets.take(piece, keep).unwrap();
            }
            assert_eq!(seen, [&b"one"[..], b"", b"three"]);
        }
    }

    #[test]
    fn what_is_no_sftp_ends_it() {
        assert!(Packets::default().take(&[0xff; 4], |_| Ok(())).is_err());
        let asked = Asked::default();
        assert!(asked.answer(b"", &mut Vec::new()).is_err());
        assert!(asked.request(&[READ_LINK, 0, 0]).is_err());
        asked.request(&read_link(1, b"/a")).unwrap();
        assert!(asked.answer(&[NAME, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0, 0, 0], &mut Vec::new()).is_err());
    }
}
