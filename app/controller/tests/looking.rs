//! What costs something is followed only while somebody looks at it.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod recorder;

use hawser_controller::view::{
    AnsweredBy, Clusters, HelperState, HopName, Log, LogLevel, Ms, NameOutcome, Names, Possible,
};
use hawser_controller::{Act, NamesQuery, Remedy, Screen, Shape, SortBy, SortNamesBy, TrafficQuery};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Connection, Flow, Hop, LevelReply, Query, hop, query};
use hawser_stub::{Call, Live, cluster, question, snapshot};
use recorder::{Record, Stage};

#[tokio::test]
async fn flows_are_followed_only_while_they_are_looked_at() {
    let mut live = Live::start();
    live.push(snapshot(vec![cluster("dev")]));
    let flow = |id: u64| Flow {
        connection: "dev".into(),
        id,
        name: format!("host-{id}"),
        sent_bytes: id,
        state: "open".into(),
        ..Flow::default()
    };
    live.push_flows((0..10_000).map(flow).collect());
    let stage = Stage::new(&live, &[]);
    stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    assert!(live.calls().is_empty());
    stage.handle.act(Act::Show { screen: Screen::Traffic }).await.unwrap();
    stage.until("all", |record| record.traffic().filter(|view| view.total == 10_000)).await;
    let query = TrafficQuery {
        filter: "HOST-99".into(),
        sort: SortBy::Sent,
        descending: true,
        first: 1,
        count: 3,
        paused: false,
    };
    stage.handle.act(Act::Traffic { query: query.clone() }).await.unwrap();
    let view = stage.until("narrowed", |record| record.traffic().filter(|view| view.found == 111)).await;
    let names: Vec<_> = view.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["host-9998", "host-9997", "host-9996"]);
    stage.handle.act(Act::Traffic { query: TrafficQuery { count: 201, ..query } }).await.unwrap_err();
    assert_eq!(live.calls(), [Call::Flows]);

    live.vanish();
    live.come_back();
    live.push_flows(vec![flow(993)]);
    stage.until("asked anew", |record| record.traffic().filter(|view| view.total == 1)).await;
    assert_eq!(live.calls(), [Call::Flows, Call::Flows]);
}

#[tokio::test]
async fn names_are_followed_only_while_they_are_looked_at() {
    let mut live = Live::start();
    live.push(snapshot(vec![cluster("dev")]));
    let asked = |id: u64| Query { id, name: format!("host-{id}"), at: id.cast_signed(), took_us: id, ..question() };
    live.push_queries((1..=1_200).map(asked).collect(), 3);
    let stage = Stage::new(&live, &[]);
    stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    stage.handle.act(Act::Show { screen: Screen::Traffic }).await.unwrap();
    stage.until("flows", |record| record.traffic().filter(|view| view.at.is_some())).await;
    assert_eq!(live.calls(), [Call::Flows]);
    let query = NamesQuery {
        filter: "HOST-99".into(),
        sort: SortNamesBy::Took,
        descending: true,
        first: 1,
        count: 3,
        paused: false,
    };
    stage.handle.act(Act::Names { query: query.clone() }).await.unwrap();
    let view = stage.until("the last thousand", |record| record.names().filter(|view| view.total == 1_000)).await;
    assert_eq!((view.found, view.missed), (10, 3), "990 to 999");
    let rows: Vec<_> = view.rows.iter().map(|row| (row.name.as_str(), row.took.0, row.by)).collect();
    let by = AnsweredBy::Manager;
    assert_eq!(rows, [("host-998", 998, by), ("host-997", 997, by), ("host-996", 996, by)]);
    let problem = stage.handle.act(Act::Names { query: NamesQuery { count: 201, ..query.clone() } }).await.unwrap_err();
    assert_eq!(problem.code, "limit-reached");
    let filter = "x".repeat(257);
    stage.handle.act(Act::Names { query: NamesQuery { filter, ..query.clone() } }).await.unwrap_err();
    assert_eq!(live.calls(), [Call::Flows, Call::Queries]);

    let pause = |paused| Act::Names { query: NamesQuery { filter: String::new(), paused, ..query.clone() } };
    stage.handle.act(pause(true)).await.unwrap();
    live.push_queries(vec![Query { outcome: query::Outcome::Failed.into(), why: "silence".into(), ..asked(7) }], 0);
    stage.until("paused", |record| record.names().filter(|view| view.query.paused)).await;
    stage.handle.act(pause(false)).await.unwrap();
    let failed = |view: &Names| view.total == 1 && view.rows[0].outcome == NameOutcome::Failed;
    let view = stage.until("all is told anew", |record| record.names().filter(failed)).await;
    assert_eq!((view.rows[0].why.as_str(), view.missed), ("silence", 0));

    live.vanish();
    live.come_back();
    stage.until("asked anew", |_| (live.calls().len() == 4).then_some(())).await;
    let flows = TrafficQuery {
        filter: String::new(),
        sort: SortBy::Opened,
        descending: true,
        first: 0,
        count: 9,
        paused: false,
    };
    stage.handle.act(Act::Traffic { query: flows }).await.unwrap();
    stage.until("flows again", |_| (live.calls().last() == Some(&Call::Flows)).then_some(())).await;
}

