//! The users' companions, as long as they are there, and what they were asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::companion_answer::Answer;
use hawser_ipc::proto::companion_request::Request;
use hawser_ipc::proto::{Access, CompanionAnswer, CompanionRequest, CredentialRequest};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::limits;

/// One companion a user.
pub struct Companions {
    present: Mutex<HashMap<u32, mpsc::Sender<CompanionRequest>>>,
    open: Mutex<HashMap<u64, Open>>,
    next: AtomicU64,
    /// Counts companions that came and logins that were made.
    arrivals: watch::Sender<u64>,
}

/// A question without an answer yet.
struct Open {
    owner: u32,
    reply: oneshot::Sender<Answer>,
}

/// Takes a question away with whoever asked it.
struct Forget<'a> {
    open: &'a Mutex<HashMap<u64, Open>>,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.open.lock().remove(&self.id);
    }
}

impl Default for Companions {
    fn default() -> Self {
        Self {
            present: Mutex::default(),
            open: Mutex::default(),
            next: AtomicU64::new(1),
            arrivals: watch::Sender::new(0),
        }
    }
}

impl Companions {
    /// A companion of this user is there from now on, in place of any other.
    pub fn arrive(&self, owner: u32) -> mpsc::Receiver<CompanionRequest> {
        let (sender, requests) = mpsc::channel(limits::COMPANION_REQUESTS);
        self.present.lock().insert(owner, sender);
        self.logged_in();
        requests
    }

    /// What a companion of this user says.
    pub fn answer(&self, owner: u32, answer: CompanionAnswer) {
        let Some(content) = answer.answer else { return };
        let mut open = self.open.lock();
        if open.get(&answer.id).is_some_and(|open| open.owner == owner)
            && let Some(open) = open.remove(&answer.id)
        {
            let _ = open.reply.send(content);
        }
    }

    /// Somebody has logged in: what waits for that may try again.
    pub fn logged_in(&self) {
        self.arrivals.send_modify(|count| *count += 1);
    }

    /// Fires at each arrival and each login.
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }

    /// Asks a user's companion who the user is to a cluster.
    ///
    /// # Errors
    /// `login-required` if no companion is there or none answers; else what the companion says.
    pub async fn ask(&self, owner: u32, connection: &str, profile: &str) -> Result<Access, Fault> {
        let content = CredentialRequest { connection: connection.to_owned(), profile: profile.to_owned() };
        self.answer_to(owner, Request::Credential(content)).await
    }

    /// Asks a user's companion where a cluster is by now and how it is asked; without a credential. `None` if that is not said at once.
    pub async fn server(&self, owner: u32, connection: &str, profile: &str) -> Option<Access> {
        let content = CredentialRequest { connection: connection.to_owned(), profile: profile.to_owned() };
        timeout(limits::KUBECONFIG_LOOK, self.answer_to(owner, Request::Server(content))).await.ok()?.ok()
    }

    async fn answer_to(&self, owner: u32, request: Request) -> Result<Access, Fault> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let request = CompanionRequest { id, request: Some(request) };
        let absent = |detail: &str| Fault::new(Code::LoginRequired, detail);
        let sender = timeout(limits::COMPANION_ARRIVES, self.companion_of(owner)).await;
        let sender = sender.map_err(|_| absent("your companion process, which asks the kubeconfig, is not running"))?;
        let (reply, answered) = oneshot::channel();
        self.open.lock().insert(id, Open { owner, reply });
        let _forget = Forget { open: &self.open, id };
        let asked = async {
            sender.send(request).await.map_err(|_| absent("your companion process has just ended"))?;
            tokio::select! {
                // A companion may answer and end at once.
                biased;
                answer = answered => answer.map_err(|_| absent("your companion process was replaced")),
                () = sender.closed() => Err(absent("your companion process ended instead of answering")),
            }
        };
        let outcome = timeout(limits::COMPANION_TIME, asked).await;
        match outcome {
            Err(_) => Err(absent("your companion process does not answer")),
            Ok(Err(fault)) => Err(fault),
            Ok(Ok(Answer::Fault(fault))) => Err(fault.into()),
            Ok(Ok(Answer::Access(access))) => Ok(access),
            Ok(Ok(Answer::Mount(_))) => Err(absent("your companion process answers something else")),
        }
    }

    /// The user's companion, as soon as it is there: whoever has just started it can be faster than it is.
    async fn companion_of(&self, owner: u32) -> mpsc::Sender<CompanionRequest> {
        let mut arrivals = self.arrivals();
        loop {
            let sender = self.present.lock().get(&owner).filter(|sender| !sender.is_closed()).cloned();
            if let Some(sender) = sender {
                return sender;
            }
            // The sender of arrivals lives as long as this does.
            let _ = arrivals.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: u64) -> CompanionAnswer {
        let access = Access { server: "https://a".to_owned(), ..Access::default() };
        CompanionAnswer { id, answer: Some(Answer::Access(access)) }
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_user_s_own_companion_answers() {
        let companions = Companions::default();
        let fault = companions.ask(1000, "shop", "{}").await.unwrap_err();
        assert_eq!(fault.code, Code::LoginRequired);

        let (asked, ()) = tokio::join!(companions.ask(1000, "shop", "{}"), async {
            tokio::time::sleep(limits::COMPANION_ARRIVES / 2).await;
            let mut requests = companions.arrive(1000);
            let request = requests.recv().await.unwrap();
            companions.answer(1001, answer(request.id));
            companions.answer(1000, answer(request.id + 7));
            assert_eq!(companions.open.lock().len(), 1);
            companions.answer(1000, answer(request.id));
        });
        assert_eq!(asked.unwrap().server, "https://a");
        assert!(companions.open.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_companion_that_is_silent_or_dies_is_no_answer() {
        let companions = Companions::default();
        drop(companions.arrive(1000));
        let fault = companions.ask(1000, "shop", "{}").await.unwrap_err();
        assert!(fault.detail.contains("is not running"), "{fault}");
        let requests = companions.arrive(1000);
        let fault = companions.ask(1000, "shop", "{}").await.unwrap_err();
        assert!(fault.detail.contains("does not answer"), "{fault}");
        let (asked, ()) = tokio::join!(companions.ask(1000, "shop", "{}"), async { drop(requests) });
        assert_eq!(asked.unwrap_err().code, Code::LoginRequired);
        assert!(companions.open.lock().is_empty());
    }
}
