//! Some requests of a port go to a laptop, each decided by itself; the others stay the app's. And copies.

use std::time::Instant;

use hawser_cluster::{
    Handler, Kept, Laptop, Place, Plan, Workload, apply, becomes, curl, kubectl, left_out_without, on_laptop, on_node,
    within,
};
use serde_json::json;

/// Whose answer a request with these arguments of curl gets: the answer's first word.
fn who(workload: &Workload, path: &str, arguments: &str) -> String {
    let answer = workload.ask_with(path, arguments);
    answer.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn a_filter_takes_what_is_like_it_and_nothing_else() {
    let laptop = Laptop::developer();
    let shop = Plan::new("shop").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    type Requests<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Requests<'_>, Requests<'_>); 6] = [
        ("--http-header x-user=dev", &[("/", "-H 'X-User: dev'")], &[("/", ""), ("/", "-H 'X-User: devon'")]),
        (
            "--http-header 'x-user~=d.v'",
            &[("/", "-H 'X-User: dav'"), ("/", "-H 'X-User: other' -H 'X-User: dev'")],
            &[("/", "-H 'X-User: dave'")],
        ),
        ("--http-path /cart", &[("/cart", ""), ("/cart?x=1", "")], &[("/cart/", ""), ("/cartoon", "")]),
        ("--http-path-prefix /cart", &[("/cart", ""), ("/cart/1/2", "")], &[("/cartoon", ""), ("/a/cart", "")]),
        ("--http-path-regex '/(a|b)/[0-9]+'", &[("/a/12", ""), ("/b/3?q", "")], &[("/c/1", ""), ("/a/1x", "")]),
        (
            "--http-method POST --http-path-prefix /a --http-header x-a=1 --http-header x-b=2",
            &[("/a/b", "-X POST -H 'x-a: 1' -H 'x-b: 2'")],
            &[
                ("/a/b", "-H 'x-a: 1' -H 'x-b: 2'"),
                ("/a/b", "-X POST -H 'x-a: 1'"),
                ("/b", "-X POST -H 'x-a: 1' -H 'x-b: 2'"),
            ],
        ),
    ];
    for (filter, wanted, unwanted) in cases {
        laptop.ok(&format!("intercept shop --port 9000:http {filter}"));
        for (path, arguments) in wanted {
            assert_eq!(who(&shop, path, arguments), "laptop", "{filter}: {path} {arguments}");
        }
        for (path, arguments) in unwanted {
            assert_eq!(who(&shop, path, arguments), "shop", "{filter}: {path} {arguments}");
        }
        laptop.ok("leave shop");
    }
    let said = laptop.fault("intercept shop --port 9000:http --http-path-regex '('");
    assert!(said.err.contains("code: bad-argument"), "{said:?}");
}

/// The requests that an intercept of this laptop's has had come to be these within two seconds: matched, passed, dropped.
fn counted(laptop: &Laptop, name: &str, [matched, passed, dropped]: [u64; 3]) {
    let expected = json!({"matched": matched, "passed": passed, "dropped": dropped});
    becomes(2, name, &expected, || laptop.intercept(name)["requests"].clone());
}

/// Waits until both pods of `counted` are there for everybody, and lead to the laptop.
fn both_reached(laptop: &Laptop, shop: &Workload) {
    // An agent is reached before its pod's app has started.
    shop.kubectl("rollout status --timeout=60s");
    within(10, "both pods are reached", || {
        let replicas = laptop.intercept("counted")["replicas"].clone();
        replicas.as_array().is_some_and(|all| all.len() == 2 && all.iter().all(|one| one["reached"] == true))
    });
}

