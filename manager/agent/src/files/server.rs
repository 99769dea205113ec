//! One client's requests, in the order in which they come.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;

use bytes::Bytes;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, readlinkat, renameat, renameat2};
use nix::sys::stat::{Mode, SFlag, fstat, mkdirat};
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};
use russh_sftp::de::from_bytes;
use russh_sftp::extensions::{self, FsyncExtension, HardlinkExtension, Statvfs, StatvfsExtension};
use russh_sftp::protocol::{
    Attrs, Data, Extended, ExtendedReply, File as Entry, FileAttributes, Handle as Named, Name, OpenFlags, Packet,
    StatusCode, Version,
};
use russh_sftp::ser::to_bytes;

use super::attributes;
use super::handles::{Handle, Handles};
use super::root::Root;
use crate::limits;

/// Renames over what is there, as rename(2) does; OpenSSH's extension, with the two paths of its hard links.
const POSIX_RENAME: &str = "posix-rename@openssh.com";

/// Answers until the client is gone, or sends what is no sftp.
pub fn serve(root: Root, stream: UnixStream) {
    let mut server = Server { root, handles: Handles::default() };
    // The end says all that there is to say.
    let _ = server.run(&stream);
}

struct Server {
    root: Root,
    handles: Handles,
}

/// The answer to a request, but for its number.
enum Answer {
    Done,
    Attributes(FileAttributes),
    Handle(String),
    Data(Vec<u8>),
    Names(Vec<Entry>),
    Extended(Vec<u8>),
    /// Nothing more is there.
    End,
}

