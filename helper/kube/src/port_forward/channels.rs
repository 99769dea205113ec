//! `v4.channel.k8s.io`: each message begins with the number of a channel, 0 for data, 1 for the far end's error. The first
//! message of each channel from the server is the port, in two bytes. Sans-IO.

use std::io;

use tokio::io::ReadBuf;

use super::{broken, far_error};
use crate::limits;

/// The sub-protocol to ask for.
pub const PROTOCOL: &str = "v4.channel.k8s.io";
/// What comes before data in a message.
pub const HEAD: [u8; 1] = [DATA];

const DATA: u8 = 0;
const ERROR: u8 = 1;
/// Bytes of the port at the beginning of each channel.
const PORT: u8 = 2;

/// What is known of the messages that arrive.
pub struct Channels {
    /// The present message's; `None` before its byte was read.
    channel: Option<u8>,
    /// What is left of the port, by channel.
    ports: [u8; 2],
    said: Vec<u8>,
}

impl Default for Channels {
    fn default() -> Self {
        Self { channel: None, ports: [PORT; 2], said: Vec::new() }
    }
}

impl Channels {
    /// A new message begins.
    pub fn begin(&mut self) {
        self.channel = None;
    }

    /// Uses up as much of `chunk` as it can; data goes to `target`. `ends`: it is the last of its message.
    pub fn take(&mut self, chunk: &[u8], ends: bool, target: &mut ReadBuf<'_>) -> io::Result<usize> {
        let Some(channel) = self.channel else {
            self.channel = Some(chunk[0]);
            return Ok(1);
        };
        match channel {
            DATA | ERROR if self.ports[usize::from(channel)] > 0 => {
                self.ports[usize::from(channel)] -= 1;
                Ok(1)
            }
            DATA => {
                let count = chunk.len().min(target.remaining());
                target.put_slice(&chunk[..count]);
                Ok(count)
            }
            ERROR => {
                let room = limits::SAID.saturating_sub(self.said.len());
                self.said.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if ends { Err(far_error(&self.said)) } else { Ok(chunk.len()) }
            }
            _ => Err(broken("it speaks on a channel that was not asked for")),
        }
    }

    /// What the far end said on the channel for errors.
    pub fn said(&self) -> &[u8] {
        &self.said
    }
}