#[test]
fn requests_are_counted_over_all_pods() {
    let laptop = Laptop::developer();
    let shop = Plan::new("counted").replicas(2).start();
    let second = Laptop::second();
    let _handler = Handler::nginx(9000, "laptop");
    let _other = Handler::nginx_at(Place::Second, 9000, "second");
    laptop.ok("intercept counted --port 9000:http --http-header x-user=dev");
    counted(&laptop, "counted", [0, 0, 0]);
    for _ in 0..5 {
        assert_eq!(who(&shop, "/", "-H 'x-user: dev'"), "laptop");
    }
    both_reached(&laptop, &shop);
    // Each pod, so that none is left out of the sum.
    let port = shop.behind_http();
    for address in shop.pod_addresses() {
        assert_eq!(curl(&format!("http://{address}:{port}/direct")), "counted GET /direct");
    }
    assert_eq!(who(&shop, "/", ""), "counted");
    counted(&laptop, "counted", [5, 3, 0]);

    second.ok("intercept counted --port 9000:http --http-header x-user=second");
    let before = laptop.intercept("counted")["requests"].clone();
    assert_eq!(who(&shop, "/", "-H 'x-user: second'"), "second");
    counted(&second, "counted", [1, 0, 0]);
    assert_eq!(laptop.intercept("counted")["requests"], before, "what another laptop got is not this one's");

    // A pod goes; what its agent counted stays in the sum.
    let gone = shop.pods().swap_remove(0);
    kubectl(&format!("delete pod -n default {gone} --wait"));
    both_reached(&laptop, &shop);
    counted(&laptop, "counted", [5, 3, 0]);
    for _ in 0..4 {
        assert_eq!(who(&shop, "/", "-H 'x-user: dev'"), "laptop");
    }
    counted(&laptop, "counted", [9, 3, 0]);
}

#[test]
fn requests_of_one_connection_alternate() {
    let laptop = Laptop::developer();
    let shop = Plan::new("alternating").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept alternating --port 9000:http --http-header x-user=dev");
    let mut kept = Kept::new(&shop.address, 80);
    for round in 0..20 {
        assert_eq!(kept.ask(&format!("/{round} X-User: dev")), format!("laptop GET /{round}"));
        assert_eq!(kept.ask(&format!("/{round}")), format!("alternating GET /{round}"));
    }
    laptop.ok("leave alternating");
    assert_eq!(kept.ask("/last X-User: dev"), "alternating GET /last", "the connection outlives the intercept");
}

#[test]
fn requests_of_one_http2_connection_are_parted() {
    let laptop = Laptop::developer();
    let shop = Plan::new("second-version").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    laptop.ok("intercept second-version --port 9001:h2 --http-path-prefix /mine");
    let url = |path: &str| format!("http://{}:81{path}", shop.address);
    let answers = on_node(&format!("nghttp {} {} {}", url("/mine/1"), url("/2"), url("/mine/3"))).out;
    for answer in ["laptop GET /mine/1", "second-version GET /2", "laptop GET /mine/3"] {
        assert!(answers.contains(answer), "{answers}");
    }
    let load = on_node(&format!("h2load -n 400 -c 4 -m 20 {} {}", url("/mine/x"), url("/other")));
    assert!(load.out.contains("400 succeeded, 0 failed"), "{load:?}");
    let taken = on_laptop("grep -c 'GET /mine/x' /run/nginx-9000/log").out;
    assert_eq!(taken, "200", "every second one");
    assert_eq!(on_laptop("grep -c 'GET /other' /run/nginx-9000/log").out, "0");
}

#[test]
fn a_body_of_a_megabyte_goes_both_ways() {
    let laptop = Laptop::developer();
    let shop = Plan::new("large").willing().start();
    let _handler = Handler::run(&format!("/usr/bin/python3 -c '{ECHO}' 9000")).listening(9000);
    laptop.ok("intercept large --port 9000:http --http-method POST");
    let said = on_node(&format!(
        "head -c 1000000 /dev/urandom >/tmp/large; curl -sS --max-time 10 --data-binary @/tmp/large -H 'Expect:' \
         http://{0}/ | cmp - /tmp/large && curl -sS --max-time 10 --data-binary @/tmp/large -H 'Transfer-Encoding: chunked' \
         -H 'Expect: 100-continue' http://{0}/ | cmp - /tmp/large && echo same",
        shop.address
    ));
    assert_eq!(said.out, "same", "{said:?}");
}

/// Python's own server, that says what it is sent.
const ECHO: &str = r#"
import http.server, sys
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        if self.headers.get("Transfer-Encoding"):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"#;

/// A server of WebSockets that says `NAME ` and what it is sent, and a client that sends two messages.
const SOCKETS: &str = r#"
import asyncio, sys, websockets
async def serve(socket, *_):
    async for message in socket:
        await socket.send(sys.argv[2] + " " + message)
async def main():
    async with websockets.serve(serve, "127.0.0.1", int(sys.argv[1])):
        await asyncio.Future()
