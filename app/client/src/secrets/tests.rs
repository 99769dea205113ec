//! Against a real keyring that is open, locked midway, absent, dead and silent.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hawser_fault::Code;
use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::testing::{Desk, login, until};
use super::{Secrets, limits};

fn holds(file: &Path, text: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|all| all.contains(text))
}

#[tokio::test]
async fn an_open_keyring_keeps_logins_and_the_file_none() {
    let desk = Desk::with_keyring(b"\n").await;
    let secrets = desk.secrets();
    assert_eq!(secrets.recall("dev").await, None);
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    secrets.keep("dev", &login("first", None)).await.unwrap();
    secrets.keep("dev", &login("second", Some(end))).await.unwrap();
    secrets.keep("lab", &login("third", None)).await.unwrap();
    // Another companion finds them.
    let secrets = desk.secrets();
    assert_eq!(secrets.recall("dev").await, Some(login("second", Some(end))));
    let kept = secrets.kept().await;
    assert_eq!((kept.connections, kept.problem, kept.in_file), (vec!["dev".into(), "lab".into()], None, false));
    assert!(!desk.file().exists());
    secrets.forget("dev").await.unwrap();
    secrets.forget("dev").await.unwrap();
    assert_eq!((secrets.recall("dev").await, secrets.recall("lab").await), (None, Some(login("third", None))));
}

#[tokio::test]
async fn a_keyring_locked_midway_asks_nobody_and_the_file_stands_in_until_it_is_open_again() {
    let mut desk = Desk::with_keyring(b"\n").await;
    let secrets = desk.secrets();
    secrets.keep("dev", &login("first", None)).await.unwrap();
    desk.lock().await;
    let begun = Instant::now();
    assert_eq!(secrets.recall("dev").await, None, "nobody is asked");
    secrets.keep("dev", &login("second", None)).await.unwrap();
    assert!(begun.elapsed() < limits::ANSWER, "{:?}", begun.elapsed());
    assert!(holds(&desk.file(), "second"));
    assert_eq!(secrets.recall("dev").await, Some(login("second", None)));
    let kept = secrets.kept().await;
    assert_eq!(kept.problem.map(|fault| fault.code), Some(Code::KeyringLocked));
    assert_eq!((kept.connections, kept.in_file), (vec!["dev".to_owned()], true));
    assert_eq!(secrets.forget("dev").await.unwrap_err().code, Code::KeyringLocked);
    secrets.keep("dev", &login("third", None)).await.unwrap();

    // Nobody can be asked here; a daemon that is given the password stands for it.
    desk.signal_keyring(Signal::SIGKILL);
    desk.keyring.take().unwrap().wait().unwrap();
    desk.start_keyring(b"\n").await;
    secrets.unlock().await.unwrap();
    assert!(!desk.file().exists(), "moved");
    assert_eq!(secrets.recall("dev").await, Some(login("third", None)));
    assert_eq!(secrets.kept().await.problem, None);
}

#[tokio::test]
async fn without_a_keyring_the_file_stands_in_at_once() {
    let no_keyring = Desk::without_keyring().await;
    let never_unlocked = Desk::with_keyring(b"").await;
    let no_bus = "unix:path=/nowhere/bus".to_owned();
    let file = no_keyring.home.path().join("other");
    for secrets in [no_keyring.secrets(), never_unlocked.secrets(), Secrets::new(Some(no_bus), file)] {
        let begun = Instant::now();
        assert_eq!(secrets.recall("dev").await, None);
        secrets.keep("dev", &login("one", None)).await.unwrap();
        assert_eq!(secrets.recall("dev").await, Some(login("one", None)));
        let kept = secrets.kept().await;
        let fault = kept.problem.unwrap();
        assert_eq!(fault.code, Code::KeyringAbsent, "{fault}");
        assert!(kept.in_file);
        assert_eq!(secrets.unlock().await.unwrap_err().code, Code::KeyringAbsent);
        secrets.forget("dev").await.unwrap();
        assert!(begun.elapsed() < limits::ANSWER, "{fault}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_keyring_that_dies_or_hangs_is_not_waited_for() {
    let desk = Desk::with_keyring(b"\n").await;
    let secrets = desk.secrets();
    secrets.keep("dev", &login("first", None)).await.unwrap();
    desk.signal_keyring(Signal::SIGSTOP);
    let begun = Instant::now();
    assert_eq!(secrets.recall("dev").await, None);
    secrets.keep("dev", &login("second", None)).await.unwrap();
    assert!(begun.elapsed() < limits::ANSWER * 3, "{:?}", begun.elapsed());
    assert!(holds(&desk.file(), "second"));
    desk.signal_keyring(Signal::SIGCONT);
    assert_eq!(secrets.recall("dev").await, Some(login("second", None)));
    until("moved", async || {
        secrets.recall("dev").await;
        !desk.file().exists()
    })
    .await;

    desk.signal_keyring(Signal::SIGKILL);
    until("gone", async || desk.service().await.is_none()).await;
    secrets.keep("dev", &login("third", None)).await.unwrap();
    assert!(holds(&desk.file(), "third"));
}
