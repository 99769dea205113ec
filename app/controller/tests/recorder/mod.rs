//! A `Ui` that remembers everything, and a controller behind it on a thread of its own.

#![allow(dead_code, reason = "each test looks at another part")]

pub mod alone;

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hawser_client::kubeconfig::Environment;
use hawser_controller::view::{Clusters, Doctor, Intercepts, Names, Picker, SettingsView, Shell, Subnets, Traffic};
use hawser_controller::{Controller, Handle, Notice, NoticeId, Picked, Surroundings, Tray, Ui, Update, Window};
use hawser_fault::Fault;
use hawser_stub::Live;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct Record {
    pub updates: HashMap<Discriminant<Update>, Update>,
    pub published: usize,
    pub tray: Option<Tray>,
    pub trays: usize,
    pub notices: Vec<Notice>,
    pub withdrawn: Vec<NoticeId>,
    pub windows: Vec<Window>,
    pub copied: Vec<String>,
    pub opened: Vec<PathBuf>,
    pub choice: Option<PathBuf>,
    pub exited: bool,
}

impl Record {
    fn view<T>(&self, take: impl Fn(&Update) -> Option<T>) -> Option<T> {
        self.updates.values().find_map(take)
    }

    pub fn shell(&self) -> Option<Shell> {
        self.view(|update| if let Update::Shell(view) = update { Some(view.clone()) } else { None })
    }

    pub fn clusters(&self) -> Option<Clusters> {
        self.view(|update| if let Update::Clusters(view) = update { Some(view.clone()) } else { None })
    }

    pub fn intercepts(&self) -> Option<Intercepts> {
        self.view(|update| if let Update::Intercepts(view) = update { Some(view.clone()) } else { None })
    }

    pub fn picker(&self) -> Option<Picker> {
        self.view(|update| if let Update::Picker(view) = update { Some(Picker::clone(view)) } else { None })
    }

    pub fn doctor(&self) -> Option<Doctor> {
        self.view(|update| if let Update::Doctor(view) = update { Some(view.clone()) } else { None })
    }

    pub fn subnets(&self) -> Option<Subnets> {
        self.view(|update| if let Update::Subnets(view) = update { Some(view.clone()) } else { None })
    }

    pub fn settings(&self) -> Option<SettingsView> {
        self.view(|update| if let Update::Settings(view) = update { Some(view.clone()) } else { None })
    }

    pub fn names(&self) -> Option<Names> {
        self.view(|update| if let Update::Names(view) = update { Some(view.clone()) } else { None })
    }

    pub fn traffic(&self) -> Option<Traffic> {
        self.view(|update| if let Update::Traffic(view) = update { Some(view.clone()) } else { None })
    }
}

#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Record>>);

impl Ui for Recorder {
    fn publish(&mut self, update: Update) {
        let mut record = self.0.lock().unwrap();
        record.published += 1;
        record.updates.insert(discriminant(&update), update);
    }

    fn tray(&mut self, tray: &Tray) {
        let mut record = self.0.lock().unwrap();
        record.trays += 1;
        record.tray = Some(tray.clone());
    }

    fn notify(&mut self, notice: &Notice) {
        self.0.lock().unwrap().notices.push(notice.clone());
    }

    fn withdraw(&mut self, id: &NoticeId) {
        self.0.lock().unwrap().withdrawn.push(id.clone());
    }

    fn window(&mut self, window: Window) {
        self.0.lock().unwrap().windows.push(window);
    }

    fn copy(&mut self, text: String) {
        self.0.lock().unwrap().copied.push(text);
    }

    fn open(&mut self, place: &Path) {
        self.0.lock().unwrap().opened.push(place.to_owned());
    }

    fn pick(&mut self, _: Picked, answer: oneshot::Sender<Option<PathBuf>>) {
        let _ = answer.send(self.0.lock().unwrap().choice.clone());
    }

    fn start_at_login(&mut self, _: bool) -> Result<(), Fault> {
        Ok(())
    }

    fn exit(&mut self) {
        self.0.lock().unwrap().exited = true;
    }
}

/// A controller with a page and a tray, in a home of its own.
pub struct Stage {
    pub home: tempfile::TempDir,
    pub handle: Handle,
    recorder: Recorder,
}

impl Stage {
    /// With these files in the home.
    pub fn new(live: &Live, files: &[(&str, &str)]) -> Self {
        Self::at(live.socket(), files)
    }

    pub fn at(socket: &Path, files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let environment =
            Environment { variables: [("HOME".into(), home.path().into())].into(), directory: home.path().to_owned() };
        let surroundings = Surroundings {
            socket: socket.to_owned(),
            environment,
            program: home.path().join("absent"),
            settings: home.path().join(".config/hawser/settings.toml"),
            runtime: home.path().join("run"),
            uid: nix::unistd::geteuid().as_raw(),
            version: env!("CARGO_PKG_VERSION"),
            demo: false,
        };
        Self::in_surroundings(home, surroundings)
    }

    pub fn in_surroundings(home: tempfile::TempDir, surroundings: Surroundings) -> Self {
        let recorder = Recorder::default();
        let (controller, handle) = Controller::new(recorder.clone(), surroundings);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(controller.run());
        });
        handle.tray_hosted(true);
        handle.attached();
        Self { home, handle, recorder }
    }

    /// Waits until this can be taken from what was recorded.
    pub async fn until<T>(&self, what: &str, take: impl Fn(&Record) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = take(&self.recorder.0.lock().unwrap()) {
                return found;
            }
            assert!(Instant::now() < end, "{what}: {:#?}", self.recorder.0.lock().unwrap().updates.values());
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn record<T>(&self, take: impl Fn(&mut Record) -> T) -> T {
        take(&mut self.recorder.0.lock().unwrap())
    }
}
