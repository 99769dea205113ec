//! The system's message bus: logind's word that the computer wakes, and systemd-resolved's coming.

use futures_util::StreamExt as _;
use zbus::{MatchRule, MessageStream, message};

use crate::resolver::Bus;

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The computer has woken up (org.freedesktop.login1(5), `PrepareForSleep`).
    Woke,
    /// systemd-resolved has come, or come anew.
    ResolvedCame,
}

/// Hears until the bus is gone.
pub async fn follow(bus: &Bus, mut heard: impl FnMut(Event)) -> zbus::Result<()> {
    let bus = bus.connect().await?;
    let signal = || MatchRule::builder().msg_type(message::Type::Signal);
    let sleeping = signal().interface("org.freedesktop.login1.Manager")?.member("PrepareForSleep")?.build();
    let owners = signal()
        .interface("org.freedesktop.DBus")?
        .member("NameOwnerChanged")?
        .arg(0, "org.freedesktop.resolve1")?
        .build();
    let mut sleeping = MessageStream::for_match_rule(sleeping, &bus, None).await?;
    let mut owners = MessageStream::for_match_rule(owners, &bus, None).await?;
    loop {
        tokio::select! {
            message = sleeping.next() => match message {
                Some(message) => if let Ok(false) = message?.body().deserialize::<bool>() { heard(Event::Woke) },
                None => return Ok(()),
            },
            message = owners.next() => match message {
                Some(message) => {
                    let message = message?;
                    let body = message.body();
                    let (_, _, owner): (&str, &str, &str) = body.deserialize()?;
                    if !owner.is_empty() { heard(Event::ResolvedCame) }
                }
                None => return Ok(()),
            },
        }
    }
}
