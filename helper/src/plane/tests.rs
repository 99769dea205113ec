//! A plane's thread on a real device, in a network namespace of the test's own.

use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::address;
use crate::namespace::in_network;

const DEADLINE: Duration = Duration::from_secs(10);

#[test]
fn a_thread_that_hangs_does_not_answer() {
    in_network(module_path!(), "a_thread_that_hangs_does_not_answer", async || {
        let upstreams = watch::Sender::new(Upstreams::default());
        let (plane, _events) = Plane::start(PlaneConfig {
            device: "hawser0".to_owned(),
            addresses: address::plan(0),
            suffix: String::new(),
            identity: Arc::new(Identity::generate().unwrap()),
            upstreams: upstreams.subscribe(),
            deliveries: None,
        })
        .unwrap();
        timeout(DEADLINE, plane.answers()).await.unwrap();
        let (path, (holds, mut held), (release, released)) =
            (plane.path.clone(), mpsc::channel(1), mpsc::channel::<()>(1));
        let holding = std::thread::spawn(move || hold(&path, &holds, released));
        timeout(DEADLINE, held.recv()).await.unwrap();
        // The first finds it asleep.
        let _ = timeout(Duration::from_millis(200), plane.answers()).await;
        assert!(timeout(Duration::from_millis(200), plane.answers()).await.is_err());
        drop(release);
        holding.join().unwrap();
        timeout(DEADLINE, plane.answers()).await.unwrap();
        let commands = plane.commands.clone();
        plane.stop().await;
        assert!(commands.is_closed());
    });
}

/// Keeps the thread from its work until it is released.
fn hold(path: &Mutex<DataPath>, holds: &mpsc::Sender<()>, mut released: Receiver<()>) {
    let _held = path.lock();
    holds.blocking_send(()).unwrap();
    let _ = released.blocking_recv();
}
