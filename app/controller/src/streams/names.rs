//! Names that programs of this computer asked for.

use std::collections::HashMap;

use hawser_fault::Fault;
use hawser_ipc::from_status;
use hawser_ipc::proto::{QueriesRequest, Query, query};
use nix::unistd::{Uid, User};
use tokio::task::spawn_blocking;

use crate::desk::Desk;
use crate::facts::NamesNews;
use crate::news::News;
use crate::view::{AnsweredBy, Ms, NameOutcome, NameRow, Us};

pub(super) async fn names(desk: Desk) {
    let outcome: Result<(), Fault> = async {
        let request = QueriesRequest { follow: true };
        let mut lists = desk.helper()?.queries(request).await.map_err(|status| from_status(&status))?.into_inner();
        let mut users = Users::default();
        let mut whole = true;
        while let Some(list) = lists.message().await.map_err(|status| from_status(&status))? {
            // Users may be kept in a directory elsewhere.
            let missed = list.missed;
            let looked = spawn_blocking(move || {
                let rows = list.queries.into_iter().map(|query| row(query, &mut users)).collect();
                (users, rows)
            });
            let rows;
            (users, rows) = looked.await.unwrap_or_default();
            desk.tell(News::Names(Ok(NamesNews { whole, rows, missed }))).await;
            whole = false;
        }
        Err(hawser_client::no_answer())
    }
    .await;
    if let Err(fault) = outcome {
        desk.tell(News::Names(Err(fault))).await;
    }
}

/// By their numbers, as they were found.
#[derive(Default)]
struct Users(HashMap<u32, String>);

impl Users {
    fn name(&mut self, uid: u32) -> String {
        let look_up = || {
            let user = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
            user.unwrap_or_else(|| format!("uid {uid}"))
        };
        self.0.entry(uid).or_insert_with(look_up).clone()
    }
}

fn row(query: Query, users: &mut Users) -> NameRow {
    let by = match query.answered_by() {
        query::By::Memory => AnsweredBy::Memory,
        query::By::Manager => AnsweredBy::Manager,
        query::By::Agent => AnsweredBy::Agent,
        query::By::Host => AnsweredBy::Host,
        query::By::Unspecified | query::By::Hawser => AnsweredBy::Hawser,
    };
    let outcome = match query.outcome() {
        query::Outcome::Answered => NameOutcome::Answered,
        query::Outcome::NoSuchName => NameOutcome::NoSuchName,
        query::Outcome::NoSuchRecord => NameOutcome::NoSuchRecord,
        query::Outcome::Unspecified | query::Outcome::Failed => NameOutcome::Failed,
    };
    NameRow {
        at: Ms(query.at),
        connection: query.connection,
        name: query.name,
        record: query.record,
        asker: query.uid.map_or(query.source, |uid| users.name(uid)),
        by,
        server: query.server,
        outcome,
        why: query.why,
        took: Us(query.took_us),
    }
}
