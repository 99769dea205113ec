//! `hawser queries`.

use std::process::ExitCode;

use hawser_ipc::proto::QueriesRequest;

use crate::cli::QueriesArgs;
use crate::output::{Failure, live, print, print_json, print_json_line};
use crate::{json, view};

pub(crate) async fn run(args: QueriesArgs) -> Result<ExitCode, Failure> {
    let (json, follow) = (args.view.json, args.view.watch);
    let request = QueriesRequest { follow };
    let mut lists = super::helper().await?.queries(request).await.map_err(super::failed)?.into_inner();
    if !follow {
        let list = lists.message().await.map_err(super::failed)?.ok_or_else(super::no_answer)?;
        if json {
            print_json(&json::Queries::from(list.queries))?;
        } else {
            print(&view::queries::describe(&list.queries, super::now(), live::screen_columns()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    while let Some(list) = lists.message().await.map_err(super::failed)? {
        if list.missed > 0 && !json {
            print(&view::queries::missed(list.missed))?;
        }
        for query in list.queries {
            if json {
                print_json_line(&json::Query::from(query))?;
            } else {
                print(&(view::queries::line(&query) + "\n"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
