//! Programs that people use, through the connection.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use hawser_cluster::{Laptop, apply, kubectl, on_laptop, within};

#[test]
fn postgresql_redis_and_uploads() {
    apply(
        "apiVersion: v1
kind: Pod
metadata: {name: software, labels: {app: software}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: postgresql
      image: rig.local/tools:1
      imagePullPolicy: Never
      command: [bash, -c, 'cd /usr/lib/postgresql/*/bin && ./initdb -D /tmp/data -U bench --auth=trust && echo host all all all trust >>/tmp/data/pg_hba.conf && exec ./postgres -D /tmp/data -k /tmp -c listen_addresses=*']
      env: [{name: LC_ALL, value: C}, {name: TZ, value: UTC}]
    - name: redis
      image: rig.local/tools:1
      imagePullPolicy: Never
      command: [redis-server, --save, '', --protected-mode, 'no']
    - name: sink
      image: rig.local/tools:1
      imagePullPolicy: Never
      command: [socat, 'TCP-LISTEN:9000,fork,reuseaddr', 'SYSTEM:sha256sum']
---
apiVersion: v1
kind: Service
metadata: {name: software}
spec: {selector: {app: software}, ports: [{name: postgresql, port: 5432}, {name: redis, port: 6379}, {name: sink, port: 9000}]}",
    );
    kubectl("wait --for=condition=Ready pod/software --timeout=60s");
    let _laptop = Laptop::connected("");
    let psql = "psql -h software -U bench postgres -Atc";
    within(30, "PostgreSQL answers", || on_laptop(&format!("{psql} 'select 1'")).out == "1");
    let pgbench = "$(echo /usr/lib/postgresql/*/bin/pgbench) -h software -U bench";
    assert_eq!(on_laptop(&format!("{pgbench} -i -q -s 1 postgres")).code, 0);
    let bench = on_laptop(&format!("{pgbench} -c 8 -T 3 postgres"));
    assert!(bench.code == 0 && bench.out.contains("number of failed transactions: 0"), "{bench:?}");
    println!("{}", bench.out.lines().filter(|line| line.starts_with("tps")).collect::<String>());
    let redis = on_laptop("redis-benchmark -h software -q -n 20000 -c 50 -t get,set --csv");
    assert!(redis.code == 0 && redis.out.contains("\"GET\""), "{redis:?}");
    println!("{}", redis.out);
    let upload =
        on_laptop("head -c 200000000 /dev/zero | nc -N software 9000; head -c 200000000 /dev/zero | sha256sum");
    let sums: Vec<&str> = upload.out.lines().collect();
    assert!(sums.len() == 2 && sums[0] == sums[1], "{upload:?}");
    kubectl("delete pod software --grace-period=0 --force");
}

#[test]
fn a_command_lives_in_its_connection() {
    let laptop = Laptop::new();
    let said = laptop.hawser("connect -- curl --silent --max-time 5 http://web/");
    assert!(said.code == 0 && said.out.lines().last().unwrap().starts_with("web-"), "{said:?}");
    assert_eq!(laptop.hawser("status").out.lines().next(), Some("Not connected."));
    assert_eq!(laptop.hawser("connect -- sh -c 'exit 42'").code, 42);
}
