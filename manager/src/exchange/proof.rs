//! Proof that what clients ask for gets to the laptop: every way is tried as a client would, with a first message that the agents
//! were told of. They answer it themselves, so neither app nor handler gets any of it.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use futures_util::{StreamExt as _, stream};
use hawser_tunnel::identity::Pin;
use hawser_tunnel::proto::{AgentProof, ProveReply, Trial};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::{Carried, Exchange};
use crate::cluster::Cluster;
use crate::injection::Port;
use crate::limits;

mod verdict;

/// A way by which clients come to a port of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The service whose address it is; `None` for a pod's own.
    pub service: Option<String>,
    /// The pods that may answer there. A pod's own address has one.
    pub pods: Vec<Behind>,
    /// Where clients go, if there is such a place.
    pub address: Option<SocketAddr>,
    /// The app's port.
    pub port: Port,
}

/// A pod that may answer at a [`Door`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// It belongs to the workload and its agent stands before the port.
    pub guarded: bool,
}

/// A random message. Nobody can guess one.
type Nonce = [u8; 32];
/// An agent's answer: its nonce, and whether the laptop gets what comes.
type Answer = [u8; 33];

/// A door that is about to be tried.
struct Attempt {
    door: Door,
    ask: Nonce,
    /// What each pod's agent will answer, by the pod's uid.
    answers: HashMap<String, Nonce>,
}

/// How it went.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The pod with this uid has answered; `true` if it sends to the laptop.
    Answered(String, bool),
    /// There is no place to try.
    Nowhere,
    /// The agent of this pod stands before no such port, or there is none.
    Unguarded(String),
    /// The agent of this pod is not linked here.
    Unlinked(String),
    /// Nobody takes connections.
    Refused(std::io::Error),
    /// No answer in time.
    Silent,
    /// Somebody else has answered, or hung up.
    Stranger,
}

impl Exchange {
    /// Tries every way to the pods of this laptop's intercept with this uid.
    pub async fn prove(&self, laptop: Pin, uid: &str, cluster: &dyn Cluster) -> ProveReply {
        let Some(carried) = self.carried_of(laptop, uid) else { return ProveReply::default() };
        let Ok(_place) = self.proving.acquire().await else { return ProveReply::default() };
        let doors = match cluster.doors(&carried).await {
            Ok(doors) => doors,
            Err(fault) => return ProveReply { trials: vec![verdict::unknown(&fault)] },
        };
        let attempts = doors.into_iter().take(limits::TRIALS).map(Attempt::new).collect::<Option<Vec<_>>>();
        let Some(attempts) = attempts else { return ProveReply::default() };
        let posted = self.post(expected(&attempts, uid));
        let linked = self.heard(&posted).await;
        let trying = attempts.into_iter().map(|attempt| {
            let (carried, linked) = (&carried, &linked);
            async move {
                let outcome = attempt.outcome(linked).await;
                verdict::told(&attempt.door, outcome, carried)
            }
        });
        let trials: Vec<Trial> = stream::iter(trying).buffered(limits::TRIALS_AT_ONCE).collect().await;
        ProveReply { trials }
    }

    fn carried_of(&self, laptop: Pin, uid: &str) -> Option<Carried> {
        let state = self.state.lock();
        state.carried.values().find(|carried| carried.laptop == laptop && carried.uid == uid).cloned()
    }

    /// Tells the agents, for as long as the result is there.
    fn post(&self, expected: HashMap<String, Vec<AgentProof>>) -> Posted<'_> {
        let pods = expected.keys().cloned().collect();
        let number = {
            let mut state = self.state.lock();
            let number = state.link();
            state.proofs.insert(number, expected);
            number
        };
        self.tell();
        Posted { exchange: self, number, pods }
    }

    /// The uids of the pods whose agents know of it now. Those that say nothing in time don't count.
    async fn heard(&self, posted: &Posted<'_>) -> HashSet<String> {
        let mut changes = self.changes();
        let have = || -> HashSet<String> {
            let state = self.state.lock();
            let heard = |uid: &&String| state.agents.get(*uid).is_some_and(|agent| agent.heard >= posted.number);
            posted.pods.iter().filter(heard).cloned().collect()
        };
        let linked = || {
            let state = self.state.lock();
            posted.pods.iter().filter(|uid| state.agents.contains_key(*uid)).count()
        };
        let _ = timeout(limits::PROOF_HEARD, changes.wait_for(|()| have().len() == linked())).await;
        have()
    }
}

