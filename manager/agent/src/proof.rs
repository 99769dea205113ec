//! Connections and datagrams that managers make to see whether clients get here: known by a first message that was told of
//! beforehand, and answered here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hawser_tunnel::proto::AgentProof;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::board::Board;
use crate::limits;

/// Length of the first message.
pub const ASK: usize = 32;

/// What is about to come. Each message is known once, and for a few seconds.
pub struct Proofs {
    expected: Mutex<HashMap<Vec<u8>, Expected>>,
    changes: watch::Sender<()>,
    sifting: Arc<Semaphore>,
}

struct Expected {
    proof: AgentProof,
    /// The manager that says so.
    manager: String,
    until: Instant,
    used: bool,
}

impl Default for Proofs {
    fn default() -> Self {
        let sifting = Arc::new(Semaphore::new(limits::SIFTED));
        Self { expected: Mutex::default(), changes: watch::Sender::default(), sifting }
    }
}

impl Proofs {
    /// What this manager is about to send, in place of what it said before. One that was known keeps its time.
    pub fn post(&self, manager: &str, proofs: Vec<AgentProof>) {
        {
            let mut expected = self.expected.lock();
            expected.retain(|ask, known| known.manager != manager || proofs.iter().any(|proof| proof.ask == *ask));
            for proof in proofs {
                if proof.ask.len() == ASK && expected.len() < limits::PROOFS {
                    let until = Instant::now() + limits::PROOF_LIFE;
                    let new = Expected { proof: proof.clone(), manager: manager.to_owned(), until, used: false };
                    expected.entry(proof.ask).or_insert(new);
                }
            }
        }
        self.changes.send_replace(());
    }

    /// Whether anything is about to come to this port of the app.
    pub fn expects(&self, port: u16, udp: bool) -> bool {
        self.expected.lock().values().any(|expected| expected.is_for(port, udp))
    }

    /// The proof of this first message, which is none from then on.
    pub fn take(&self, port: u16, udp: bool, ask: &[u8]) -> Option<AgentProof> {
        let mut expected = self.expected.lock();
        let found = expected.get_mut(ask).filter(|expected| expected.is_for(port, udp))?;
        found.used = true;
        Some(found.proof.clone())
    }

    /// Whether these bytes may become such a message.
    fn may_be(&self, port: u16, first: &[u8]) -> bool {
        let expected = self.expected.lock();
        expected.iter().any(|(ask, expected)| expected.is_for(port, false) && ask.starts_with(first))
    }
}

impl Expected {
    fn is_for(&self, port: u16, udp: bool) -> bool {
        let Self { proof, until, used, .. } = self;
        !used && *until > Instant::now() && proof.port == u32::from(port) && proof.udp == udp
    }
}

/// Answers a manager's connection to this port of the app, and gives every other one back as it came. It waits for first bytes
/// while a manager's are about to come; a client that speaks is known by its first byte, almost always.
pub async fn sift(client: TcpStream, port: u16, board: &Board) -> Option<TcpStream> {
    let proofs = &board.proofs;
    // Whoever finds no room is no manager: it would not come to one port so often.
    let Ok(_place) = proofs.sifting.clone().try_acquire_owned() else { return Some(client) };
    let mut changes = proofs.changes.subscribe();
    let looking = async {
        let mut first = [0; ASK];
        loop {
            let length = tokio::select! {
                length = client.peek(&mut first) => length.ok()?,
                _ = changes.changed() => if proofs.expects(port, false) { continue } else { return None },
            };
            if length == 0 || !proofs.may_be(port, &first[..length]) {
                return None;
            }
            if length == ASK {
                return proofs.take(port, false, &first);
            }
            sleep(Duration::from_millis(1)).await;
        }
    };
    match timeout(limits::SIFT, looking).await {
        Ok(Some(proof)) => {
            let _ = timeout(limits::SIFT, reply(client, &answer(&proof, board))).await;
            None
        }
        Ok(None) | Err(_) => Some(client),
    }
}

/// What the manager gets: its agent's word, and whether what comes goes to the laptop.
pub fn answer(proof: &AgentProof, board: &Board) -> Vec<u8> {
    let port = u16::try_from(proof.port).unwrap_or_default();
    let mut answer = proof.answer.clone();
    answer.push(u8::from(board.leads_to_laptop(&proof.intercept, port, proof.udp)));
    answer
}

