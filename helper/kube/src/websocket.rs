//! WebSocket framing (RFC 6455, section 5), as much of it as a port-forward needs. Sans-IO.

/// What a frame is (section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whether the message ends with this frame.
    pub last: bool,
    pub opcode: Opcode,
    /// Bytes of payload that follow.
    pub length: u64,
}

/// Longest head with a mask.
pub const HEAD: usize = 14;

impl Opcode {
    fn parse(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn code(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    /// Close, ping and pong: short, and never in parts.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl Head {
    /// Reads a server's head. `Ok(None)` if more bytes are needed, else the head and its length.
    ///
    /// # Errors
    /// A sentence, if a server may not send this.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, &'static str> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err("it uses extensions that were not agreed on");
        }
        let opcode = Opcode::parse(first & 0x0f).ok_or("it sends an unknown kind of frame")?;
        if second & 0x80 != 0 {
            return Err("it masks its frames");
        }
        let (length, extra) = match second & 0x7f {
            126 => match rest.first_chunk::<2>() {
                Some(length) => (u16::from_be_bytes(*length).into(), 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk::<8>() {
                Some(length) => (u64::from_be_bytes(*length), 8),
                None => return Ok(None),
            },
            length => (length.into(), 0),
        };
        let last = first & 0x80 != 0;
        if opcode.is_control() && (!last || second & 0x7f > 125) {
            return Err("it sends a control frame that is too long or in parts");
        }
        Ok(Some((Self { last, opcode, length }, 2 + extra)))
    }
}

/// Appends a whole frame of a client. Its payload is that of all `parts`, one after the other.
pub fn encode(opcode: Opcode, parts: &[&[u8]], mask: [u8; 4], out: &mut Vec<u8>) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.push(0x80 | opcode.code());
    match length {
        0..126 => out.push(0x80 | length as u8),
        126..65_536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    let payload = out.len();
    parts.iter().for_each(|part| out.extend_from_slice(part));
    apply(mask, &mut out[payload..]);
}

/// Masks in place (section 5.3), eight bytes at a time.
fn apply(mask: [u8; 4], bytes: &mut [u8]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    rest.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns a client's frame into what a server would send: without a mask.
    fn unmasked(mut frame: Vec<u8>) -> Vec<u8> {
        let extra = match frame[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask: Vec<u8> = frame.splice(2 + extra..6 + extra, []).collect();
        frame[1] &= 0x7f;
        apply(mask.try_into().unwrap(), &mut frame[2 + extra..]);
        frame
    }

    #[test]
    fn frames_of_every_length_are_read_back() {
        for length in [0, 1, 7, 8, 125, 126, 127, 65_535, 65_536, 100_001] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let (one, two) = payload.split_at(length / 3);
            let mut frame = Vec::new();
            encode(Opcode::Binary, &[one, two], [1, 2, 3, 4], &mut frame);
            let frame = unmasked(frame);
            let (head, taken) = Head::parse(&frame).unwrap().unwrap();
            assert_eq!(head, Head { last: true, opcode: Opcode::Binary, length: length as u64 });
            assert_eq!(&frame[taken..], payload);
            for short in 0..taken {
                assert_eq!(Head::parse(&frame[..short]), Ok(None));
            }
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        let mut frame = Vec::new();
        encode(Opcode::Text, &[b"Hello"], [0x37, 0xfa, 0x21, 0x3d], &mut frame);
        assert_eq!(frame, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn what_a_server_may_not_send() {
        for bytes in [[0xc2, 0], [0x83, 0], [0x82, 0x80], [0x09, 0], [0x89, 126]] {
            let mut bytes = bytes.to_vec();
            bytes.extend([0; 8]);
            assert!(Head::parse(&bytes).is_err(), "{bytes:x?}");
        }
    }
}
