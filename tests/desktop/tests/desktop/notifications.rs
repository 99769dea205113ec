//! Notifications, and what is pressed in them, while what shows them comes and goes.

use anyhow::{Context as _, Result};
use hawser_desktop::{App, Driver, Look, Notifications, Session, Shown, Watcher, until};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Connection, InterceptPhase, InterceptState, State};
use hawser_stub::{Live, cluster, intercepted, snapshot};

#[test]
fn a_press_is_one_act_however_often_the_desktop_was_restarted() -> Result<()> {
    let helper = Live::start();
    let session = Session::with_helper(Look::Light, helper.socket())?;
    let watcher = Watcher::start(&session)?;
    helper.push(snapshot(vec![cluster("first")]));
    let app = App::start(&session, &["--hidden"])?;
    let item = watcher.item()?;
    until("it is connected", || Ok((item.shape()? == "on").then_some(())))?;
    let mut desktop = Notifications::start(&session)?;
    lapse(&helper, &desktop, "first")?;
    let threads = app.processes()?.threads()?;
    for time in 0..4 {
        desktop.stop()?;
        desktop = Notifications::start(&session)?;
        lapse(&helper, &desktop, &format!("again-{time}"))?;
    }
    until("the threads of former desktops are gone", || Ok((app.processes()?.threads()? <= threads).then_some(())))?;

    // Nobody knows a kubeconfig of it, which is told by a notice: one for each act.
    let lapsed = desktop.shown().pop().context("a notice")?;
    desktop.press(lapsed.id, &key(&lapsed, "Log in")?)?;
    let complaints = || desktop.shown().iter().filter(|shown| shown.title == Code::ContextUnknown.title()).count();
    until("it is tried", || Ok((complaints() > 0).then_some(())))?;
    lapse(&helper, &desktop, "last")?;
    assert_eq!(complaints(), 1, "{:#?}", desktop.shown());
    Ok(())
}

#[test]
fn what_has_expired_is_asked_for_again_by_a_press() -> Result<()> {
    let helper = Live::start();
    let session = Session::with_helper(Look::Light, helper.socket())?;
    let desktop = Notifications::start(&session)?;
    helper.push(snapshot(vec![intercepting(intercepted())]));
    let driver = Driver::start(&session, &["--screen", "intercepts"])?;
    driver.find_path("//*[normalize-space()='web']")?;
    let cause = Some(Fault::new(Code::InterceptExpired, "its time was over").into());
    let ended = InterceptState { phase: InterceptPhase::Ended.into(), cause, ..intercepted() };
    helper.push(snapshot(vec![intercepting(ended)]));
    let shown = until("a notice", || Ok(desktop.shown().pop()))?;
    desktop.press(shown.id, &key(&shown, "Ask again")?)?;
    let chosen = "return document.querySelector('input[name=workload]:checked') !== null;";
    until("the form is filled", || Ok((driver.run(chosen, &[])? == true).then_some(())))
}

/// The login to this connection is over; waits for the notice of it.
fn lapse(helper: &Live, desktop: &Notifications, name: &str) -> Result<()> {
    helper.push(snapshot(vec![Connection { state: State::NeedsLogin.into(), ..cluster(name) }]));
    until(name, || Ok(desktop.shown().last().filter(|shown| shown.title.starts_with(name)).map(drop)))
}

fn intercepting(state: InterceptState) -> Connection {
    Connection { intercepts: vec![state], ..cluster("dev") }
}

fn key(shown: &Shown, words: &str) -> Result<String> {
    let found = shown.actions.iter().find(|(_, known)| known == words);
    Ok(found.with_context(|| format!("{words} in {shown:?}"))?.0.clone())
}
