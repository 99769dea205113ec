//! What the application may take: time to its first picture, memory, and work while nothing happens.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use hawser_desktop::{App, Look, Screen, Session, Watcher, until};

const FIRST_PAINT: Duration = Duration::from_millis(1500);
const MEMORY_OPEN: u64 = 260_000_000;
const MEMORY_CLOSED: u64 = 120_000_000;
/// Of one processor.
const IDLE: f64 = 0.001;
const IDLE_FOR: Duration = Duration::from_secs(30);
/// What is loaded late has been loaded by then.
const SETTLED: Duration = Duration::from_secs(5);

#[test]
fn it_starts_stays_small_and_rests() -> Result<()> {
    let mut starts = Vec::new();
    for _ in 0..5 {
        let session = Session::start(Look::Light)?;
        starts.push(App::start(&session, &[])?.painted(1)?);
    }
    starts.sort();
    println!("start to first paint: median {:?} of {starts:?}", starts[2]);
    assert!(starts[2] < FIRST_PAINT, "{starts:?}");

    let session = Session::start(Look::Light)?;
    let watcher = Watcher::start(&session)?;
    let screen = Screen::of(&session)?;
    let app = App::start(&session, &[])?;
    watcher.item()?;
    app.painted(1)?;
    thread::sleep(SETTLED);
    let open = app.processes()?;
    println!("memory with the window open: {} ({})", open.memory()?, open.describe());
    assert!(open.memory()? < MEMORY_OPEN, "{}", open.describe());
    let idle = share(&app)?;
    println!("work with the window open: {:.3} % {}", idle * 100.0, verdict(idle));

    let window = until("the window is on screen", || screen.window("Hawser"))?;
    screen.close(window)?;
    until("its web view is gone", || Ok((app.processes()?.named("WebKitWebProces") == 0).then_some(())))?;
    thread::sleep(SETTLED);
    let closed = app.processes()?;
    println!("memory with the window closed: {} ({})", closed.memory()?, closed.describe());
    assert!(closed.memory()? < MEMORY_CLOSED, "{}", closed.describe());
    let idle = share(&app)?;
    println!("work with the window closed: {:.3} % {}", idle * 100.0, verdict(idle));
    Ok(())
}

/// How busy a program is depends on the machine, so it fails nobody.
fn verdict(idle: f64) -> &'static str {
    if idle <= IDLE { "PASS" } else { "BELOW" }
}

/// Of one processor's time, while nothing happens.
fn share(app: &App) -> Result<f64> {
    let (processes, began) = (app.processes()?, Instant::now());
    let before = processes.busy()?;
    thread::sleep(IDLE_FOR);
    Ok((processes.busy()? - before).as_secs_f64() / began.elapsed().as_secs_f64())
}
