//! What happens to the host meanwhile.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_happens_to_the_machine_is_looked_into_at_once() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    host.take_done();
    host.set_routed(&["10.96.1.0/24"]);
    host.happen("a route by docker0 came");
    let status = running.status.wait_for(|status| !status.troubles.is_empty()).await.unwrap().clone();
    assert_eq!(status.phase, Phase::Connected, "what it does not touch goes on");
    assert_eq!(status.troubles.values().map(|fault| fault.code).collect::<Vec<_>>(), [Code::SubnetConflict]);
    assert_eq!(status.placements[0].disposition, Disposition::Conflict);
    assert_eq!(host.take_done(), ["doubt: a route by docker0 came", "check"]);
    host.set_routed(&[]);
    host.happen("a route by docker0 went");
    let status = running.status.wait_for(|status| status.troubles.is_empty()).await.unwrap().clone();
    assert_eq!(status.placements[0].disposition, Disposition::Routed);
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_comes_later_leaves_the_rest_to_follow_the_cluster() {
    let mut running = start(Pretend::default(), Origin::Asked);
    let since = running.connected().await.since;
    let host = Arc::clone(&running.host);
    host.set_routed(&["10.96.1.0/24", "10.99.0.0/16"]);
    host.happen("a route by tun0 came");
    let mut status = running.status.clone();
    status.wait_for(|status| !status.troubles.is_empty()).await.unwrap();
    host.take_done();
    // A namespace, or a node, came.
    host.change_cluster(cluster(&["10.96.0.0/16", "10.99.0.0/16", "10.244.1.0/24"]));
    let changed = status.wait_for(|status| status.placements.len() > 2);
    let changed = timeout(Duration::from_secs(5), changed).await.unwrap().unwrap().clone();
    let troubles = |status: &Status| status.troubles.values().map(|fault| fault.code).collect::<Vec<_>>();
    assert_eq!(troubles(&changed), [Code::SubnetConflict]);
    status.wait_for(|status| status.step.is_empty()).await.unwrap();
    assert_eq!(running.subnets(), ["10.96.0.0/16", "10.244.1.0/24"]);
    assert_eq!(host.take_done()[..2], ["check", "route hawser0 +[10.244.1.0/24] -[]"], "what is in conflict stays");
    // So it is after the link was replaced.
    host.next_link(Link::Fault(Code::ManagerUnreachable));
    host.next_link(Link::Cluster(Box::new(cluster(&["10.96.0.0/16", "10.99.0.0/16", "10.244.1.0/24"]))));
    host.lose_link(Code::LinkLost);
    running.reconnecting().await;
    assert_eq!(troubles(&running.connected().await), [Code::SubnetConflict]);
    assert_eq!(running.subnets(), ["10.96.0.0/16", "10.244.1.0/24"]);
    // What was left out is routed as soon as it is free.
    host.set_routed(&[]);
    host.happen("a route by tun0 went");
    let freed = status.wait_for(|status| status.troubles.is_empty() && status.phase == Phase::Connected);
    let freed = timeout(Duration::from_secs(5), freed).await.unwrap().unwrap().clone();
    assert!(freed.since >= since);
    let is_routed = |status: &Status| status.cluster.as_ref().is_some_and(|cluster| cluster.subnets.len() == 3);
    timeout(Duration::from_secs(5), status.wait_for(is_routed)).await.unwrap().unwrap();
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn the_way_to_the_cluster_is_kept_free_when_it_leads_over_another_address() {
    let host = Pretend::default();
    host.set_carriers(&["10.96.0.1"]);
    host.next_link(Link::Cluster(Box::new(cluster(&["10.96.0.0/30", "10.97.0.0/16"]))));
    let mut running = start(host, Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    assert_eq!(running.subnets(), ["10.96.0.0/32", "10.96.0.2/31", "10.97.0.0/16"]);
    host.take_done();
    let mut status = running.status.clone();
    let mut follows = async |expected: &[&str]| {
        let is_so = |status: &Status| {
            let subnets = status.cluster.iter().flat_map(|cluster| &cluster.subnets);
            subnets.map(ToString::to_string).eq(expected.iter().copied())
        };
        let waited = Instant::now();
        timeout(Duration::from_secs(600), status.wait_for(is_so)).await.unwrap().unwrap();
        waited.elapsed()
    };
    host.set_carriers(&["10.96.0.2"]);
    host.happen("other name servers are asked");
    let took = follows(&["10.96.0.0/32", "10.96.0.3/32", "10.97.0.0/16"]).await;
    assert!(took < Duration::from_secs(1), "{took:?}: the present link still leads over the former address");
    let routed = "route hawser0 +[10.96.0.3/32] -[10.96.0.2/31]";
    assert_eq!(host.take_done(), ["doubt: other name servers are asked", "check", routed]);
    // Nobody says that it moves again.
    host.set_carriers(&["10.96.0.3"]);
    let took = follows(&["10.96.0.0/32", "10.96.0.2/32", "10.97.0.0/16"]).await;
    assert!(took <= crate::limits::LOOK_AROUND, "{took:?}");
    host.next_link(Link::Fault(Code::ManagerUnreachable));
    host.next_link(Link::Cluster(Box::new(cluster(&["10.96.0.0/30", "10.97.0.0/16"]))));
    host.lose_link(Code::LinkLost);
    running.reconnecting().await;
    running.connected().await;
    assert_eq!(running.subnets(), ["10.96.0.0/31", "10.96.0.2/32", "10.97.0.0/16"]);
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn the_way_back_leads_over_an_address_that_came_while_there_was_none() {
    for lasting in [false, true] {
        let host = Pretend::default();
        host.set_carriers(&["10.96.0.1"]);
        let mut running = start(host, Origin::Asked);
        running.connected().await;
        let host = Arc::clone(&running.host);
        if lasting {
            host.next_link(Link::Fault(Code::PinMismatch));
            host.lose_link(Code::LinkLost);
            running.failed().await;
        } else {
            host.next_link(Link::Silence);
            host.lose_link(Code::LinkLost);
            running.reconnecting().await;
        }
        host.set_carriers(&["10.96.7.7"]);
        running.connected().await;
        running.stopped().await;
    }
}

#[tokio::test(start_paused = true)]
async fn news_does_not_keep_a_slow_dial_from_its_end() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    host.take_done();
    host.next_link(Link::Slow(Duration::from_secs(4)));
    for _ in 0..40 {
        host.next_link(Link::Silence);
    }
    host.lose_link(Code::LinkSilent);
    running.reconnecting().await;
    let lost = Instant::now();
    let mut most = 0;
    let connected = async {
        let mut gaps = tokio::time::interval(Duration::from_millis(700));
        loop {
            gaps.tick().await;
            host.happen(&format!("a route by docker0 came {:?}", lost.elapsed()));
            most = most.max(host.dialling());
        }
    };
    tokio::select! {
        () = connected => {}
        _ = running.status.wait_for(|status| status.phase == Phase::Connected) => {}
    }
    assert_eq!(lost.elapsed().as_secs(), 4);
    assert_eq!(most, crate::limits::DIALS);
    let dialled = host.take_done().iter().filter(|step| *step == "ways").count();
    assert!(dialled <= 5, "{dialled} dials in 4 s");
    running.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_network_that_comes_ends_the_wait() {
    let mut running = start(Pretend::default(), Origin::Asked);
    running.connected().await;
    let host = Arc::clone(&running.host);
    for _ in 0..2 {
        host.next_link(Link::Silence);
    }
    host.lose_link(Code::LinkSilent);
    running.reach("reconnecting", |phase| matches!(phase, Phase::Reconnecting(_))).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let came = Instant::now();
    host.happen("the network device wlan0 came up");
    host.happen("an address of wlan0 came");
    tokio::time::sleep(Duration::from_millis(600)).await;
    host.happen("a route by wlan0 came");
    running.connected().await;
    assert!(came.elapsed() < Duration::from_secs(3), "{:?}", came.elapsed());
    running.stopped().await;
}
