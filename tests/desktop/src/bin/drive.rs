//! What a test does on the laptop of a world.

fn main() {}
