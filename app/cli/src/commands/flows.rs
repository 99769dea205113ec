//! `hawser flows`.

use std::collections::HashMap;
use std::process::ExitCode;

use hawser_client::processes::Processes;
use hawser_ipc::proto::{Flow, FlowList, FlowsRequest};
use tonic::Streaming;

use crate::cli::FlowsArgs;
use crate::output::live::{self, Live};
use crate::output::{Failure, print, print_json, print_json_line};
use crate::{json, view};

pub(crate) async fn run(args: FlowsArgs) -> Result<ExitCode, Failure> {
    let (json, follow) = (args.view.json, args.view.watch);
    let mut lists = super::helper().await?.flows(FlowsRequest { follow }).await.map_err(super::failed)?.into_inner();
    let mut processes = Processes::default();
    if !follow {
        let flows = next(&mut lists, &mut processes).await?.ok_or_else(super::no_answer)?;
        if json {
            print_json(&json::Flows::new(flows, &processes))?;
        } else {
            print(&describe(&flows, &processes))?;
        }
        return Ok(ExitCode::SUCCESS);
    }

    let mut live = if json { None } else { Live::on_terminal() };
    let mut news = News::default();
    while let Some(flows) = next(&mut lists, &mut processes).await? {
        if let Some(live) = &mut live {
            live.draw(&describe(&flows, &processes))?;
            continue;
        }
        for flow in news.of(flows) {
            if json {
                print_json_line(&json::Flow::new(flow, &processes))?;
            } else {
                print(&(view::flows::line(&flow, &processes, super::own_uid()) + "\n"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The next list, with the user's processes behind it looked up.
async fn next(lists: &mut Streaming<FlowList>, processes: &mut Processes) -> Result<Option<Vec<Flow>>, Failure> {
    let list = lists.message().await.map_err(super::failed)?;
    Ok(list.map(|list| {
        processes.look_up(&list.flows);
        list.flows
    }))
}

fn describe(flows: &[Flow], processes: &Processes) -> String {
    view::flows::describe(flows, processes, super::own_uid(), super::now(), live::screen_columns())
}

/// Remembers each flow's state, so that only flows that began or changed it are printed.
#[derive(Default)]
struct News {
    states: HashMap<(String, u64), String>,
}

impl News {
    fn of(&mut self, flows: Vec<Flow>) -> Vec<Flow> {
        let key = |flow: &Flow| (flow.connection.clone(), flow.id);
        let states = flows.iter().map(|flow| (key(flow), flow.state.clone())).collect();
        let before = std::mem::replace(&mut self.states, states);
        let changed = |flow: &Flow| before.get(&key(flow)) != Some(&flow.state);
        flows.into_iter().filter(changed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_news_when_it_begins_and_when_its_state_changes() {
        let flow = |id, state: &str, sent_bytes| Flow { id, state: state.into(), sent_bytes, ..Flow::default() };
        let mut news = News::default();
        let mut ids = |flows| news.of(flows).iter().map(|flow| flow.id).collect::<Vec<_>>();
        assert_eq!(ids(vec![flow(1, "dialling", 0)]), [1]);
        assert_eq!(ids(vec![flow(1, "open", 0), flow(2, "open", 0)]), [1, 2]);
        assert!(ids(vec![flow(1, "open", 50), flow(2, "open", 60)]).is_empty());
        assert_eq!(ids(vec![flow(2, "open", 60), flow(1, "closed", 50)]), [1]);
        assert!(ids(vec![]).is_empty());
    }
}
