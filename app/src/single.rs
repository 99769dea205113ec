//! One application a user: the first holds a lock and listens; any later one asks it to show its window, and ends.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use hawser_controller::Screen;
use hawser_fault::{Code, Fault};
use nix::fcntl::{Flock, FlockArg};

use crate::options::parse_screen;

/// How long the first may take to listen and to answer.
const ANSWERS: Duration = Duration::from_secs(5);
/// How long another process may take to say what it wants.
const ASKS: Duration = Duration::from_secs(1);
/// The longest line either way.
const LINE: u64 = 64;
const SHOWN: &str = "shown\n";

/// Who this process is.
pub(crate) enum Claim {
    /// The only one.
    First(Instance),
    /// Another one runs and shows its window now.
    Later,
}

/// The right to be the only one, for as long as it lives.
pub(crate) struct Instance {
    lock: Flock<File>,
    listener: UnixListener,
}

/// Claims `folder`, which only this user can enter. A later process asks for `screen`.
///
/// # Errors
/// `internal` if the folder can't be used, or the first doesn't answer.
pub(crate) fn claim(folder: &Path, screen: Option<Screen>) -> Result<Claim, Fault> {
    let socket = folder.join("app.sock");
    let end = Instant::now() + ANSWERS;
    loop {
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("app.lock"));
        let lock = lock.map_err(|error| unusable(folder, &error))?;
        match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return listen(&socket, lock).map(Claim::First).map_err(|error| unusable(folder, &error)),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {}
            Err((_, errno)) => return Err(unusable(folder, &errno.into())),
        }
        // It may have the lock and not listen yet, or be about to end.
        match ask(&socket, screen) {
            Ok(()) => return Ok(Claim::Later),
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => {
                let detail = format!("another hawser-app of yours runs and does not show its window: {error}");
                return Err(Fault::new(Code::Internal, detail).with_fix("End it, and start it again."));
            }
        }
    }
}

impl Instance {
    /// Calls `show` whenever another process asks, on a thread of its own.
    pub(crate) fn serve(self, show: impl Fn(Option<Screen>) + Send + 'static) {
        let Self { lock, listener } = self;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Err(error) = answer(&stream, &show) {
                    tracing::debug!(%error, "another process was not understood");
                }
            }
            drop(lock);
        });
    }
}

fn listen(socket: &Path, lock: Flock<File>) -> io::Result<Instance> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(Instance { lock, listener: UnixListener::bind(socket)? })
}

fn ask(socket: &Path, screen: Option<Screen>) -> io::Result<()> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWERS))?;
    let name = screen.map(|screen| serde_json::to_value(screen).map_err(io::Error::other)).transpose()?;
    writeln!(&stream, "{}", name.as_ref().and_then(|name| name.as_str()).unwrap_or_default())?;
    match read_line(&stream)?.as_str() {
        SHOWN => Ok(()),
        other => Err(io::Error::other(format!("it said {other:?}"))),
    }
}

fn answer(stream: &UnixStream, show: &impl Fn(Option<Screen>)) -> io::Result<()> {
    stream.set_read_timeout(Some(ASKS))?;
    stream.set_write_timeout(Some(ASKS))?;
    let line = read_line(stream)?;
    let name = line.strip_suffix('\n').ok_or_else(|| io::Error::other("half a line"))?;
    let screen = if name.is_empty() { None } else { Some(parse_screen(name).map_err(io::Error::other)?) };
    show(screen);
    let mut stream = stream;
    stream.write_all(SHOWN.as_bytes())
}

fn read_line(stream: &UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(LINE)).read_line(&mut line)?;
    Ok(line)
}

fn unusable(folder: &Path, error: &io::Error) -> Fault {
    Fault::new(Code::Internal, format!("{} cannot hold the application's socket: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn first(folder: &Path) -> Instance {
        match claim(folder, None).unwrap() {
            Claim::First(instance) => instance,
            Claim::Later => panic!("nobody else is there"),
        }
    }

    #[test]
    fn a_later_one_asks_for_its_screen_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, asked) = channel();
        first(folder.path()).serve(move |screen| sender.send(screen).unwrap());
        for screen in [None, Some(Screen::Doctor)] {
            assert!(matches!(claim(folder.path(), screen).unwrap(), Claim::Later));
            assert_eq!(asked.recv().unwrap(), screen);
        }
    }

    #[test]
    fn garbage_is_not_answered_and_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, asked) = channel();
        first(folder.path()).serve(move |screen| sender.send(screen).unwrap());
        for garbage in ["doctor", "no-such-screen\n", &"x".repeat(4096)] {
            let mut stream = UnixStream::connect(folder.path().join("app.sock")).unwrap();
            // What is too long may be cut off.
            let _ = stream.write_all(garbage.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            assert_eq!(answer, b"", "{garbage:.20}");
        }
        assert!(matches!(claim(folder.path(), None).unwrap(), Claim::Later));
        assert_eq!(asked.recv().unwrap(), None);
    }

    #[test]
    fn what_a_killed_one_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        drop(first(folder.path()));
        assert!(folder.path().join("app.sock").exists());
        drop(first(folder.path()));
    }
}
