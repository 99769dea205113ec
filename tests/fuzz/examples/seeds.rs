//! Writes the first files of the corpus: well-formed inputs of every kind, from which a fuzzer goes on.

#[path = "seeds/frames.rs"]
mod frames;
#[path = "seeds/messages.rs"]
mod messages;
#[path = "seeds/packets.rs"]
mod packets;

use std::fs;
use std::io;
use std::path::Path;

/// A file's name and its bytes.
type Seed = (&'static str, Vec<u8>);

fn main() -> io::Result<()> {
    for (target, seeds) in [("packets", packets::all()), ("frames", frames::all()), ("messages", messages::all())] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in seeds {
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}
