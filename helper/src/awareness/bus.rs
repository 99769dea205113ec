//! The system's message bus: logind's word that the computer wakes, and systemd-resolved's coming and going.

use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep_until};
use zbus::{MatchRule, MessageStream, message};

use crate::limits;
use crate::resolver::Bus;

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The computer has woken up (org.freedesktop.login1(5), `PrepareForSleep`).
    Woke,
    /// systemd-resolved has come, or come anew.
    ResolvedCame,
    /// systemd-resolved has been gone for longer than it takes to start anew.
    ResolvedWent,
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
    let mut believed_gone: Option<Instant> = None;
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
                    believed_gone = owner.is_empty().then(|| Instant::now() + limits::RESOLVED_RESTARTS);
                    if !owner.is_empty() { heard(Event::ResolvedCame) }
                }
                None => return Ok(()),
            },
            () = sleep_until(believed_gone.unwrap_or_else(Instant::now)), if believed_gone.is_some() => {
                believed_gone = None;
                heard(Event::ResolvedWent);
            }
        }
    }
}