async fn reply(mut client: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    // What is left unread would make a reset of the end.
    client.read_exact(&mut [0; ASK]).await?;
    client.write_all(answer).await?;
    client.shutdown().await
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const MANAGER: &str = "10.0.0.1:7301";

    fn proof(ask: u8, port: u32) -> AgentProof {
        AgentProof { ask: vec![ask; ASK], answer: vec![9; 32], intercept: "a".to_owned(), port, udp: false }
    }

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    #[test]
    fn a_message_is_known_once_and_for_its_port() {
        let proofs = Proofs::default();
        assert!(!proofs.expects(8080, false));
        proofs.post(MANAGER, vec![proof(1, 8080)]);
        assert!(proofs.expects(8080, false) && !proofs.expects(8080, true) && !proofs.expects(8081, false));
        assert_eq!(proofs.take(8081, false, &[1; ASK]), None);
        assert_eq!(proofs.take(8080, false, &[2; ASK]), None);
        assert_eq!(proofs.take(8080, false, &[1; ASK]), Some(proof(1, 8080)));
        proofs.post(MANAGER, vec![proof(1, 8080)]);
        assert_eq!(proofs.take(8080, false, &[1; ASK]), None, "said again is not asked again");
    }

    #[test]
    fn a_manager_takes_back_its_own() {
        let proofs = Proofs::default();
        proofs.post(MANAGER, vec![proof(1, 8080)]);
        proofs.post("10.0.0.2:7301", vec![proof(2, 8080)]);
        proofs.post(MANAGER, Vec::new());
        assert_eq!(proofs.take(8080, false, &[1; ASK]), None);
        assert!(proofs.take(8080, false, &[2; ASK]).is_some());
        proofs.post(MANAGER, vec![AgentProof { ask: vec![1], ..proof(1, 8080) }]);
        assert!(!proofs.expects(8080, false), "a short one is none");
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_known_for_a_while() {
        let proofs = Proofs::default();
        proofs.post(MANAGER, vec![proof(1, 8080)]);
        tokio::time::advance(limits::PROOF_LIFE).await;
        assert_eq!(proofs.take(8080, false, &[1; ASK]), None);
    }

    #[tokio::test]
    async fn a_manager_is_answered_even_if_its_message_comes_in_pieces() {
        let board = Board::default();
        board.proofs.post(MANAGER, vec![proof(1, 8080)]);
        let (mut manager, accepted) = pair().await;
        let asking = async {
            manager.write_all(&[1; 20]).await.unwrap();
            sleep(Duration::from_millis(20)).await;
            manager.write_all(&[1; 12]).await.unwrap();
            let mut answer = Vec::new();
            manager.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let (given_back, answer) = tokio::join!(sift(accepted, 8080, &board), asking);
        assert!(given_back.is_none());
        assert_eq!(answer, [vec![9; 32], vec![0]].concat(), "nothing leads to a laptop here");
    }

    #[tokio::test]
    async fn a_client_that_says_something_else_is_given_back_whole_and_at_once() {
        let board = Board::default();
        board.proofs.post(MANAGER, vec![proof(1, 8080)]);
        let mut message = vec![1; ASK - 1];
        message.push(2);
        for first in [b"GET / HTTP/1.1\r\n".to_vec(), message, Vec::new()] {
            let (mut client, accepted) = pair().await;
            client.write_all(&first).await.unwrap();
            client.shutdown().await.unwrap();
            let mut given_back = timeout(limits::SIFT / 2, sift(accepted, 8080, &board)).await.unwrap().unwrap();
            let mut got = Vec::new();
            given_back.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, first);
        }
        assert!(board.proofs.expects(8080, false));
    }

    #[tokio::test]
    async fn a_client_that_listens_first_waits_no_longer_than_the_proof_goes_on() {
        let board = Board::default();
        board.proofs.post(MANAGER, vec![proof(1, 8080)]);
        let (_client, accepted) = pair().await;
        let began = Instant::now();
        let (given_back, ()) = tokio::join!(sift(accepted, 8080, &board), async {
            sleep(Duration::from_millis(10)).await;
            board.proofs.post(MANAGER, Vec::new());
        });
        assert!(given_back.is_some() && began.elapsed() < limits::SIFT);
        board.proofs.post(MANAGER, vec![proof(1, 8080)]);
        let (_client, accepted) = pair().await;
        assert!(sift(accepted, 8080, &board).await.is_some(), "and not for ever");
    }
}
