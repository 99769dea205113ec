//! Each test is a story about one file in a temporary directory; a crash is a value that is used no more.

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

const HOME: &[u8] = b"# home \xff\nnameserver 192.0.2.1\nsearch home.example\noptions ndots:2";
const OFFICE: &[u8] = b"nameserver 198.51.100.1\n";

struct Place {
    directory: TempDir,
    file: ResolvConf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = ResolvConf::new(directory.path().join("resolv.conf"));
        Self { directory, file }
    }

    fn with(contents: &[u8]) -> Self {
        let place = Self::new();
        place.write(contents);
        place
    }

    fn write(&self, contents: &[u8]) {
        fs::write(&self.file.path, contents).unwrap();
    }

    fn read(&self) -> Vec<u8> {
        fs::read(&self.file.path).unwrap()
    }

    fn plan(&self, standing: Option<&Backup>) -> Plan {
        self.file.plan(&settings("10.0.0.1"), standing).unwrap()
    }

    fn apply(&self) -> Backup {
        let backup = journalled(&self.plan(None).backup);
        backup.apply().unwrap();
        backup
    }

    fn entries(&self) -> usize {
        fs::read_dir(&self.directory).unwrap().count()
    }
}

fn settings(server: &str) -> Settings {
    Settings { servers: vec![server.parse().unwrap()], search: vec!["shop.local".to_owned()] }
}

fn journalled(backup: &Backup) -> Backup {
    serde_json::from_slice(&serde_json::to_vec(backup).unwrap()).unwrap()
}

fn upstreams(plan: &Plan) -> Vec<String> {
    plan.upstreams.iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_is_changed_and_comes_back_byte_for_byte() {
    let place = Place::with(HOME);
    let plan = place.plan(None);
    assert_eq!(place.read(), HOME, "planning changes nothing");
    assert_eq!(upstreams(&plan), ["192.0.2.1:53"]);
    let backup = place.apply();
    let heading = kept::heading(&Former::File { contents: HOME.to_vec(), mode: 0o644 });
    let expected = format!("{heading}nameserver 10.0.0.1\nsearch shop.local home.example\noptions ndots:2\n");
    assert_eq!(String::from_utf8(place.read()).unwrap(), expected);
    assert_eq!(backup.restore().unwrap(), Restored::Done);
    assert_eq!(place.read(), HOME);
    assert_eq!(backup.restore().unwrap(), Restored::Nothing, "twice is harmless");
    assert_eq!((place.read().as_slice(), place.entries()), (HOME, 1));
}

#[test]
fn an_absent_file_is_absent_again() {
    let place = Place::new();
    let plan = place.plan(None);
    assert_eq!(upstreams(&plan), ["127.0.0.1:53"]);
    let backup = place.apply();
    assert_eq!(place.entries(), 1);
    assert_eq!(backup.restore().unwrap(), Restored::Done);
    assert_eq!(place.entries(), 0);
}

#[test]
fn a_link_is_a_link_again_and_its_target_is_left_alone() {
    let place = Place::new();
    let target = place.directory.path().join("stub");
    fs::write(&target, HOME).unwrap();
    for link in [target.as_path(), Path::new("stub")] {
        symlink(link, &place.file.path).unwrap();
        assert_eq!(upstreams(&place.plan(None)), ["192.0.2.1:53"]);
        let backup = place.apply();
        assert!(!fs::symlink_metadata(&place.file.path).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), HOME);
        assert_eq!(backup.restore().unwrap(), Restored::Done);
        assert_eq!(fs::read_link(&place.file.path).unwrap(), link);
        fs::remove_file(&place.file.path).unwrap();
    }
}

#[test]
fn a_link_that_leads_nowhere_can_be_used_too() {
    let place = Place::new();
    symlink("gone", &place.file.path).unwrap();
    let backup = place.apply();
    assert_eq!(backup.restore().unwrap(), Restored::Done);
    assert_eq!(fs::read_link(&place.file.path).unwrap(), Path::new("gone"));
}

#[test]
fn permissions_are_kept() {
    let place = Place::with(HOME);
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    fs::set_permissions(&place.file.path, permissions).unwrap();
    let mode = || replace::mode(&fs::metadata(&place.file.path).unwrap());
    let backup = place.apply();
    assert_eq!(mode(), 0o640);
    backup.restore().unwrap();
    assert_eq!(mode(), 0o640);
}