#[tokio::test]
async fn the_way_into_a_cluster_is_measured_while_its_row_is_looked_at() {
    let live = Live::start();
    let hop =
        |place: hop::Place, name: &str, round_trip_us| Hop { place: place.into(), name: name.into(), round_trip_us };
    let hops = vec![
        hop(hop::Place::ApiServer, "", 800),
        hop(hop::Place::Manager, "", 900),
        hop(hop::Place::Agent, "web-0", 950),
    ];
    live.push(snapshot(vec![Connection { round_trip_us: 900, hops, ..cluster("dev") }]));
    let stage = Stage::new(&live, &[]);
    stage.until("connected", |record| record.shell().filter(|view| view.shape == Shape::On)).await;
    assert!(live.calls().is_empty(), "nobody looks at it");
    stage.handle.act(Act::WelcomeStep { step: 4 }).await.unwrap();
    let measured = |view: &Clusters| view.rows.first().is_some_and(|row| row.hops.len() == 3);
    let row = stage.until("measured", |record| record.clusters().filter(measured)).await.rows.remove(0);
    let shown: Vec<_> = row.hops.iter().map(|hop| (hop.name, hop.pod.as_str(), hop.round_trip.0)).collect();
    let expected = [(HopName::ApiServer, "", 800), (HopName::Manager, "", 900), (HopName::Agent, "web-0", 950)];
    assert_eq!(shown, expected);
    assert_eq!(row.hops[2].history.len(), 1);
    assert_eq!(live.calls(), [Call::Hops]);
}

#[tokio::test]
async fn the_helper_s_log_is_set_and_followed_while_its_level_is_on_screen() {
    let live = Live::start();
    let stage = Stage::new(&live, &[]);
    stage.until("up", |record| record.shell().filter(|view| view.helper == HelperState::Answers)).await;
    stage.handle.act(Act::Show { screen: Screen::Doctor }).await.unwrap();
    let level = |wanted| move |record: &Record| record.doctor().map(|view| view.log).filter(|log| log.level == wanted);
    let log = stage.until("normal", level(Some(LogLevel::Normal))).await;
    assert_eq!((log.until, log.set, log.problem), (None, Possible::Yes, None));

    stage.handle.act(Act::Log { level: LogLevel::Debug }).await.unwrap();
    let log = stage.until("debug", level(Some(LogLevel::Debug))).await;
    assert_eq!(log.until, Some(Ms(1_800_000_000_000)));
    assert_eq!(live.calls(), [Call::Level("debug".into())]);
    live.level(Some(LevelReply { level: "normal".into(), until: 0 }));
    let log = stage.until("its time is over", level(Some(LogLevel::Normal))).await;
    assert_eq!(log.until, None);

    live.fail(Some(Fault::new(Code::NotOwner, "the helper's log also tells of other users' connections")));
    let refused = stage.handle.act(Act::Log { level: LogLevel::Debug }).await.unwrap_err();
    assert_eq!(refused.code, "not-owner");
    assert_eq!(stage.record(|record| record.doctor()).unwrap().log.level, Some(LogLevel::Normal));

    live.level(Some(LevelReply { level: "of the future".into(), until: 0 }));
    let log = stage.until("a newer helper's", level(None)).await;
    assert_eq!((log.set, log.problem), (Possible::Yes, None));
}

#[tokio::test]
async fn a_helper_that_is_older_than_levels_says_so_and_can_be_started_anew() {
    let mut live = Live::start();
    live.level(None);
    let stage = Stage::new(&live, &[]);
    stage.handle.act(Act::Show { screen: Screen::Doctor }).await.unwrap();
    let problem = stage.until("older", |record| record.doctor()?.log.problem).await;
    assert_eq!((problem.code.as_str(), problem.remedy), ("helper-version", Some(Remedy::RestartHelper)));
    assert!(problem.detail.starts_with("the helper is older"), "{}", problem.detail);
    let refused = stage.handle.act(Act::Log { level: LogLevel::Debug }).await.unwrap_err();
    assert_eq!(refused.code, "helper-version");

    live.vanish();
    let away = |log: &Log| matches!(&log.set, Possible::No { why } if why.contains("does not answer"));
    let log = stage.until("away", |record| record.doctor().map(|view| view.log).filter(away)).await;
    assert_eq!(log.problem, None, "it is told of elsewhere");
    live.level(Some(LevelReply { level: "normal".into(), until: 0 }));
    live.come_back();
    stage.until("asked anew", |record| record.doctor().filter(|view| view.log.level == Some(LogLevel::Normal))).await;
}