asyncio.run(main())
"#;
const SOCKET: &str = r#"
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1]) as socket:
        for message in ("one", "two"):
            await socket.send(message)
            print(await asyncio.wait_for(socket.recv(), 5))
asyncio.run(main())
"#;

#[test]
fn a_websocket_is_upgraded_through_a_filter() {
    let laptop = Laptop::developer();
    let shop = Plan::new("sockets").willing().start();
    let _handler = Handler::run(&format!("/usr/bin/python3 -c '{SOCKETS}' 9000 laptop")).listening(9000);
    laptop.ok("intercept sockets --port 9000:http --http-path-prefix /ws");
    let said = on_node(&format!("/usr/bin/python3 -c '{SOCKET}' ws://{}/ws/x", shop.address));
    assert_eq!(said.out, "laptop one\nlaptop two", "{said:?}");
    assert_eq!(who(&shop, "/other", ""), "sockets");
}

#[test]
fn two_users_share_a_port() {
    let laptop = Laptop::developer();
    let shop = Plan::new("shared").replicas(2).start();
    let second = Laptop::second();
    let _handler = Handler::nginx(9000, "laptop");
    let _other = Handler::nginx_at(Place::Second, 9000, "second");
    laptop.ok("intercept shared --port 9000:http --http-header x-user=dev");
    second.ok("intercept shared --port 9000:http --http-header x-user=second");
    for _ in 0..4 {
        assert_eq!(who(&shop, "/", "-H 'x-user: dev'"), "laptop");
        assert_eq!(who(&shop, "/", "-H 'x-user: second'"), "second");
        assert_eq!(who(&shop, "/", "-H 'x-user: nobody'"), "shared");
    }
    second.ok("leave shared");
    assert_eq!(who(&shop, "/", "-H 'x-user: second'"), "shared");
    assert_eq!(who(&shop, "/", "-H 'x-user: dev'"), "laptop");

    let pods = shop.pods();
    for overlapping in ["", "--http-header 'x-user~=d.*'", "--http-path-prefix /a", "--http-header x-user=dev"] {
        let said = second.fault(&format!("intercept shared --port 9000:http {overlapping}"));
        assert!(said.err.contains("code: port-held") && said.err.contains("dev (intercept"), "{overlapping}: {said:?}");
    }
    assert_eq!(shop.pods(), pods);
    assert_eq!(laptop.phase("shared"), "active");
    second.ok("intercept shared --name other --port 9001:h2");
    assert_eq!(curl(&format!("--http2-prior-knowledge http://{}:81/b", shop.address)), "second GET /b");
    let said = second.fault("replace shared --port 9000:http");
    assert!(said.err.contains("code: port-held"), "{said:?}");
}

#[test]
fn a_hundred_filters_of_one_port() {
    let laptop = Laptop::developer();
    let shop = Plan::new("crowded").willing().start();
    let _handler = Handler::nginx(9000, "laptop");
    let began = Instant::now();
    let program = std::env::var("HAWSER_BIN").unwrap();
    let said = on_laptop(&format!(
        "seq 100 | xargs -P 8 -I N {program} intercept crowded --name crowded-N --port 9000:http --http-header x-user=uN \
         >/run/crowd 2>&1; {program} status --json | grep -c '\"phase\": *\"active\"'"
    ));
    assert_eq!(said.out, "100", "{said:?} {}", on_laptop("tail -n 20 /run/crowd").out);
    println!("a hundred intercepts: {:?}", began.elapsed());
    for number in [1, 50, 100] {
        assert_eq!(who(&shop, "/", &format!("-H 'x-user: u{number}'")), "laptop");
    }
    assert_eq!(who(&shop, "/", "-H 'x-user: u101'"), "crowded");
    laptop.ok("leave --all");
    assert_eq!(who(&shop, "/", "-H 'x-user: u50'"), "crowded");
    assert_eq!(kubectl("get intercepts -n default -o name"), "");
}

