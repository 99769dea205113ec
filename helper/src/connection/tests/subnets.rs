//! Other subnets of the user's choice.

use super::*;

#[tokio::test(start_paused = true)]
async fn other_subnets_are_routed_over_the_same_link() {
    let mut running = start(Pretend::default(), Origin::Asked);
    let since = running.connected().await.since;
    let host = Arc::clone(&running.host);
    host.take_done();
    running.reroute(&["10.1.0.0/16"], &["10.96.128.0/17"]).await.unwrap();
    assert_eq!(
        host.take_done(),
        [
            "check",
            "route hawser0 +[10.1.0.0/16, 10.96.0.0/17] -[10.96.0.0/16]",
            "keep +[10.1.0.0/16] -[10.96.128.0/17]"
        ]
    );
    assert_eq!(running.subnets(), ["10.1.0.0/16", "10.96.0.0/17"]);
    let status = running.status.borrow().clone();
    let sources: Vec<_> = status.placements.iter().map(|placement| placement.source).collect();
    assert_eq!(sources, [Source::NeverProxy, Source::AlsoProxy, Source::Cluster]);
    assert_eq!((status.since, status.phase, status.step.as_str()), (since, Phase::Connected, ""));

    // They hold for what the manager says later, and can be taken back.
    host.change_cluster(cluster(&["10.97.0.0/16"]));
    let changed = running.status.wait_for(|status| {
        status.cluster.as_ref().is_some_and(|cluster| cluster.subnets.contains(&"10.97.0.0/16".parse().unwrap()))
    });
    timeout(Duration::from_secs(5), changed).await.unwrap().unwrap();
    assert_eq!(running.subnets(), ["10.1.0.0/16", "10.97.0.0/16"]);
    running.reroute(&[], &[]).await.unwrap();
    assert_eq!(running.subnets(), ["10.97.0.0/16"]);
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_routed_leaves_everything_as_it_was() {
    let host = Pretend::default();
    host.set_routed(&["172.17.0.0/16"]);
    let mut running = start(host, Origin::Asked);
    let before = running.connected().await;
    let host = Arc::clone(&running.host);
    let code = |outcome: Result<(), Fault>| outcome.unwrap_err().code;
    host.take_done();
    assert_eq!(code(running.reroute(&["172.16.0.0/12"], &[]).await), Code::SubnetConflict);
    assert_eq!(host.take_done(), ["check"]);
    let back = "route hawser0 +[10.96.0.0/16] -[10.1.0.0/16]";
    host.fail("keep", Code::StateUnwritable);
    assert_eq!(code(running.reroute(&["10.1.0.0/16"], &[]).await), Code::StateUnwritable);
    assert_eq!(host.take_done(), ["check", "route hawser0 +[10.1.0.0/16, 10.96.0.0/16] -[]", back]);
    host.mend();
    host.fail("route", Code::NetworkChange);
    assert_eq!(code(running.reroute(&["10.1.0.0/16"], &[]).await), Code::NetworkChange);
    host.mend();
    assert_eq!(*running.status.borrow(), before);
    // Neither is anything of it left for later.
    host.take_done();
    running.reroute(&[], &[]).await.unwrap();
    assert_eq!(host.take_done()[1], "route hawser0 +[10.96.0.0/16] -[]");
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_connection_tries_other_subnets_at_once() {
    let host = Pretend::default();
    host.set_routed(&["10.96.1.0/24", "10.96.2.0/24"]);
    let mut running = start(host, Origin::Restored);
    let status = running.failed().await;
    assert_eq!(code(&status.phase), Some(Code::SubnetConflict));
    let conflicts: Vec<(String, &str)> = status
        .placements
        .iter()
        .filter(|placement| placement.disposition == Disposition::Conflict)
        .map(|placement| (placement.route.unwrap().to_string(), placement.owner.as_str()))
        .collect();
    assert_eq!(conflicts, [("10.96.1.0/24".to_owned(), "Docker"), ("10.96.2.0/24".to_owned(), "Docker")]);
    let asked = Instant::now();
    running.reroute(&[], &["10.96.0.0/22"]).await.unwrap();
    assert!(
        !matches!(running.status.borrow().phase, Phase::Failed(_)),
        "whoever connects again waits for what comes of it"
    );
    running.connected().await;
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert!(running.status.borrow().placements.iter().all(|one| one.disposition != Disposition::Conflict));
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn what_kept_a_first_connect_from_being_is_still_shown() {
    let host = Pretend::default();
    host.set_routed(&["10.96.1.0/24"]);
    let mut running = start(host, Origin::Asked);
    let status = running.failed().await;
    assert_eq!(status.device, None);
    assert_eq!(status.placements.len(), 1);
    assert_eq!(status.placements[0].device, "docker0");
    running.stopped().await;
}
