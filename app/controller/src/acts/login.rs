//! Logging in: the kubeconfig's plugin is run once more, with all the time that a person needs in a browser. One that only works
//! at a terminal says so, with the command.

use hawser_client::companion::{self, Handover};
use hawser_client::connecting::LOGIN_TIME;
use hawser_client::kubeconfig::Interaction;
use hawser_fault::{Code, Fault};
use hawser_ipc::from_status;
use hawser_ipc::proto::LoggedInRequest;

use super::connect::cluster;
use super::{Begun, later};
use crate::Ui;
use crate::controller::Controller;
use crate::facts::Origin;

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
        let desk = self.desk();
        later(async move {
            let mut helper = desk.helper()?;
            let cluster = cluster(&desk, &context, &tuning).await?;
            let login = cluster.access.credential(&cluster.environment, Interaction::Unattended, LOGIN_TIME).await;
            let login = login.map_err(|fault| at_terminal(fault, &context.name))?;
            let handover =
                Handover { connection: name.clone(), environment: cluster.environment.clone(), login: Some(login) };
            companion::ensure(&desk.surroundings.program, &handover).await?;
            helper.logged_in(LoggedInRequest { name }).await.map(drop).map_err(|status| from_status(&status))
        })
    }
}

fn at_terminal(fault: Fault, context: &str) -> Fault {
    match fault.code {
        Code::LoginRequired => fault.with_fix(format!("Log in at a terminal: hawser login --context '{context}'")),
        _ => fault,
    }
}
