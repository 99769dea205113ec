//! A server on real folders: what it does, and what it is kept from.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use russh_sftp::extensions::{self, HardlinkExtension, StatvfsExtension};
use russh_sftp::protocol::{
    Close, Extended, FileAttributes, Init, Lstat, MkDir, Open, OpenDir, OpenFlags, Packet, Read, ReadDir, ReadLink,
    Remove, Rename, RmDir, SetStat, Stat, StatusCode, Symlink, Write,
};
use tempfile::TempDir;

use super::root::Root;
use super::server;
use crate::limits;

const ID: u32 = 7;

/// A client of a server of one folder.
struct Client(UnixStream);

impl Client {
    fn of(folder: &Path) -> Self {
        let (near, far) = UnixStream::pair().unwrap();
        // What never answers is an error too.
        near.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let root = Root::open(folder).unwrap();
        std::thread::spawn(move || server::serve(root, far));
        Self(near)
    }

    fn ask(&mut self, request: Packet) -> Packet {
        self.ask_raw(&Bytes::try_from(request).unwrap())
    }

    fn ask_raw(&mut self, request: &[u8]) -> Packet {
        self.0.write_all(request).unwrap();
        let mut length = [0; 4];
        self.0.read_exact(&mut length).unwrap();
        let mut packet = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut packet).unwrap();
        Packet::try_from(&mut Bytes::from(packet)).unwrap()
    }

    fn open(&mut self, path: &str, pflags: OpenFlags) -> Result<String, StatusCode> {
        match self.ask(open(path, pflags)) {
            Packet::Handle(handle) => Ok(handle.handle),
            Packet::Status(status) => Err(status.status_code),
            other => panic!("{other:?}"),
        }
    }
}

fn open(path: &str, pflags: OpenFlags) -> Packet {
    Packet::Open(Open { id: ID, filename: path.to_owned(), pflags, attrs: FileAttributes::default() })
}

fn set(path: &str, attrs: FileAttributes) -> Packet {
    Packet::SetStat(SetStat { id: ID, path: path.to_owned(), attrs })
}

fn rename(from: &str, to: &str) -> Packet {
    Packet::Rename(Rename { id: ID, oldpath: from.to_owned(), newpath: to.to_owned() })
}

fn two_paths(request: &str, from: &str, to: &str) -> Packet {
    let data = HardlinkExtension { oldpath: from.to_owned(), newpath: to.to_owned() }.try_into().unwrap();
    Packet::Extended(Extended { id: ID, request: request.to_owned(), data })
}

fn status(packet: &Packet) -> Option<StatusCode> {
    match packet {
        Packet::Status(status) => {
            assert_eq!(status.id, ID);
            Some(status.status_code)
        }
        _ => None,
    }
}

/// A folder `root` with volumes, and beside it what nobody may touch.
fn world() -> TempDir {
    let world = tempfile::tempdir().unwrap();
    let at = |path: &str| world.path().join(path);
    fs::create_dir_all(at("root/data/sub")).unwrap();
    fs::create_dir_all(at("outside/empty")).unwrap();
    fs::write(at("outside/secret"), "secret").unwrap();
    fs::write(at("root/data/file"), "file").unwrap();
    symlink("elsewhere", at("outside/link")).unwrap();
    symlink("../../outside/secret", at("root/data/up")).unwrap();
    symlink(at("outside/secret"), at("root/data/absolute")).unwrap();
    symlink(at("outside"), at("root/data/folder")).unwrap();
    symlink("../../outside", at("root/data/sideways")).unwrap();
    symlink("/proc/self/root", at("root/data/magic")).unwrap();
    symlink("sub", at("root/data/inside")).unwrap();
    world
}

/// Mode, links, time of change, owner and content of a file.
type Known = (u32, u64, i64, u32, Option<Vec<u8>>);

/// Everything there is below a folder, with all that could be changed of it.
fn state(folder: &Path) -> BTreeMap<String, Known> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            found.extend(state(&path));
        }
        let content = metadata.is_file().then(|| fs::read(&path).unwrap());
        let links = metadata.nlink();
        let known = (metadata.mode(), links, metadata.mtime(), metadata.uid(), content);
        found.insert(path.display().to_string(), known);
    }
    found
}