#[test]
fn crash_then_restart_then_stop() {
    let place = Place::with(HOME);
    let first = place.apply();
    let second = place.file.plan(&settings("10.0.0.2"), Some(&first)).unwrap();
    assert_eq!(upstreams(&second), ["192.0.2.1:53"], "never ourselves");
    second.backup.apply().unwrap();
    assert!(String::from_utf8(place.read()).unwrap().contains("nameserver 10.0.0.2\n"));
    assert_eq!(second.backup.restore().unwrap(), Restored::Done);
    assert_eq!(place.read(), HOME);
}

#[test]
fn crash_between_journal_and_change() {
    let place = Place::with(HOME);
    let backup = journalled(&place.plan(None).backup);
    assert_eq!(backup.restore().unwrap(), Restored::Nothing);
    assert_eq!(place.read(), HOME);
}

#[test]
fn crash_while_writing_in_place() {
    let place = Place::with(HOME);
    let backup = place.apply();
    let ours = place.read();
    for cut in [&ours[..0], &ours[..40], &HOME[..10]] {
        place.write(cut);
        assert_eq!(backup.restore().unwrap(), Restored::Done);
        assert_eq!(place.read(), HOME);
        place.write(cut);
        assert_eq!(place.plan(Some(&backup)).backup, backup);
    }
}

#[test]
fn what_somebody_else_wrote_stays() {
    let place = Place::with(HOME);
    let backup = place.apply();
    place.write(OFFICE);
    assert_eq!(backup.restore().unwrap(), Restored::Theirs);
    assert_eq!(place.read(), OFFICE);
    let next = place.plan(Some(&backup));
    assert_eq!(upstreams(&next), ["198.51.100.1:53"], "it counts as the former file from now on");
    next.backup.apply().unwrap();
    next.backup.restore().unwrap();
    assert_eq!(place.read(), OFFICE);
    fs::remove_file(&place.file.path).unwrap();
    assert_eq!(backup.restore().unwrap(), Restored::Theirs, "removing it is a decision too");
    symlink("stub", &place.file.path).unwrap();
    assert_eq!(backup.restore().unwrap(), Restored::Theirs);
}

#[test]
fn our_file_that_somebody_changed_or_brought_back_is_ours() {
    let place = Place::with(HOME);
    let backup = place.apply();
    let first = place.read();
    place.write(&[&first[..], b"options rotate\n"].concat());
    assert_eq!(backup.restore().unwrap(), Restored::Done);
    assert_eq!(place.read(), HOME);

    // A VPN keeps ours and brings it back at its end, when another one of ours covers the VPN's.
    place.write(&first);
    place.write(OFFICE);
    let backup = place.apply();
    place.write(&first);
    assert_eq!(backup.restore().unwrap(), Restored::Done);
    assert_eq!(place.read(), HOME);
}

#[test]
fn what_ours_covers_can_be_judged() {
    let place = Place::new();
    fs::write(place.directory.path().join("stub"), OFFICE).unwrap();
    symlink("stub", &place.file.path).unwrap();
    place.apply();
    let (text, link) = place.file.orphan().unwrap().former();
    assert_eq!((text.as_bytes(), link), (OFFICE, Some(PathBuf::from("stub"))));
}

#[test]
fn our_file_without_its_journal_brings_the_former_one_back() {
    let place = Place::with(HOME);
    assert!(place.file.orphan().is_none());
    let backup = place.apply();
    assert_eq!(place.file.orphan(), Some(backup.clone()));
    let elsewhere = Backup { path: "/elsewhere".into(), ..backup.clone() };
    for standing in [None, Some(&elsewhere)] {
        let again = place.file.plan(&settings("10.0.0.2"), standing).unwrap();
        assert_eq!(again.backup.former, backup.former);
    }
    place.file.orphan().unwrap().restore().unwrap();
    assert_eq!(place.read(), HOME);

    // Cut off in the middle of what it keeps.
    place.apply();
    let cut = &backup.ours.as_bytes()[..MARKER.len() + 20];
    place.write(cut);
    assert!(place.file.orphan().is_none());
    let lost = place.file.plan(&settings("10.0.0.2"), None);
    assert!(matches!(lost, Err(Error::Orphaned(_))), "{lost:?}");
}

#[test]
fn what_is_no_file_is_an_error() {
    let place = Place::new();
    let directory = ResolvConf::new(place.directory.path());
    assert!(matches!(directory.plan(&settings("10.0.0.1"), None), Err(Error::NotAFile(_))));
    let beside_nothing = ResolvConf::new(place.directory.path().join("gone/resolv.conf"));
    let plan = beside_nothing.plan(&settings("10.0.0.1"), None).unwrap();
    let error = plan.backup.apply().unwrap_err().to_string();
    assert!(error.starts_with("could not write") && error.contains("gone/resolv.conf"), "{error}");
}
