//! `hawser list`.

use std::process::ExitCode;

use hawser_client::intercept::take_in;
use hawser_ipc::proto::BrowseRequest;

use crate::cli::ListArgs;
use crate::output::live::{Live, screen_columns};
use crate::output::{Failure, print, print_json, print_json_line};
use crate::{json, view};

pub(crate) async fn run(args: ListArgs) -> Result<ExitCode, Failure> {
    let (json, follow) = (args.view.json, args.view.watch);
    let request = BrowseRequest { connection: args.name.unwrap_or_default(), namespaces: args.namespace, follow };
    let mut news = super::helper().await?.browse(request).await.map_err(super::failed)?.into_inner();
    let mut live = if follow && !json { Live::on_terminal() } else { None };
    let mut known = Vec::new();
    let mut answered = false;
    while let Some(catalogue) = news.message().await.map_err(super::failed)? {
        answered = true;
        take_in(&mut known, catalogue);
        match (json, &mut live) {
            (true, _) if follow => print_json_line(&json::List::from(known.clone()))?,
            (true, _) => print_json(&json::List::from(known.clone()))?,
            (false, Some(live)) => live.draw(&view::list::describe(&known, screen_columns(), super::now()))?,
            (false, None) => print(&view::list::describe(&known, screen_columns(), super::now()))?,
        }
    }
    if answered { Ok(ExitCode::SUCCESS) } else { Err(super::no_answer()) }
}
