//! Real servers in the cluster, with their own clients on the laptop.

use std::time::Duration;

use crate::support::{SHOP, options, read, start, targets, world};
use hawser_e2e::servers;

#[test]
fn curl_reads_pages_by_name_and_by_address() {
    let world = world();
    for host in [&format!("web.{SHOP}"), "web", "10.96.0.11", "[fd00:96::11]", "pair", "plain"] {
        read(&world, &format!("curl -sS --fail --max-time 10 http://{host}/"));
    }
    read(&world, &format!("curl -sS --fail --max-time 10 -6 http://web.{SHOP}/"));
    read(&world, "curl -sS --fail --max-time 10 http://six/");
    let verbose = world.run("curl -sS -v --max-time 10 http://web/ http://web/ 2>&1").unwrap().ok().unwrap();
    assert!(verbose.stdout.contains("Re-using existing connection"), "{}", verbose.stdout);
}

#[test]
fn iperf3_runs_in_both_directions_and_in_parallel() {
    let world = start(&options().in_cluster("exec iperf3 -s"));
    world.wait_for(5201).unwrap();
    for arguments in ["", "-R", "-P 8", "-P 8 -R", "-u -b 20M -l 1200", "-u -b 20M -l 1200 -R"] {
        let command = format!("iperf3 -J -t 1 -c {} {arguments}", world.ip);
        let report: serde_json::Value = serde_json::from_str(&read(&world, &command)).unwrap();
        let end = &report["end"];
        let sum = if arguments.contains("-u") { &end["sum"] } else { &end["sum_received"] };
        assert!(sum["bytes"].as_u64().unwrap_or(0) > 1_000_000, "{arguments}: {end}");
    }
    read(&world, &format!("iperf3 -6 -t 1 -c {}", world.ip6));
}

#[test]
fn redis_serves_its_own_clients() {
    let world = start(&options().in_cluster(
        "exec redis-server --bind $HAWSER_DEMO_CLUSTER_IP $HAWSER_DEMO_CLUSTER_IP6 --protected-mode no --save ''",
    ));
    world.wait_for(6379).unwrap();
    let redis = format!("redis-cli -h {}", world.ip);
    assert_eq!(read(&world, &format!("{redis} set ship hawser")), "OK");
    assert_eq!(read(&world, &format!("redis-cli -h {} get ship", world.ip6)), "hawser");
    let report = read(&world, &format!("redis-benchmark -h {} -n 20000 -c 50 -q -t set,get -d 512", world.ip));
    assert!(report.contains("GET:") && report.contains("requests per second"), "{report}");
    let piped = read(&world, &format!("redis-benchmark -h {} -n 100000 -P 64 -q -t incr", world.ip));
    assert!(piped.contains("requests per second"), "{piped}");
}

#[test]
fn postgresql_serves_its_own_clients() {
    let world = start(&options().in_cluster(servers::POSTGRESQL));
    world.wait_for(5432).unwrap();
    let psql = format!("psql -h {} -U postgres -v ON_ERROR_STOP=1 -At -c", world.ip);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while world.run(&format!("pg_isready -h {}", world.ip)).unwrap().code != 0 {
        assert!(std::time::Instant::now() < deadline, "PostgreSQL is not ready\n{}", world.log());
    }
    assert_eq!(read(&world, &format!("{psql} 'select 6 * 7'")), "42");
    let rows = read(&world, &format!("{psql} 'select sum(n), count(*) from generate_series(1, 300000) n'"));
    assert_eq!(rows, "45000150000|300000");
    // Many rows to the client, many back to the server.
    let copy = format!("{psql} 'copy (select n, md5(n::text) from generate_series(1, 200000) n) to stdout'");
    assert_eq!(read(&world, &format!("{copy} | wc -l")), "200000");
    let fill = format!("{psql} 'create table t (n int, h text)' && {copy} | {psql} 'copy t from stdin'");
    assert!(read(&world, &fill).ends_with("COPY 200000"));
    // A cancel request travels on a second connection.
    let cancelled = world.run(&format!("timeout -s INT 2 {psql} 'select pg_sleep(30)'")).unwrap();
    assert!(cancelled.stderr.contains("canceling statement"), "{cancelled:?}");
}

#[test]
fn nginx_serves_wrk_and_ab_without_an_error() {
    let world = start(&options().in_cluster(servers::NGINX));
    world.wait_for(servers::NGINX_PORT).unwrap();
    for target in targets(&world, servers::NGINX_PORT) {
        read(&world, &format!("curl -sS --fail --max-time 10 http://{target}/big -o /dev/null"));
    }
    let wrk = read(&world, &format!("wrk -t 2 -c 64 -d 2 http://{}:{}/", world.ip, servers::NGINX_PORT));
    assert!(wrk.contains("Requests/sec") && !wrk.contains("Socket errors"), "{wrk}");
    let ab = read(&world, &format!("ab -q -c 64 -n 3000 http://{}:{}/", world.ip, servers::NGINX_PORT));
    assert!(ab.contains("Failed requests:        0") && ab.contains("Complete requests:      3000"), "{ab}");
}
