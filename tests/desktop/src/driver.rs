//! Hands and eyes in the window: W3C WebDriver, as WebKitWebDriver speaks it.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::app::{Log, built};
use crate::session::Process;
use crate::{Processes, SOON, Session, program, tree, until, within};

/// What WebDriver calls a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long one command may take.
const COMMAND: Duration = Duration::from_secs(35);

/// The application with its page under control. Both end with it.
pub struct Driver {
    runtime: Runtime,
    port: u16,
    session: String,
    log: Log,
    process: Process,
}

impl Driver {
    /// Starts the application and waits until its page is drawn.
    ///
    /// # Errors
    /// When WebKitWebDriver is missing, or there's no page.
    pub fn start(session: &Session, arguments: &[&str]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Free a moment ago; WebKitWebDriver can't choose one by itself.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command: Command = session.command("WebKitWebDriver");
        command.arg(format!("--port={port}")).env("TAURI_WEBVIEW_AUTOMATION", "true");
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut process = Process(child.context("WebKitWebDriver is needed: see tests/packages")?);
        let log = Log::of(process.0.stderr.take().context("the log is piped")?);
        let mut driver = Self { runtime, port, session: String::new(), log, process };
        until("WebKitWebDriver listens", || Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok()))?;
        let options = json!({ "binary": program()?, "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": options } } });
        let made = driver.send(Method::POST, "/session", Some(&wanted)).with_context(|| driver.log.text())?;
        driver.session = made["sessionId"].as_str().context("a session has an id")?.to_owned();
        driver.find("[data-ready]").with_context(|| driver.log.text())?;
        Ok(driver)
    }

    /// The window's title.
    ///
    /// # Errors
    /// When the page has gone.
    pub fn title(&self) -> Result<String> {
        Ok(self.get("title")?.as_str().context("a title")?.to_owned())
    }

    /// Waits for an element by a selector of CSS.
    ///
    /// # Errors
    /// When none comes.
    pub fn find(&self, selector: &str) -> Result<Element<'_>> {
        self.wait("css selector", selector)
    }

    /// Waits for an element by an XPath, which can ask for words.
    ///
    /// # Errors
    /// When none comes.
    pub fn find_path(&self, path: &str) -> Result<Element<'_>> {
        self.wait("xpath", path)
    }

    fn wait(&self, using: &str, value: &str) -> Result<Element<'_>> {
        let question = json!({ "using": using, "value": value });
        let found = until(value, || Ok(self.post("elements", &question)?[0][ELEMENT].as_str().map(str::to_owned)));
        Ok(Element { driver: self, id: found? })
    }

    /// Waits for a button that has these words and can be pressed, and clicks it.
    ///
    /// # Errors
    /// When none comes.
    pub fn press(&self, words: &str) -> Result<()> {
        let can = "not(@disabled) and not(@aria-disabled='true')";
        self.find_path(&format!("//button[normalize-space()=\"{words}\" and {can}]"))?.click()
    }

    /// What belongs to a label.
    ///
    /// # Errors
    /// When there's none.
    pub fn labelled(&self, words: &str) -> Result<Element<'_>> {
        self.find_path(&format!("//*[@id=//label[normalize-space()=\"{words}\"]/@for]"))
    }

    /// Opens the list below the field with this label, and clicks what begins with these words.
    ///
    /// # Errors
    /// When it isn't there.
    pub fn choose(&self, label: &str, option: &str) -> Result<()> {
        self.labelled(label)?.click()?;
        self.find_path(&format!(
            "//ul[not(@hidden)]/li[@role='option' and starts-with(normalize-space(), '{option}')]"
        ))?
        .click()
    }

    /// Waits until the page says something.
    ///
    /// # Errors
    /// What it says instead.
    pub fn says(&self, words: &str) -> Result<()> {
        self.says_within(SOON, words)
    }

    /// The same with a limit.
    ///
    /// # Errors
    /// The same.
    pub fn says_within(&self, limit: Duration, words: &str) -> Result<()> {
        let body = self.find("body")?;
        let said = within(limit, words, || Ok(body.text()?.contains(words).then_some(())));
        said.with_context(|| format!("the page: {}", body.text().unwrap_or_default()))
    }

    /// Keeps a picture of the window where a person finds it: `shown` beside what was built.
    ///
    /// # Errors
    /// When the page has gone.
    pub fn picture(&self, name: &str) -> Result<()> {
        let coded = self.get("screenshot")?;
        let picture = BASE64.decode(coded.as_str().context("a picture")?)?;
        let folder = built()?.join("shown");
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(format!("{name}.png")), picture)?)
    }

    /// Kills the application as the system would, without a word.
    ///
    /// # Errors
    /// When it has ended before.
    pub fn kill(mut self) -> Result<()> {
        let application = *self.processes()?.0.first_key_value().context("the application")?.0;
        // WebDriver would wait for a page that has gone.
        self.session.clear();
        Ok(kill(Pid::from_raw(i32::try_from(application)?), Signal::SIGKILL)?)
    }

    /// Runs a function's body in the page; CSP doesn't apply to it.
    ///
    /// # Errors
    /// What it throws.
    pub fn run(&self, body: &str, arguments: &[Value]) -> Result<Value> {
        self.post("execute/sync", &json!({ "script": body, "args": arguments }))
    }

    /// Calls a command of the application by the way that the page does, whichever it is: what it answers, or is refused with.
    ///
    /// # Errors
    /// When the page has gone.
    pub fn invoke(&self, command: &str, arguments: &Value) -> Result<Result<Value, Value>> {
        let body = "const [command, given, done] = arguments;
            window.__TAURI_INTERNALS__.invoke(command, given).then((value) => done({ value: value ?? null }), (error) => done({ error }));";
        let answer = self.post("execute/async", &json!({ "script": body, "args": [command, arguments] }))?;
        Ok(match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["value"].clone()),
        })
    }

    /// The application, and everything that it started.
    ///
    /// # Errors
    /// When it has ended.
    pub fn processes(&self) -> Result<Processes> {
        let all = tree(self.process.0.id())?;
        let application = all.0.iter().find(|(_, name)| name.starts_with("hawser-app")).context("no application")?;
        tree(*application.0)
    }

    fn get(&self, command: &str) -> Result<Value> {
        self.send(Method::GET, &format!("/session/{}/{command}", self.session), None)
    }

    fn post(&self, command: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, &format!("/session/{}/{command}", self.session), Some(body))
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let exchange = async { tokio::time::timeout(COMMAND, self.exchange(method.clone(), path, body)).await };
        let answer = self.runtime.block_on(exchange).with_context(|| format!("{method} {path}: no answer"))??;
        let value = answer.get("value").cloned().unwrap_or_default();
        if let Some(error) = value.get("error").filter(|_| value.get("message").is_some()) {
            bail!("{method} {path}: {error}: {}", value["message"]);
        }
        Ok(value)
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header("host", format!("127.0.0.1:{}", self.port));
        let request = request.header("content-type", "application/json").body(Full::<Bytes>::from(body))?;
        let asking = async {
            let answer = sender.send_request(request).await?;
            let bytes = answer.into_body().collect().await?.to_bytes();
            ensure!(!bytes.is_empty(), "an empty answer");
            Ok(serde_json::from_slice(&bytes)?)
        };
        tokio::select! {
            biased;
            answer = asking => answer,
            ended = connection => bail!("the connection ended: {ended:?}"),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Ends the application with the session. What is left goes with the process.
        if !self.session.is_empty() {
            let _ = self.send(Method::DELETE, &format!("/session/{}", self.session), None);
        }
    }
}

/// An element of the page.
pub struct Element<'d> {
    driver: &'d Driver,
    id: String,
}

impl Element<'_> {
    /// Scrolls to it, as WebDriver does only to where it begins to be seen, and clicks it.
    ///
    /// # Errors
    /// When it can't be clicked.
    pub fn click(&self) -> Result<()> {
        self.driver.run("arguments[0].scrollIntoView({ block: 'center' });", &[json!({ ELEMENT: self.id })])?;
        self.driver.post(&format!("element/{}/click", self.id), &json!({})).map(drop)
    }

    /// Its words as they are shown.
    ///
    /// # Errors
    /// When it has gone.
    pub fn text(&self) -> Result<String> {
        Ok(self.driver.get(&format!("element/{}/text", self.id))?.as_str().unwrap_or_default().to_owned())
    }

    /// Types into it.
    ///
    /// # Errors
    /// When it takes no text.
    pub fn write(&self, text: &str) -> Result<()> {
        self.driver.post(&format!("element/{}/value", self.id), &json!({ "text": text })).map(drop)
    }
}
