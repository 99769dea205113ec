//! Programs on the laptop that answer for workloads, and clients on the node that keep a connection.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Place, enter, within};

/// A program on the laptop that listens; ended with all its children at the end.
pub struct Handler {
    child: Child,
    script: String,
    place: Place,
}

impl Handler {
    /// nginx, which answers `TEXT METHOD URI` on a port of HTTP/1.1, and over h2c on the one after it.
    pub fn nginx(port: u16, text: &str) -> Self {
        Self::nginx_at(Place::First, port, text)
    }

    /// The same at this place.
    pub fn nginx_at(place: Place, port: u16, text: &str) -> Self {
        let folder = format!("/run/nginx-{port}");
        let conf = format!(
            "daemon off; master_process off; pid {folder}/pid; events {{ worker_connections 1024; }}
             http {{
                 access_log {folder}/log; default_type text/plain; keepalive_requests 1000000;
                 client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
                 uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
                 server {{ listen {port}; listen {} http2; location / {{ return 200 '{text} $request_method $request_uri'; }} }}
             }}",
            port + 1
        );
        place.run(&format!("rm -rf {folder}; mkdir -p {folder}; cat >{folder}/conf <<'END'\n{conf}\nEND"));
        let handler = Self::run_at(place, &format!("nginx -e {folder}/error -c {folder}/conf"));
        handler.listening(port)
    }

    /// Python's own web server over a folder whose index is `TEXT` alone.
    pub fn python(port: u16, text: &str) -> Self {
        Place::First.run(&format!("mkdir -p /run/python-{port}; echo {text} >/run/python-{port}/index.html"));
        let handler = Self::run(&format!(
            "/usr/bin/python3 -m http.server {port} --bind 127.0.0.1 --directory /run/python-{port}"
        ));
        handler.listening(port)
    }

    /// Any program, as a shell would start it. It is waited for by nobody.
    pub fn run(command: &str) -> Self {
        Self::run_at(Place::First, command)
    }

    fn run_at(place: Place, command: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let script = format!("/run/handler-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let said = place.run(&format!("cat >{script} <<'HANDLER'\necho $$ >{script}.pid\nexec {command}\nHANDLER"));
        assert_eq!(said.code, 0, "{said:?}");
        let child = place.start(&format!("exec setsid --wait bash {script}"));
        Self { child, script, place }
    }

    /// Waits until a TCP port takes connections.
    pub fn listening(self, port: u16) -> Self {
        within(10, "the handler listens", || {
            self.place.run(&format!("ss -Hltn 'sport = :{port}' | grep -q .")).code == 0
        });
        self
    }

    /// Stops it where it stands, as a program in a debugger.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
        self.go_on_waiting();
    }

    /// Who entered the laptop's namespaces for a program that stops does so as well, and would never see it end.
    fn go_on_waiting(&self) {
        let _ = Command::new("kill").args(["-CONT", &self.child.id().to_string()]).status();
    }

    fn signal(&self, signal: &str) {
        self.place.run(&format!("kill -{signal} -- -$(cat {}.pid)", self.script));
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.signal("KILL");
        self.go_on_waiting();
        let _ = self.child.wait();
    }
}

/// One connection of HTTP/1.1 from the node, kept over many requests.
pub struct Kept {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Takes `PATH [HEADER: VALUE]` a line and prints the body, or why there is none. Never connects a second time.
const CLIENT: &str = "
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
connection.connect()
connection.auto_open = 0
print('connected', flush=True)
for line in sys.stdin:
    path, _, header = line.strip().partition(' ')
    name, _, value = header.partition(': ')
    try:
        connection.request('GET', path, headers={name: value} if name else {})
        print(connection.getresponse().read().decode().strip(), flush=True)
    except Exception as error:
        print(repr(error), flush=True)
";

impl Kept {
    /// Connects.
    pub fn new(address: &str, port: u16) -> Self {
        let mut command = enter("node");
        command.args(["/usr/bin/python3", "-u", "-c", CLIENT, address, &port.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let requests = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut kept = Self { child, requests, answers };
        assert_eq!(kept.line(), "connected");
        kept
    }

    /// Asks for a path, `PATH` or `PATH HEADER: VALUE`.
    pub fn ask(&mut self, request: &str) -> String {
        writeln!(self.requests, "{request}").unwrap();
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
