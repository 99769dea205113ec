//! Logging in: the companion runs the kubeconfig's plugin once more, with all the time that a person needs in a browser. One that
//! only works at a terminal says so, with the command. And what is kept of logins: looked at, forgotten, unlocked.

use hawser_client::companion;
use hawser_client::kubeconfig::Context;
use hawser_fault::{Code, Fault};
use hawser_ipc::from_status;
use hawser_ipc::proto::LoggedInRequest;

use super::connect::cluster;
use super::{Begun, later};
use crate::controller::Controller;
use crate::desk::Desk;
use crate::facts::Origin;
use crate::news::News;
use crate::{Tuning, Ui, shown};

impl<U: Ui> Controller<U> {
    pub(super) fn log_in(&mut self, connection: &str) -> Begun {
        let name = self.own(connection)?;
        let context = self.facts.contexts.context_of(&name).ok_or_else(|| super::bad("there is no such connection"))?;
        let entry = self.entry(context)?.clone();
        let tuning = self.facts.stored.tuning(&entry.choice());
        let Origin::Context(context) = entry.origin else {
            let detail = format!("the kubeconfig of {name} is in none of your files any more");
            return Err(Fault::new(Code::ContextUnknown, detail));
        };
        if self.facts.logging_in.contains_key(&name) {
            return Err(super::bad("you are logging in to it already"));
        }
        self.facts.logging_in.insert(name.clone(), String::new());
        let desk = self.desk();
        later(async move {
            let outcome = log_in(&desk, &context, &tuning, &name).await;
            desk.tell(News::LoggedIn(name)).await;
            if outcome.is_ok() {
                look_at_keyring(desk).await;
            }
            outcome
        })
    }

    pub(super) fn forget_login(&mut self, connection: String) -> Begun {
        let desk = self.desk();
        later(async move {
            let forgotten = companion::forget(&desk.surroundings.program, vec![connection]).await;
            look_at_keyring(desk).await;
            forgotten
        })
    }

    pub(super) fn unlock_keyring(&mut self) -> Begun {
        let desk = self.desk();
        later(async move {
            let unlocked = companion::unlock(&desk.surroundings.program).await;
            look_at_keyring(desk).await;
            unlocked
        })
    }
}

async fn log_in(desk: &Desk, context: &Context, tuning: &Tuning, name: &str) -> Result<(), Fault> {
    let mut helper = desk.helper()?;
    let cluster = cluster(desk, context, tuning).await?;
    let program = &desk.surroundings.program;
    companion::ensure(program, &cluster.handover(name)).await?;
    let hear = async |text| desk.tell(News::LoginSays(name.to_owned(), text)).await;
    let logged_in = companion::log_in(program, name, &cluster.selection, hear).await;
    logged_in.map_err(|fault| match fault.code {
        Code::LoginRequired => fault.with_fix(format!("Log in at a terminal: {}", shown::login_command(context, name))),
        _ => fault,
    })?;
    let request = LoggedInRequest { name: name.to_owned() };
    helper.logged_in(request).await.map(drop).map_err(|status| from_status(&status))
}

/// Tells what is kept of logins, and where.
pub(crate) async fn look_at_keyring(desk: Desk) {
    let kept = companion::kept(&desk.surroundings.program).await;
    desk.tell(News::Kept(kept)).await;
}
