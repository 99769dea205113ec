//! Frames from the other end of a link.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (hawser_fuzz::FRAMES.run)(data));
