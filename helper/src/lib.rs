//! hawser-helper