#[test]
fn nothing_outside_can_be_reached() {
    let world = world();
    let outside = world.path().join("outside");
    let before = state(&outside);
    let mut client = Client::of(&world.path().join("root"));
    let absolute = outside.join("secret").display().to_string();
    let ways = [
        "/../outside/secret",
        "../outside/secret",
        "/data/../../outside/secret",
        "//data//..//..//outside/secret",
        "/data/./../../outside/secret",
        "/data/folder/secret",
        "/data/sideways/secret",
        "/data/magic/etc/passwd",
        absolute.as_str(),
    ];
    let write = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let path = str::to_owned;
    let mode = FileAttributes { permissions: Some(0o777), ..FileAttributes::default() };
    let size = FileAttributes { size: Some(0), ..FileAttributes::default() };
    let times = FileAttributes { atime: Some(1), mtime: Some(1), ..FileAttributes::default() };
    let owner = FileAttributes { uid: Some(1), gid: Some(1), ..FileAttributes::default() };
    for way in ways {
        let of_folder = way.rsplit_once('/').unwrap().0;
        let new = format!("{of_folder}/new");
        let requests = [
            open(way, OpenFlags::READ),
            open(way, write),
            open(&new, write),
            open(&new, write | OpenFlags::EXCLUDE),
            Packet::OpenDir(OpenDir { id: ID, path: path(of_folder) }),
            Packet::Stat(Stat { id: ID, path: path(way) }),
            Packet::Lstat(Lstat { id: ID, path: path(way) }),
            set(way, mode.clone()),
            set(way, size.clone()),
            set(way, times.clone()),
            set(way, owner.clone()),
            Packet::MkDir(MkDir { id: ID, path: new.clone(), attrs: FileAttributes::default() }),
            Packet::Remove(Remove { id: ID, filename: path(way) }),
            Packet::RmDir(RmDir { id: ID, path: format!("{of_folder}/empty") }),
            Packet::ReadLink(ReadLink { id: ID, path: format!("{of_folder}/link") }),
            // The text of a link comes before its place.
            Packet::Symlink(Symlink { id: ID, linkpath: path("text"), targetpath: new.clone() }),
            rename(way, "/data/got"),
            rename("/data/file", &new),
            two_paths("posix-rename@openssh.com", way, "/data/got"),
            two_paths("posix-rename@openssh.com", "/data/file", way),
            two_paths(extensions::HARDLINK, way, "/data/got"),
            two_paths(extensions::HARDLINK, "/data/file", &new),
            Packet::Extended(Extended {
                id: ID,
                request: path(extensions::STATVFS),
                data: StatvfsExtension { path: path(way) }.try_into().unwrap(),
            }),
        ];
        for request in requests {
            let asked = format!("{request:?}");
            let answer = client.ask(request);
            assert!(status(&answer).is_some_and(|code| code != StatusCode::Ok), "{asked}: {answer:?}");
        }
    }
    assert_eq!(state(&outside), before);
    assert!(!world.path().join("root/data/got").exists());
}

#[test]
fn a_link_at_the_end_is_not_followed_either() {
    let world = world();
    let outside = world.path().join("outside");
    let before = state(&outside);
    let mut client = Client::of(&world.path().join("root"));
    let mode = FileAttributes { permissions: Some(0o777), ..FileAttributes::default() };
    let size = FileAttributes { size: Some(0), ..FileAttributes::default() };
    for link in ["/data/up", "/data/absolute", "/data/folder", "/data/inside"] {
        for flags in [OpenFlags::READ, OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE] {
            assert!(client.open(link, flags).is_err(), "{link}");
        }
        for change in [&mode, &size] {
            let answer = client.ask(set(link, change.clone()));
            assert_ne!(status(&answer), Some(StatusCode::Ok), "{link}");
        }
        assert!(status(&client.ask(Packet::OpenDir(OpenDir { id: ID, path: link.to_owned() }))).is_some());
        for look in [
            Packet::Stat(Stat { id: ID, path: link.to_owned() }),
            Packet::Lstat(Lstat { id: ID, path: link.to_owned() }),
        ] {
            let Packet::Attrs(attrs) = client.ask(look) else { panic!("{link} is there") };
            assert!(attrs.attrs.is_symlink(), "{link}");
        }
    }
    // What becomes of a link itself is its own.
    let times = FileAttributes { atime: Some(1), mtime: Some(1), ..FileAttributes::default() };
    assert_eq!(status(&client.ask(set("/data/up", times))), Some(StatusCode::Ok));
    assert_eq!(
        status(&client.ask(Packet::Remove(Remove { id: ID, filename: "/data/up".to_owned() }))),
        Some(StatusCode::Ok)
    );
    assert_eq!(state(&outside), before);
}

