//! Everything that reads what a stranger wrote, behind one signature.

/// One parser with all that follows from what it accepts.
pub struct Target {
    /// Names the target's folder of the corpus.
    pub name: &'static str,
    /// Panics if a promise is broken.
    pub run: fn(&[u8]),
}

/// Packets from the laptop's kernel.
pub const PACKETS: Target = Target { name: "packets", run: hawser_vif::fuzz::fuzz };
/// Frames from the other end of a link.
pub const FRAMES: Target = Target { name: "frames", run: hawser_tunnel::fuzz::fuzz };
/// DNS messages from programs and from servers.
pub const MESSAGES: Target = Target { name: "messages", run: hawser_dns::fuzz::fuzz };

/// All targets.
pub const TARGETS: [Target; 3] = [PACKETS, FRAMES, MESSAGES];
