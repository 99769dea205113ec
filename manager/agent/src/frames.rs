//! Frames of HTTP/2, as far as it takes to say something between two of them (RFC 9113, section 4.1).

/// A server's word that it takes no new requests on this connection; those that it has, whatever their number, it answers.
pub const GO_AWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Length of a frame's header.
const HEADER: usize = 9;

/// Where a stream of frames stands.
#[derive(Debug, Default)]
pub struct Frames {
    /// What is there of a header.
    header: Vec<u8>,
    /// Bytes that are missing of the payload.
    payload: usize,
    /// The last one has ended what it began: a block of header fields is not to be divided (RFC 9113, section 4.3).
    whole: bool,
}

/// Types of frames that carry header fields, and the flag of the last one (RFC 9113, sections 6.2, 6.6 and 6.10).
const HEADERS: u8 = 1;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

impl Frames {
    /// These bytes go by.
    pub fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.payload.min(bytes.len());
            self.payload -= skipped;
            bytes = &bytes[skipped..];
            let of_header = (HEADER - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(&bytes[..of_header]);
            bytes = &bytes[of_header..];
            if let [high, middle, low, kind, flags, ..] = self.header[..]
                && self.header.len() == HEADER
            {
                self.payload = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                self.header.clear();
                self.whole = !matches!(kind, HEADERS | PUSH_PROMISE | CONTINUATION) || flags & END_HEADERS != 0;
            }
        }
    }

    /// Whether a frame has ended and none has begun.
    pub fn is_between(&self) -> bool {
        self.whole && self.payload == 0 && self.header.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_header_fields_is_not_divided() {
        let mut frames = Frames::default();
        frames.pass(&[0, 0, 1, HEADERS, 0, 0, 0, 0, 1, 0x88]);
        assert!(!frames.is_between());
        frames.pass(&[0, 0, 0, CONTINUATION, END_HEADERS, 0, 0, 0, 1]);
        assert!(frames.is_between());
    }

    #[test]
    fn borders_are_found_however_bytes_come() {
        let stream = [&[0, 0, 0, 4, 0, 0, 0, 0, 0][..], &[0, 0, 3, 0, 0, 0, 0, 0, 1, 7, 7, 7], &GO_AWAY].concat();
        for size in 1..stream.len() {
            let mut frames = Frames::default();
            assert!(!frames.is_between(), "a server's settings come first");
            let mut borders = Vec::new();
            let mut passed = 0;
            for bytes in stream.chunks(size) {
                frames.pass(bytes);
                passed += bytes.len();
                if frames.is_between() {
                    borders.push(passed);
                }
            }
            let real: Vec<usize> = [9, 21, 38].into_iter().filter(|at| at % size == 0 || *at == 38).collect();
            assert_eq!(borders, real, "{size}");
        }
    }
}
