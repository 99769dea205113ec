//! hawser-manager
