//! The desktop application on the laptop, used by clicking: connections and intercepts of the real helper on a real cluster.

use std::fs;

use anyhow::{Context as _, Result};
use hawser_cluster::{Handler, Laptop, Plan, Workload, developers, kubectl, on_laptop, state, within};
use hawser_desktop::{Driver, Look, Notifications, Seat, Session, Shown, copied};

/// Where a pod has the files of its service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The session of a developer at the laptop, in whose home is a kubeconfig.
fn sit_down(look: Look) -> Result<Session> {
    let laptop = fs::read_to_string(state().join("laptop.pid"))?.trim().parse()?;
    let seat = Seat::beside(laptop, &state())?.with_helper("/run/hawser/helper.sock".as_ref());
    let session = Session::at(look, seat)?;
    fs::create_dir(session.home().join(".kube"))?;
    fs::copy(state().join("home/.kube/config"), session.home().join(".kube/config"))?;
    Ok(session)
}

/// Connects by clicking.
fn connect(driver: &Driver) -> Result<()> {
    driver.press("Connect")?;
    driver.find(".state.connected")?;
    driver.picture("connected")
}

/// Fills the form for an intercept of a workload that leads to a port of this laptop.
fn fill(driver: &Driver, workload: &Workload, local: u16) -> Result<()> {
    driver.press("Intercepts")?;
    driver.press("New intercept")?;
    driver.choose("Namespace", "default")?;
    let name = &workload.name;
    driver.find_path(&format!("//label[descendant::bdi[normalize-space()='{name}']]"))?.click()?;
    driver.choose("Port of the workload", "http")?;
    driver.choose("Port on this laptop", &local.to_string())
}

#[test]
fn an_intercept_with_files_is_made_and_left_by_clicking_and_outlives_the_application() -> Result<()> {
    developers();
    let laptop = Laptop::new();
    let workload = Plan::new("desk").start();
    let _handler = Handler::nginx(8090, "mine");
    let session = sit_down(Look::Light)?;
    let driver = Driver::start(&session, &["--screen", "clusters"])?;
    connect(&driver)?;

    fill(&driver, &workload, 8090)?;
    driver.labelled("Mount the container's volumes")?.click()?;
    driver.says("Read only")?;
    driver.says("1 pod starts anew")?;
    driver.picture("picker")?;
    driver.press("Intercept")?;

    // The pod starts anew, with an agent.
    driver.says("1 of 1 reach this laptop")?;
    driver.says("ways lead here")?;
    driver.says("read and write")?;
    driver.picture("intercepted")?;
    assert_eq!(workload.ask("/asked"), "mine GET /asked");
    let folder = laptop.intercept("desk")["files"]["path"].as_str().context("a folder")?.to_owned();
    assert!(driver.find("article")?.text()?.contains(&folder), "{folder}");
    let there = kubectl(&format!("exec -n default deployment/desk -c server -- ls {ACCOUNT}"));
    let listed = || on_laptop(&format!("timeout 5 ls {folder}{ACCOUNT}")).out;
    assert!(there.contains("token"), "{there}");
    assert_eq!(listed(), there);

    driver.kill()?;
    assert_eq!((laptop.state(), laptop.phase("desk")), ("connected".to_owned(), "active".to_owned()));
    assert_eq!(workload.ask("/killed"), "mine GET /killed");
    assert_eq!(listed(), there);

    let driver = Driver::start(&session, &["--screen", "intercepts"])?;
    driver.says("1 of 1 reach this laptop")?;
    assert_eq!(workload.ask("/again"), "mine GET /again");
    driver.press("Copy curl")?;
    driver.says("Copied")?;
    let command = copied(&session)?;
    assert_eq!(on_laptop(&command).out, "mine GET /", "{command}");

    driver.press("Leave")?;
    within(10, "the workload answers itself", || workload.ask("/left") == "desk GET /left");
    within(10, "nothing is mounted", || on_laptop(&format!("grep -F {folder} /proc/self/mountinfo")).out.is_empty());
    driver.press("Clusters")?;
    driver.press("Disconnect")?;
    within(10, "nothing is connected", || laptop.state() == "none");
    Ok(())
}

#[test]
fn an_intercept_whose_time_is_over_is_told_once_and_asked_for_again() -> Result<()> {
    developers();
    let laptop = Laptop::new();
    let workload = Plan::new("desk").willing().start();
    let _handler = Handler::nginx(8090, "mine");
    let session = sit_down(Look::Dark)?;
    let desktop = Notifications::start(&session)?;
    let driver = Driver::start(&session, &["--screen", "clusters"])?;
    connect(&driver)?;
    fill(&driver, &workload, 8090)?;
    driver.labelled("Ends")?.write("10s")?;
    driver.says("No restart needed")?;
    driver.press("Intercept")?;
    within(10, "it is intercepted", || workload.ask("/asked") == "mine GET /asked");

    within(20, "its time is over", || workload.ask("/over") == "desk GET /over");
    within(5, "a notice comes", || !desktop.shown().is_empty());
    driver.says("Ended")?;
    driver.picture("expired")?;
    let shown = desktop.shown();
    let [Shown { id, title, actions, .. }] = shown.as_slice() else { anyhow::bail!("{shown:#?}") };
    assert!(title.starts_with("desk: "), "{shown:#?}");
    let again = actions.iter().find(|(_, words)| words == "Ask again").context("a button to ask again")?;
    desktop.press(*id, &again.0)?;
    driver.says("No restart needed")?;
    let filled = driver.run("return document.querySelector('[name=workload]:checked') !== null;", &[])?;
    assert_eq!((filled, laptop.phase("desk")), (true.into(), "ended".to_owned()));
    assert_eq!(desktop.shown().len(), 1, "{:#?}", desktop.shown());
    Ok(())
}
