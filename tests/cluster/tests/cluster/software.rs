//! Programs that people use, through the connection.

use hawser_cluster::{Laptop, apply, kubectl, left_out_without, on_laptop, state, within};

#[test]
fn postgresql_redis_and_uploads() {
    if left_out_without("the image of tools") {
        return;
    }
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

#[test]
fn a_grpc_stream_flows_and_lives() {
    if left_out_without("the image of tools") {
        return;
    }
    apply(&pod("ticker", "command: [ticker, serve, '50051']", 50051));
    kubectl("wait --for=condition=Ready pod/ticker --timeout=60s");
    let _laptop = Laptop::connected("");
    let follow =
        |arguments: &str| on_laptop(&format!("{} follow ticker:50051 {arguments}", env!("CARGO_BIN_EXE_ticker")));
    within(10, "it answers", || follow("1 0 1").code == 0);
    let slow = follow("50 100 10");
    let (longest, status) = slow.out.strip_prefix("50 ").and_then(|rest| rest.split_once(' ')).unwrap();
    assert_eq!(status, "OK", "{slow:?}");
    assert!(longest.parse::<u32>().unwrap() < 200, "ticks come as they are sent: {slow:?}");
    let began = std::time::Instant::now();
    let fast = follow("100000 0 1000");
    assert!(fast.code == 0 && fast.out.ends_with("OK"), "{fast:?}");
    println!("100,000 messages of 1 kB: {:?}", began.elapsed());
    kubectl("delete pod,service ticker --grace-period=0 --force");
}

#[test]
fn a_gigabyte_is_uploaded_by_http() {
    if left_out_without("the image of tools") {
        return;
    }
    let serve = r#"cat > /tmp/answer <<'END'
while read -r line && line=${line%$'\r'} && [ -n "$line" ]; do
    case ${line,,} in content-length:*) length=${line##*: } ;; esac
done
printf 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'
head -c "$length" | sha256sum
END
exec socat -b 262144 TCP-LISTEN:8080,fork,reuseaddr 'EXEC:bash /tmp/answer'"#;
    apply(&pod("upload", &format!("command: [bash, -c, {}]", serde_json::to_string(serve).unwrap()), 8080));
    kubectl("wait --for=condition=Ready pod/upload --timeout=60s");
    let _laptop = Laptop::connected("");
    let file = state().join("home/gigabyte");
    let file = file.display();
    let sum = on_laptop(&format!("openssl rand 1000000000 > {file} && sha256sum < {file}")).out;
    within(10, "it answers", || on_laptop("curl --silent --max-time 2 --data x http://upload:8080/").code == 0);
    let began = std::time::Instant::now();
    let said = on_laptop(&format!(
        "curl --silent --fail --max-time 100 --header Expect: --request POST --upload-file {file} http://upload:8080/"
    ));
    on_laptop(&format!("rm {file}"));
    println!("1 GB by HTTP: {:?}", began.elapsed());
    assert_eq!((said.code, said.out), (0, sum), "{}", said.err);
    kubectl("delete pod,service upload --grace-period=0 --force");
}

/// A pod of the image of tools with one container, and a service of the same name before it.
fn pod(name: &str, container: &str, port: u16) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{{name: server, image: 'rig.local/tools:1', imagePullPolicy: Never, {container}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: {port}}}]}}"
    )
}
