//! Packets from the laptop's kernel.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (hawser_fuzz::PACKETS.run)(data));
