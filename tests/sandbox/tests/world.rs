//! The world itself, tried from inside and from outside.
//!
//! Making a world moves the calling process to other namespaces and copies it, which a test with threads may not do.
//! So this file brings its own small harness, and each test makes its world in a process of its own.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though clippy sees no #[test]")]

use std::{
    env,
    fs::{self, Permissions},
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
        process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Command, ExitCode, Output, Stdio},
    time::{Duration, Instant},
};

use hawser_fault::{Code, Fault};
use hawser_sandbox::{
    link::Shape,
    plan,
    world::{self, Plan, World},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const PATIENCE: Duration = Duration::from_secs(10);
const NOBODY: u32 = 65_534;
const INSIDE: &str = "--inside";
/// `$XDG_RUNTIME_DIR` of a user whom nobody is.
const SESSION: &str = "/run/user/4000000";

const TESTS: &[(&str, fn())] = &[
    ("a_direct_laptop_reaches_every_service", a_direct_laptop_reaches_every_service),
    ("a_laptop_without_hawser_reaches_nothing", a_laptop_without_hawser_reaches_nothing),
    ("the_emulated_link_takes_its_time", the_emulated_link_takes_its_time),
    ("the_emulated_link_loses_and_limits", the_emulated_link_loses_and_limits),
    ("exit_codes_and_signals_reach_the_outside", exit_codes_and_signals_reach_the_outside),
    ("a_signal_sent_to_the_waiting_process_is_passed_on", a_signal_sent_to_the_waiting_process_is_passed_on),
    ("a_killed_world_leaves_nothing_behind", a_killed_world_leaves_nothing_behind),
    ("nobody_needs_to_be_root", nobody_needs_to_be_root),
    ("a_closed_tun_device_is_named", a_closed_tun_device_is_named),
    ("the_users_session_is_reached_and_hawsers_own_is_not", the_users_session_is_reached_and_hawsers_own_is_not),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, what] = arguments.as_slice()
        && first == INSIDE
    {
        return ExitCode::from(inside(what));
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen = TESTS.iter().filter(|(name, _)| filter.is_none_or(|part| name.contains(part.as_str())));
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in chosen {
        let good = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        if good { passed += 1 } else { failed += 1 }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    ExitCode::from(u8::from(failed > 0))
}

/// The part of a test that needs a world of its own.
fn inside(what: &str) -> u8 {
    let delayed = Shape { round_trip: Duration::from_millis(20), ..Shape::default() };
    let direct = |shape| Plan { shape, direct: true };
    let laptop: (Plan, fn()) = match what {
        "services" => (direct(Shape::default()), laptop_finds_every_service),
        "apart" => (Plan::default(), laptop_finds_only_its_own_name_server),
        "delay" => (direct(delayed), laptop_measures_20_ms),
        "loss" => (direct(Shape { loss: 0.1, ..Shape::default() }), laptop_loses_a_tenth),
        "rate" => (direct(Shape { rate: Some(20_000_000), ..Shape::default() }), laptop_gets_20_mbit),
        "session" => (Plan::default(), laptop_finds_the_session),
        shell => return run_shell(shell),
    };
    let (plan, run) = laptop;
    enter(plan, |mut world| {
        let child = world.fork_attached(&world.laptop, "test", || {
            run();
            0
        });
        world.attend(&child.expect("a process")).code()
    })
}

fn run_shell(script: &str) -> u8 {
    enter(Plan { direct: true, ..Plan::default() }, |mut world| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let child = world.start_attached(&world.laptop, "sh", command).expect("sh");
        world.attend(&child).code()
    })
}

fn enter(plan: Plan, run: impl FnOnce(World) -> u8) -> u8 {
    let fail = |fault: Fault| {
        eprintln!("{fault}");
        99
    };
    let entered = world::enter(plan, |world| match world {
        Ok(world) => run(world),
        Err(error) => fail(error.into()),
    });
    entered.unwrap_or_else(|error| fail(error.into()))
}

fn again(what: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args([INSIDE, what]);
    command
}

#[track_caller]
fn succeeds(what: &str) {
    let output = again(what).output().expect("this program starts");
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

fn a_direct_laptop_reaches_every_service() {
    succeeds("services");
}

fn laptop_finds_every_service() {
    for service in plan::SHOP {
        let found: Vec<IpAddr> = resolve(&service.full_name());
        assert!(service.addresses().all(|address| found.contains(&address)), "{}: {found:?}", service.name);
        assert_eq!(resolve(service.name).len(), found.len(), "the short name of {}", service.name);
    }
    for service in [plan::WEB, plan::PLAIN, plan::PAIR, plan::SIX] {
        for address in service.addresses() {
            let page = get((address, plan::HTTP_PORT).into());
            assert!(page.contains(&format!("{} at ", service.full_name())), "{page}");
        }
    }
    for address in plan::ECHO.addresses() {
        let socket = UdpSocket::bind(unspecified(address)).unwrap();
        socket.connect((address, plan::ECHO_PORT)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let (sent, mut received) = (vec![7; 65_507], vec![0; 65_535]);
        socket.send(&sent).unwrap();
        let length = socket.recv(&mut received).unwrap();
        assert_eq!(received[..length], sent);

        let mut stream = connect((address, plan::RESET_PORT).into()).unwrap();
        stream.write_all(b"x").unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        let refused = connect((address, plan::REFUSED_PORT).into()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    for address in plan::GONE.addresses() {
        let error = connect((address, plan::HTTP_PORT).into()).unwrap_err();
        // For an unreachable route the kernel sends "no route" over IPv6 and "host unreachable" over IPv4.
        let honest = if address.is_ipv6() { ErrorKind::NetworkUnreachable } else { ErrorKind::HostUnreachable };
        assert_eq!(error.kind(), honest, "{address}: {error}");
    }
    for address in plan::SILENT.addresses() {
        let quick = Duration::from_millis(300);
        let error = TcpStream::connect_timeout(&(address, plan::HTTP_PORT).into(), quick).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{address}: {error}");
    }
    for address in plan::BULK.addresses() {
        let mut stream = connect((address, plan::DISCARD_PORT).into()).unwrap();
        stream.write_all(&[0; 100_000]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut count = [0; 8];
        stream.read_exact(&mut count).unwrap();
        assert_eq!(u64::from_be_bytes(count), 100_000);

        let mut stream = connect((address, plan::SOURCE_PORT).into()).unwrap();
        stream.write_all(&123_456u64.to_be_bytes()).unwrap();
        assert_eq!(std::io::copy(&mut stream, &mut std::io::sink()).unwrap(), 123_456);
    }
}

fn a_laptop_without_hawser_reaches_nothing() {
    succeeds("apart");
}

fn laptop_finds_only_its_own_name_server() {
    assert_eq!(resolve(plan::INTRANET_NAME), [IpAddr::V4(plan::INTRANET_V4)]);
    assert!(resolve(&plan::WEB.full_name()).is_empty());
    for address in plan::cluster_addresses() {
        let error = connect((address, plan::HTTP_PORT).into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NetworkUnreachable, "{address}: {error}");
    }
}

fn the_emulated_link_takes_its_time() {
    succeeds("delay");
}

fn laptop_measures_20_ms() {
    let started = Instant::now();
    let mut stream = connect((plan::ECHO.v4[0], plan::ECHO_PORT).into()).unwrap();
    let connected = started.elapsed();
    assert!((20..40).contains(&connected.as_millis()), "{connected:?}");
    let fastest = (0..10).map(|_| {
        let started = Instant::now();
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        started.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!((19_900..21_500).contains(&fastest.as_micros()), "{fastest:?}");
}

fn the_emulated_link_loses_and_limits() {
    succeeds("loss");
    succeeds("rate");
}

fn laptop_loses_a_tenth() {
    let socket = UdpSocket::bind(unspecified(IpAddr::V4(Ipv4Addr::UNSPECIFIED))).unwrap();
    socket.connect((plan::ECHO.v4[0], plan::ECHO_PORT)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut echoed = 0;
    for _ in 0..50 {
        for _ in 0..20 {
            socket.send(&[0; 100]).unwrap();
        }
        while echoed < 1000 && socket.recv(&mut [0; 100]).is_ok() {
            echoed += 1;
            socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        }
    }
    assert!((700..920).contains(&echoed), "{echoed} of 1,000 at 10 % each way");
}

fn laptop_gets_20_mbit() {
    let mut stream = connect((plan::BULK.v4[0], plan::SOURCE_PORT).into()).unwrap();
    let started = Instant::now();
    stream.write_all(&5_000_000u64.to_be_bytes()).unwrap();
    std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    let rate = 5_000_000.0 * 8.0 / started.elapsed().as_secs_f64() / 1e6;
    assert!((10.0..20.5).contains(&rate), "{rate} Mbit/s");
}

fn exit_codes_and_signals_reach_the_outside() {
    assert_eq!(again("exit 42").status().unwrap().code(), Some(42));
    assert_eq!(again("kill -9 $$").status().unwrap().code(), Some(128 + 9));
    let output = again("pwd; cat").stdin(Stdio::null()).current_dir("/tmp").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "/tmp\n");
}

fn a_signal_sent_to_the_waiting_process_is_passed_on() {
    for (signal, code) in [(Signal::SIGTERM, 7), (Signal::SIGINT, 8)] {
        let mut child = again("trap 'exit 7' TERM; trap 'exit 8' INT; echo up; while :; do sleep 0.05; done")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_line(&mut child);
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}

fn a_killed_world_leaves_nothing_behind() {
    // The sleepers in the world have a duration of their own, to be found by from outside.
    let mark = format!("3600.{}", std::process::id());
    let mut child = again(&format!("setsid sleep {mark} & sleep {mark} & wait")).spawn().unwrap();
    let both_sleep = until(|| processes_with(&mark) == 2);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert!(both_sleep, "the sleepers never started");
    assert!(until(|| processes_with(&mark) == 0), "something lives on");
}

fn nobody_needs_to_be_root() {
    let output = unprivileged("id -u; cat /proc/sys/net/ipv4/ping_group_range; exit 3");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n0\t0\n");
}

fn a_closed_tun_device_is_named() {
    let mode = fs::metadata("/dev/net/tun").expect("this test needs /dev/net/tun").permissions().mode();
    let output = unprivileged("delay");
    if mode & 0o006 == 0o006 {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    assert_eq!(output.status.code(), Some(99));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("/dev/net/tun") && text.contains(Code::TunUnavailable.as_str()), "{text}");
}

fn the_users_session_is_reached_and_hawsers_own_is_not() {
    let outside = tempfile::tempdir().expect("a directory");
    let socket = UnixListener::bind(outside.path().join("wayland-0")).unwrap();
    fs::create_dir_all(outside.path().join("pulse/inner")).unwrap();
    fs::create_dir(outside.path().join("hawser")).unwrap();
    fs::write(outside.path().join("hawser/app.sock"), "the user's").unwrap();
    // A `/run` of this test's own, which the world then hides as it would hide the host's.
    let script = "mount -t tmpfs run /run && mkdir -p $XDG_RUNTIME_DIR && mount --bind $1 $XDG_RUNTIME_DIR && exec $2 $3 session";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh"])
        .args([outside.path(), &env::current_exe().unwrap(), INSIDE.as_ref()])
        .env("XDG_RUNTIME_DIR", SESSION)
        .output()
        .expect("unshare");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut said = String::new();
    socket.accept().unwrap().0.read_to_string(&mut said).unwrap();
    assert_eq!(said, "a window");
    let left: Vec<_> =
        fs::read_dir(outside.path().join("hawser")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["app.sock"]);
}

fn laptop_finds_the_session() {
    let folder = Path::new(SESSION);
    let mut window = UnixStream::connect(folder.join("wayland-0")).unwrap();
    window.write_all(b"a window").unwrap();
    assert!(folder.join("pulse/inner").is_dir());
    assert!(!folder.join("hawser").exists());
    fs::create_dir(folder.join("hawser")).unwrap();
    fs::write(folder.join("hawser/another"), "the world's").unwrap();
    assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Runs this program as a user without rights, from a place that every user may see.
fn unprivileged(what: &str) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("an open directory");
    let copy = directory.path().join("world");
    fs::copy(env::current_exe().unwrap(), &copy).expect("a copy of this program");
    let mut command = Command::new(&copy);
    command.args([INSIDE, what]).current_dir("/");
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().expect("the copy starts")
}

fn until(condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

fn wait_for_line(child: &mut std::process::Child) {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
}

fn processes_with(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.starts_with(b"sleep") && String::from_utf8_lossy(line).contains(mark)).count()
}

fn resolve(name: &str) -> Vec<IpAddr> {
    let mut found: Vec<_> = (name, 0).to_socket_addrs().into_iter().flatten().map(|address| address.ip()).collect();
    found.sort();
    found.dedup();
    found
}

fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn get(address: SocketAddr) -> String {
    let mut stream = connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

fn unspecified(like: IpAddr) -> SocketAddr {
    if like.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() }
}
