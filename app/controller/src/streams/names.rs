//! Names that programs of this computer asked for.

use hawser_fault::Fault;
use hawser_ipc::from_status;
use hawser_ipc::proto::{QueriesRequest, Query, query};
use tokio::task::spawn_blocking;

use crate::desk::Desk;
use crate::facts::NamesNews;
use crate::news::News;
use crate::users::Users;
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
    let asker = match query.uid {
        Some(uid) => {
            users.look_up(uid);
            users.name(uid)
        }
        None => query.source,
    };
    NameRow {
        at: Ms(query.at),
        connection: query.connection,
        name: query.name,
        record: query.record,
        asker,
        by,
        server: query.server,
        outcome,
        why: query.why,
        took: Us(query.took_us),
    }
}