impl Server {
    fn run(&mut self, stream: &UnixStream) -> io::Result<()> {
        let (mut requests, mut replies) = (BufReader::with_capacity(limits::SFTP_PACKET, stream), stream);
        loop {
            let mut length = [0; 4];
            requests.read_exact(&mut length)?;
            let length = u32::from_be_bytes(length) as usize;
            if length > limits::SFTP_PACKET {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut packet = vec![0; length];
            requests.read_exact(&mut packet)?;
            let reply = Bytes::try_from(self.reply(packet.into())).map_err(|_| io::ErrorKind::InvalidData)?;
            replies.write_all(&reply)?;
        }
    }

    fn reply(&mut self, mut packet: Bytes) -> Packet {
        // A type, then the number: it is answered even if the rest can't be read.
        let number = packet.get(1..5).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
        let Ok(request) = Packet::try_from(&mut packet) else { return Packet::error(number, StatusCode::BadMessage) };
        if let Packet::Init(_) = request {
            return version().into();
        }
        match self.answer(request) {
            Ok(Answer::Done) => Packet::error(number, StatusCode::Ok),
            Ok(Answer::End) => Packet::error(number, StatusCode::Eof),
            Ok(Answer::Attributes(attrs)) => Attrs { id: number, attrs }.into(),
            Ok(Answer::Handle(handle)) => Named { id: number, handle }.into(),
            Ok(Answer::Data(data)) => Data { id: number, data }.into(),
            Ok(Answer::Names(files)) => Name { id: number, files }.into(),
            Ok(Answer::Extended(data)) => ExtendedReply { id: number, data }.into(),
            Err(error) => Packet::status(number, code(error), error.desc(), "en"),
        }
    }

    fn answer(&mut self, request: Packet) -> Result<Answer, Errno> {
        let root = &self.root;
        match request {
            Packet::Open(open) => self.open(&open.filename, open.pflags, &open.attrs).map(Answer::Handle),
            Packet::OpenDir(open) => self.open_folder(&open.path).map(Answer::Handle),
            Packet::Close(close) => self.handles.close(&close.handle).map(|()| Answer::Done),
            Packet::Read(read) => self.read(&read.handle, read.offset, read.len),
            Packet::Write(write) => {
                let file = self.handles.file(&write.handle)?;
                done(file.write_all_at(&write.data, write.offset))
            }
            Packet::ReadDir(read) => self.read_folder(&read.handle),
            Packet::Lstat(stat) => self.look_at(&stat.path),
            Packet::Stat(stat) => self.look_at(&stat.path),
            Packet::Fstat(stat) => attributes::of(self.handles.file(&stat.handle)?).map(Answer::Attributes),
            Packet::SetStat(set) => attributes::change(root, &set.path, &set.attrs).map(|()| Answer::Done),
            Packet::FSetStat(set) => {
                attributes::change_open(self.handles.file(&set.handle)?, &set.attrs).map(|()| Answer::Done)
            }
            Packet::MkDir(make) => {
                let place = root.place(&make.path)?;
                mkdirat(place.folder(), place.name.as_str(), mode(&make.attrs, 0o777)).map(|()| Answer::Done)
            }
            Packet::Remove(remove) => self.remove(&remove.filename, UnlinkatFlags::NoRemoveDir),
            Packet::RmDir(remove) => self.remove(&remove.path, UnlinkatFlags::RemoveDir),
            Packet::Rename(rename) => {
                let (old, new) = (root.place(&rename.oldpath)?, root.place(&rename.newpath)?);
                let flags = RenameFlags::RENAME_NOREPLACE;
                renameat2(old.folder(), old.name.as_str(), new.folder(), new.name.as_str(), flags)
                    .map(|()| Answer::Done)
            }
            Packet::ReadLink(read) => self.read_link(&read.path),
            // OpenSSH's servers take the text of the link before its place, and so do all clients.
            Packet::Symlink(link) => {
                let place = root.place(&link.targetpath)?;
                symlinkat(link.linkpath.as_str(), place.folder(), place.name.as_str()).map(|()| Answer::Done)
            }
            Packet::RealPath(real) => Ok(Answer::Names(vec![Entry::dummy(absolute(&real.path))])),
            Packet::Extended(extended) => self.extended(extended),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    /// Pipes and devices have no place among files that are carried elsewhere.
    fn open(&mut self, path: &str, asked: OpenFlags, attributes: &FileAttributes) -> Result<String, Errno> {
        let mut flags = match (asked.contains(OpenFlags::READ), asked.contains(OpenFlags::WRITE)) {
            (true, true) => OFlag::O_RDWR,
            (false, true) => OFlag::O_WRONLY,
            (_, false) => OFlag::O_RDONLY,
        };
        let known = [
            (OpenFlags::APPEND, OFlag::O_APPEND),
            (OpenFlags::CREATE, OFlag::O_CREAT),
            (OpenFlags::TRUNCATE, OFlag::O_TRUNC),
            (OpenFlags::EXCLUDE, OFlag::O_EXCL),
        ];
        flags.extend(known.into_iter().filter(|(theirs, _)| asked.contains(*theirs)).map(|(_, ours)| ours));
        // The kernel takes rights for what it does not create as a mistake (openat2(2)).
        let creates = flags.contains(OFlag::O_CREAT);
        let mode = if creates { mode(attributes, 0o666) } else { Mode::empty() };
        let file = self.root.at(path, flags, mode)?;
        let kind = SFlag::from_bits_truncate(fstat(&file)?.st_mode & SFlag::S_IFMT.bits());
        match kind {
            SFlag::S_IFREG => self.handles.add(Handle::File(File::from(file))),
            SFlag::S_IFDIR => Err(Errno::EISDIR),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    fn open_folder(&mut self, path: &str) -> Result<String, Errno> {
        let folder = self.root.at(path, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())?;
        let entries = std::fs::read_dir(attributes::by_descriptor(&folder));
        self.handles.add(Handle::Folder(entries.map_err(|error| attributes::errno(&error))?))
    }

    fn read(&self, handle: &str, offset: u64, length: u32) -> Result<Answer, Errno> {
        let file = self.handles.file(handle)?;
        let mut data = vec![0; (length as usize).min(limits::SFTP_READ)];
        let mut filled = 0;
        while filled < data.len() {
            match file.read_at(&mut data[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(attributes::errno(&error)),
            }
        }
        data.truncate(filled);
        Ok(if data.is_empty() { Answer::End } else { Answer::Data(data) })
    }

    /// Some more entries. Those whose names are no UTF-8 can't be told.
    fn read_folder(&mut self, handle: &str) -> Result<Answer, Errno> {
        let entries = self.handles.folder(handle)?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| attributes::errno(&error))?;
            // One that has just been removed is no entry any more.
            if let (Ok(filename), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) {
                names.push(Entry { filename, longname: String::new(), attrs: attributes::said(&metadata) });
            }
            if names.len() == limits::SFTP_ENTRIES {
                break;
            }
        }
        Ok(if names.is_empty() { Answer::End } else { Answer::Names(names) })
    }

    /// Of a link what the link is: nobody who asks wants it followed here.
    fn look_at(&self, path: &str) -> Result<Answer, Errno> {
        attributes::of(&File::from(self.root.look_at(path)?)).map(Answer::Attributes)
    }

    fn remove(&self, path: &str, what: UnlinkatFlags) -> Result<Answer, Errno> {
        let place = self.root.place(path)?;
        unlinkat(place.folder(), place.name.as_str(), what).map(|()| Answer::Done)
    }

    /// A link's text as it stands. Whoever has it must see to where it leads.
    fn read_link(&self, path: &str) -> Result<Answer, Errno> {
        let place = self.root.place(path)?;
        let text = readlinkat(place.folder(), place.name.as_str())?;
        let text = text.into_string().map_err(|_| Errno::EILSEQ)?;
        Ok(Answer::Names(vec![Entry::dummy(text)]))
    }

    fn extended(&mut self, Extended { request, data, .. }: Extended) -> Result<Answer, Errno> {
        let mut data = Bytes::from(data);
        let root = &self.root;
        match request.as_str() {
            POSIX_RENAME => {
                let HardlinkExtension { oldpath, newpath } = from_bytes(&mut data).map_err(|_| Errno::EINVAL)?;
                let (old, new) = (root.place(&oldpath)?, root.place(&newpath)?);
                renameat(old.folder(), old.name.as_str(), new.folder(), new.name.as_str()).map(|()| Answer::Done)
            }
            extensions::HARDLINK => {
                let HardlinkExtension { oldpath, newpath } = from_bytes(&mut data).map_err(|_| Errno::EINVAL)?;
                let (old, new) = (root.place(&oldpath)?, root.place(&newpath)?);
                let (from, to) = (old.name.as_str(), new.name.as_str());
                linkat(old.folder(), from, new.folder(), to, AtFlags::empty()).map(|()| Answer::Done)
            }
            extensions::FSYNC => {
                let FsyncExtension { handle } = from_bytes(&mut data).map_err(|_| Errno::EINVAL)?;
                done(self.handles.file(&handle)?.sync_all())
            }
            extensions::STATVFS => {
                let StatvfsExtension { path } = from_bytes(&mut data).map_err(|_| Errno::EINVAL)?;
                let said = to_bytes(&space(&root.look_at(&path)?)?).map_err(|_| Errno::EIO)?;
                Ok(Answer::Extended(said.to_vec()))
            }
            _ => Err(Errno::EOPNOTSUPP),
        }
    }
}

fn version() -> Version {
    let known =
        [(POSIX_RENAME, "1"), (extensions::HARDLINK, "1"), (extensions::FSYNC, "1"), (extensions::STATVFS, "2")];
    let extensions = known.into_iter().map(|(name, version)| (name.to_owned(), version.to_owned())).collect();
    Version { extensions, ..Version::new() }
}

/// The room on the file system of an open file.
fn space(file: &std::os::fd::OwnedFd) -> Result<Statvfs, Errno> {
    let said = fstatvfs(file)?;
    Ok(Statvfs {
        block_size: said.block_size(),
        fragment_size: said.fragment_size(),
        blocks: said.blocks(),
        blocks_free: said.blocks_free(),
        blocks_avail: said.blocks_available(),
        inodes: said.files(),
        inodes_free: said.files_free(),
        inodes_avail: said.files_available(),
        fs_id: said.filesystem_id(),
        flags: said.flags().bits(),
        name_max: said.name_max(),
    })
}

fn done(outcome: io::Result<()>) -> Result<Answer, Errno> {
    outcome.map(|()| Answer::Done).map_err(|error| attributes::errno(&error))
}

/// The rights of what is created. Nothing that runs as somebody else.
fn mode(attributes: &FileAttributes, otherwise: u32) -> Mode {
    Mode::from_bits_truncate(attributes.permissions.unwrap_or(otherwise) & 0o777)
}

/// A path from the root; sftp's clients ask for what theirs stands for.
fn absolute(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    format!("/{}", parts.join("/"))
}

fn code(error: Errno) -> StatusCode {
    match error {
        Errno::ENOENT | Errno::ENOTDIR => StatusCode::NoSuchFile,
        Errno::EACCES | Errno::EPERM | Errno::EROFS | Errno::EXDEV | Errno::ELOOP => StatusCode::PermissionDenied,
        Errno::EOPNOTSUPP => StatusCode::OpUnsupported,
        _ => StatusCode::Failure,
    }
}