#[test]
fn files_are_made_written_read_and_removed() {
    let world = world();
    let data = world.path().join("root/data");
    let mut client = Client::of(&world.path().join("root"));
    let Packet::Version(version) =
        client.ask(Packet::Init(Init { version: 3, extensions: std::collections::HashMap::default() }))
    else {
        panic!("no version")
    };
    assert!(version.version == 3 && version.extensions.contains_key("posix-rename@openssh.com"));
    let handle = client.open("/data/new", OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE).unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for (offset, part) in [(32_768, &bytes[32_768..]), (0, &bytes[..32_768])] {
        let write = Write { id: ID, handle: handle.clone(), offset, data: part.to_vec() };
        assert_eq!(status(&client.ask(write.into())), Some(StatusCode::Ok));
    }
    assert_eq!(fs::read(data.join("new")).unwrap(), bytes);
    let read = |offset| Packet::Read(Read { id: ID, handle: handle.clone(), offset, len: 1 << 30 });
    let Packet::Data(found) = client.ask(read(10)) else { panic!("no data") };
    assert_eq!(found.data, bytes[10..]);
    assert_eq!(status(&client.ask(read(100_000))), Some(StatusCode::Eof));
    let close = || Packet::Close(Close { id: ID, handle: handle.clone() });
    assert_eq!(status(&client.ask(close())), Some(StatusCode::Ok));
    assert_eq!(status(&client.ask(close())), Some(StatusCode::Failure), "it is closed already");

    assert_eq!(status(&client.ask(rename("/data/new", "/data/file"))), Some(StatusCode::Failure), "it is there");
    let over = two_paths("posix-rename@openssh.com", "/data/new", "/data/file");
    assert_eq!(status(&client.ask(over)), Some(StatusCode::Ok));
    assert_eq!(fs::read(data.join("file")).unwrap(), bytes);
    let link = Symlink { id: ID, linkpath: "sub/x".to_owned(), targetpath: "/data/made".to_owned() };
    assert_eq!(status(&client.ask(link.into())), Some(StatusCode::Ok));
    assert_eq!(fs::read_link(data.join("made")).unwrap(), Path::new("sub/x"));
    let Packet::Name(text) = client.ask(Packet::ReadLink(ReadLink { id: ID, path: "/data/made".to_owned() })) else {
        panic!("no text")
    };
    assert_eq!(text.files[0].filename, "sub/x");
}

#[test]
fn a_folder_is_told_whole() {
    let world = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..limits::SFTP_ENTRIES * 2 + 3).map(|number| format!("file-{number:04}")).collect();
    for name in &names {
        fs::write(world.path().join(name), "").unwrap();
    }
    let mut client = Client::of(world.path());
    let Packet::Handle(handle) = client.ask(Packet::OpenDir(OpenDir { id: ID, path: "/".to_owned() })) else {
        panic!("no folder")
    };
    let mut found = Vec::new();
    while let Packet::Name(some) = client.ask(Packet::ReadDir(ReadDir { id: ID, handle: handle.handle.clone() })) {
        assert!(some.files.iter().all(|file| file.attrs.is_regular()));
        found.extend(some.files.into_iter().map(|file| file.filename));
    }
    found.sort();
    assert_eq!(found, names);
}

#[test]
fn what_can_be_asked_for_has_bounds() {
    let world = world();
    let mut client = Client::of(&world.path().join("root"));
    for _ in 0..limits::OPEN_FILES {
        client.open("/data/file", OpenFlags::READ).unwrap();
    }
    assert_eq!(client.open("/data/file", OpenFlags::READ), Err(StatusCode::Failure));
    client.0.write_all(&u32::MAX.to_be_bytes()).unwrap();
    assert_eq!(client.0.read(&mut [0]).unwrap(), 0, "the server has hung up");
}

#[test]
fn a_pipe_holds_nobody_up() {
    let world = world();
    let pipe = world.path().join("root/data/pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut client = Client::of(&world.path().join("root"));
    for flags in [OpenFlags::READ, OpenFlags::WRITE, OpenFlags::READ | OpenFlags::WRITE] {
        assert!(client.open("/data/pipe", flags).is_err());
    }
    assert!(client.open("/data/file", OpenFlags::READ).is_ok());
}

#[test]
fn what_cannot_be_read_is_answered_by_its_number() {
    let world = world();
    let mut client = Client::of(&world.path().join("root"));
    // An lstat whose path is no UTF-8.
    let mut request = vec![0, 0, 0, 10, 7];
    request.extend_from_slice(&ID.to_be_bytes());
    request.extend_from_slice(&[0, 0, 0, 1, 0xff]);
    assert!(status(&client.ask_raw(&request)).is_some_and(|code| code != StatusCode::Ok));
    // A kind that nobody knows.
    let mut request = vec![0, 0, 0, 5, 99];
    request.extend_from_slice(&ID.to_be_bytes());
    assert_eq!(status(&client.ask_raw(&request)), Some(StatusCode::BadMessage));
}
