//! The core between a laptop's TCP/IP stack and a manager, all in memory and in virtual time.

mod datagrams;
mod links;
mod streams;
mod world;
