//! The user's settings and choices, in a file of theirs. What this version doesn't know in it stays.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hawser_fault::{Code, Fault};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::view::{NoticeKind, Settings};
use crate::{Tuning, limits};

pub(crate) struct Stored {
    file: PathBuf,
    pub(crate) settings: Settings,
    tunings: BTreeMap<Choice, Tuning>,
    /// The file as it was read.
    table: Table,
    pub(crate) fault: Option<Fault>,
}

/// What choices are made for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// Of a kubeconfig; empty for a manager without Kubernetes.
    pub(crate) context: String,
    /// It stands in this file.
    pub(crate) file: String,
}

/// What the file says that this version knows.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(flatten)]
    settings: Settings,
    choices: Vec<Chosen>,
}

#[derive(Serialize, Deserialize)]
struct Chosen {
    #[serde(flatten)]
    of: Choice,
    tuning: Tuning,
}

impl Stored {
    /// A file that can't be read is left alone, and nothing is chosen.
    pub(crate) fn read(file: &Path) -> Self {
        let mut stored = Self {
            file: file.to_owned(),
            settings: Settings::default(),
            tunings: BTreeMap::new(),
            table: Table::new(),
            fault: None,
        };
        match fs::read_to_string(file) {
            Ok(text) => match parse(&text) {
                Ok((table, fields)) => {
                    let tunings = fields.choices.into_iter().map(|chosen| (chosen.of, chosen.tuning)).collect();
                    (stored.settings, stored.tunings, stored.table) = (fields.settings, tunings, table);
                }
                Err(why) => {
                    let detail = format!("{}: {why}", file.display());
                    stored.fault = Some(Fault::new(Code::ConfigMalformed, detail));
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let detail = format!("the file {} could not be read: {error}", file.display());
                stored.fault = Some(Fault::new(Code::FileUnreadable, detail));
            }
        }
        stored
    }

    pub(crate) fn tuning(&self, of: &Choice) -> Tuning {
        self.tunings.get(of).cloned().unwrap_or_default()
    }

    pub(crate) fn tune(&mut self, of: Choice, tuning: Tuning) -> Result<(), Fault> {
        if self.tunings.len() >= limits::TUNINGS && !self.tunings.contains_key(&of) {
            let detail = format!("choices were made for {} others already", limits::TUNINGS);
            let fix = format!("Remove those that you don't need from {}.", self.file.display());
            return Err(Fault::new(Code::LimitReached, detail).with_fix(fix));
        }
        self.tunings.insert(of, tuning);
        self.tunings.retain(|_, tuning| *tuning != Tuning::default());
        self.write()
    }

    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Settings)) -> Result<(), Fault> {
        let before = self.settings.clone();
        change(&mut self.settings);
        if before == self.settings { Ok(()) } else { self.write() }
    }

    pub(crate) fn notices(&self, kind: NoticeKind) -> bool {
        self.settings.notices.get(&kind).copied().unwrap_or(true)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// One that could not be read isn't overwritten: somebody wants to correct it.
    fn write(&mut self) -> Result<(), Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let chosen = |(of, tuning): (&Choice, &Tuning)| Chosen { of: of.clone(), tuning: tuning.clone() };
        let fields = Fields { settings: self.settings.clone(), choices: self.tunings.iter().map(chosen).collect() };
        let failed =
            |why: String| Fault::new(Code::FileUnwritable, format!("{} cannot be written: {why}", self.file.display()));
        let Value::Table(known) = Value::try_from(fields).map_err(|error| failed(error.to_string()))? else {
            return Err(failed("it is no table".to_owned()));
        };
        self.table.extend(known);
        let text = toml::to_string_pretty(&self.table).map_err(|error| failed(error.to_string()))?;
        replace(&self.file, &text).map_err(|error| failed(error.to_string()))
    }
}

fn parse(text: &str) -> Result<(Table, Fields), String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let fields = table.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    Ok((table, fields))
}

/// Whole or not at all.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let beside = file.with_extension("toml.new");
    let mut new = fs::File::create(&beside)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Screen, Theme};

    #[test]
    fn settings_are_kept_with_what_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hawser/settings.toml");
        let mut stored = Stored::read(&file);
        assert!(stored.fault.is_none() && stored.notices(NoticeKind::Lost));
        stored.change(|settings| settings.theme = Theme::Dark).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("from_the_future = 7\n{text}")).unwrap();

        let mut stored = Stored::read(&file);
        stored
            .change(|settings| {
                settings.last_screen = Screen::Traffic;
                settings.notices.insert(NoticeKind::Lost, false);
            })
            .unwrap();
        let tuning = Tuning { namespace: "shop".into(), also: vec!["10.0.0.0/8".into()], ..Tuning::default() };
        let of = |file: &str| Choice { context: "dev".into(), file: file.into() };
        stored.tune(of("/a"), tuning.clone()).unwrap();

        let stored = Stored::read(&file);
        assert_eq!((stored.settings.theme, stored.settings.last_screen), (Theme::Dark, Screen::Traffic));
        assert!(!stored.notices(NoticeKind::Lost));
        assert_eq!((stored.tuning(&of("/a")), stored.tuning(&of("/b"))), (tuning, Tuning::default()));
        assert!(fs::read_to_string(&file).unwrap().contains("from_the_future = 7"));
    }

    #[test]
    fn choices_have_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut stored = Stored::read(&folder.path().join("settings.toml"));
        let tuning = Tuning { namespace: "shop".into(), ..Tuning::default() };
        let of = |number: usize| Choice { context: number.to_string(), file: String::new() };
        stored.tunings = (0..limits::TUNINGS).map(|number| (of(number), tuning.clone())).collect();
        stored.tune(of(0), tuning.clone()).unwrap();
        assert_eq!(stored.tune(of(limits::TUNINGS), tuning).unwrap_err().code, Code::LimitReached);
    }

    #[test]
    fn a_file_that_is_malformed_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        fs::write(&file, "theme = \"purple\"").unwrap();
        let mut stored = Stored::read(&file);
        assert_eq!(stored.fault.as_ref().unwrap().code, Code::ConfigMalformed);
        assert_eq!(stored.change(|settings| settings.welcomed = true).unwrap_err().code, Code::ConfigMalformed);
        assert_eq!(fs::read_to_string(&file).unwrap(), "theme = \"purple\"");
    }
}