#[test]
fn a_wiretap_gets_copies_and_the_app_answers() {
    let laptop = Laptop::developer();
    let shop = Plan::new("tapped").willing().start();
    let handler = Handler::nginx(9000, "laptop");
    let seen = |path: &str| on_laptop(&format!("grep -c 'GET {path} ' /run/nginx-9000/log")).out;
    laptop.ok("wiretap tapped --port 9000:http");
    for number in 0..5 {
        assert_eq!(shop.ask(&format!("/all/{number}")), format!("tapped GET /all/{number}"));
    }
    within(5, "copies come", || seen("/all/[0-4]") == "5");
    assert!(laptop.intercept("tapped")["requests"].is_null(), "without a filter nothing is looked at");
    laptop.ok("leave tapped");
    laptop.ok("wiretap tapped --port 9000:http --http-path-prefix /some");
    assert_eq!(shop.ask("/some/1"), "tapped GET /some/1");
    assert_eq!(shop.ask("/none/1"), "tapped GET /none/1");
    within(5, "a copy comes", || seen("/some/1") == "1");
    assert_eq!(seen("/none/1"), "0");
    counted(&laptop, "tapped", [1, 1, 0]);

    let time = |what: &str| {
        let began = Instant::now();
        let load = on_node(&format!("h2load --h1 -n 300 -c 8 http://{}/some/load", shop.address));
        assert!(load.out.contains("300 succeeded, 0 failed"), "{what}: {load:?}");
        began.elapsed()
    };
    let well = time("a handler that answers");
    handler.freeze();
    let frozen = time("a handler that stands still");
    handler.thaw();
    drop(handler);
    let dead = time("no handler");
    println!("300 requests with a tap: {well:?}; frozen {frozen:?}; dead {dead:?}");
    assert!(frozen < well * 3 && dead < well * 3, "{well:?} {frozen:?} {dead:?}");
    laptop.ok("leave tapped");
}

/// Python's gRPC, that streams three ticks whose payload is `laptop`.
const TICKS: &str = r#"
import grpc, sys
from concurrent import futures
def follow(request, context):
    for number in range(3):
        yield b"\x08" + bytes([number]) + b"\x12\x06laptop"
server = grpc.server(futures.ThreadPoolExecutor(4))
method = grpc.unary_stream_rpc_method_handler(follow)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("hawser.test.v1.Ticker", {"Follow": method}),))
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start()
server.wait_for_termination()
"#;

struct Ticker;

impl Ticker {
    fn start() -> Self {
        apply(
            "apiVersion: apps/v1
kind: Deployment
metadata: {name: ticks, namespace: default}
spec:
  selector: {matchLabels: {app: ticks}}
  template:
    metadata: {labels: {app: ticks}, annotations: {hawser.dev/inject: enabled}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: server
          image: rig.local/tools:1
          imagePullPolicy: Never
          command: [ticker, serve, '50051']
          ports: [{containerPort: 50051, name: grpc}]
---
apiVersion: v1
kind: Service
metadata: {name: ticks, namespace: default}
spec: {selector: {app: ticks}, ports: [{name: grpc, port: 50051, targetPort: grpc}]}",
        );
        kubectl("rollout status -n default deployment/ticks --timeout=60s");
        Self
    }

    /// What grpcurl prints of a call with these arguments.
    fn follow(arguments: &str) -> String {
        let address = kubectl("get service ticks -n default -o jsonpath={.spec.clusterIP}");
        let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
        let said = on_node(&format!(
            "grpcurl -plaintext -max-time 5 -import-path {proto} -proto ticker.proto {arguments} \
             -d '{{\"count\": 3, \"bytes\": 1}}' {address}:50051 hawser.test.v1.Ticker/Follow"
        ));
        assert_eq!(said.code, 0, "{said:?}");
        said.out
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        on_node("kubectl delete -n default deployment/ticks service/ticks --ignore-not-found --wait=false");
    }
}

#[test]
fn grpc_calls_are_parted_by_their_metadata() {
    if left_out_without("the image of tools") {
        return;
    }
    let laptop = Laptop::developer();
    let _ticker = Ticker::start();
    let _handler = Handler::run(&format!("/usr/bin/python3 -c '{TICKS}' 9000")).listening(9000);
    // Payloads in base64: `laptop`, and the last tick's number.
    let (of_laptop, of_app) = ("bGFwdG9w", "Ag==");
    laptop.ok("intercept ticks --port 9000:grpc --http-header x-user=dev");
    for _ in 0..3 {
        assert_eq!(Ticker::follow("-H 'x-user: dev'").matches(of_laptop).count(), 3);
        let said = Ticker::follow("");
        assert!(said.contains(of_app) && !said.contains(of_laptop), "{said}");
    }
    laptop.ok("leave ticks");
    assert!(Ticker::follow("-H 'x-user: dev'").contains(of_app));
}