/// Messages that agents expect; no more when it is gone.
struct Posted<'a> {
    exchange: &'a Exchange,
    number: u64,
    pods: Vec<String>,
}

impl Drop for Posted<'_> {
    fn drop(&mut self) {
        self.exchange.state.lock().proofs.remove(&self.number);
        self.exchange.tell();
    }
}

/// What each pod's agent has to know.
fn expected(attempts: &[Attempt], intercept: &str) -> HashMap<String, Vec<AgentProof>> {
    let mut expected: HashMap<String, Vec<AgentProof>> = HashMap::new();
    for Attempt { door, ask, answers } in attempts {
        for (pod, answer) in answers {
            expected.entry(pod.clone()).or_default().push(AgentProof {
                ask: ask.to_vec(),
                answer: answer.to_vec(),
                intercept: intercept.to_owned(),
                port: door.port.number.into(),
                udp: door.port.udp,
            });
        }
    }
    expected
}

impl Attempt {
    /// `None` if the system has no random numbers.
    fn new(door: Door) -> Option<Self> {
        let guarded = door.pods.iter().filter(|pod| pod.guarded);
        let answers = guarded.map(|pod| Some((pod.uid.clone(), nonce()?))).collect::<Option<_>>()?;
        Some(Self { ask: nonce()?, answers, door })
    }

    /// Tries it, unless somebody might get the message who does not know what it is.
    async fn outcome(&self, linked: &HashSet<String>) -> Outcome {
        if let Some(pod) = self.door.pods.iter().find(|pod| !pod.guarded) {
            return Outcome::Unguarded(pod.name.clone());
        }
        if let Some(pod) = self.door.pods.iter().find(|pod| !linked.contains(&pod.uid)) {
            return Outcome::Unlinked(pod.name.clone());
        }
        let Some(address) = self.door.address.filter(|_| !self.door.pods.is_empty()) else { return Outcome::Nowhere };
        let asked = async {
            if self.door.port.udp { ask_by_udp(address, &self.ask).await } else { ask_by_tcp(address, &self.ask).await }
        };
        match timeout(limits::TRIAL, asked).await {
            Ok(Ok(answer)) => self.recognise(&answer),
            Ok(Err(outcome)) => outcome,
            Err(_) => Outcome::Silent,
        }
    }

    fn recognise(&self, answer: &Answer) -> Outcome {
        let of_it = |nonce: &&Nonce| answer.starts_with(nonce.as_slice());
        match self.answers.iter().find(|(_, nonce)| of_it(nonce)) {
            Some((pod, _)) => Outcome::Answered(pod.clone(), answer[32] == 1),
            None => Outcome::Stranger,
        }
    }
}

async fn ask_by_tcp(address: SocketAddr, ask: &Nonce) -> Result<Answer, Outcome> {
    let mut stream = TcpStream::connect(address).await.map_err(Outcome::Refused)?;
    let mut answer = [0; 33];
    // Whoever hangs up instead of answering has taken the connection first.
    let exchanged = async {
        stream.write_all(ask).await?;
        stream.read_exact(&mut answer).await
    };
    exchanged.await.map_err(|_| Outcome::Stranger)?;
    Ok(answer)
}

async fn ask_by_udp(address: SocketAddr, ask: &Nonce) -> Result<Answer, Outcome> {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await.map_err(Outcome::Refused)?;
    socket.connect(address).await.map_err(Outcome::Refused)?;
    socket.send(ask).await.map_err(Outcome::Refused)?;
    let mut answer = [0; 34];
    match socket.recv(&mut answer).await {
        Ok(33) => answer[..33].try_into().map_err(|_| Outcome::Stranger),
        Ok(_) => Err(Outcome::Stranger),
        Err(error) => Err(Outcome::Refused(error)),
    }
}

fn nonce() -> Option<Nonce> {
    let mut nonce = [0; 32];
    SystemRandom::new().fill(&mut nonce).ok()?;
    Some(nonce)
}

#[cfg(test)]
mod tests;
