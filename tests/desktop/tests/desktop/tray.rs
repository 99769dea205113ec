//! The tray icon over the session bus, with and without a desktop that shows it.

use std::time::Duration;

use anyhow::Result;
use hawser_desktop::{App, Look, Notifications, Screen, Session, Watcher, until};
use hawser_ipc::proto::{Connection, InterceptPort, InterceptState};
use hawser_stub::{Live, cluster, intercepted, snapshot};

#[test]
fn the_icon_says_that_there_is_no_helper() -> Result<()> {
    let session = Session::start(Look::Light)?;
    let watcher = Watcher::start(&session)?;
    let app = App::start(&session, &["--hidden"])?;
    let item = watcher.item()?;
    until("the icon is struck out", || Ok((item.shape()? == "missing").then_some(())))?;
    assert_eq!(item.status()?, "NeedsAttention");
    let (tooltip, menu) = (item.tooltip()?, item.menu()?);
    assert!(!menu[0].enabled && menu[0].words == tooltip, "{tooltip} {menu:#?}");

    item.click()?;
    app.painted(1)?;
    Ok(())
}

#[test]
fn the_icon_comes_back_with_its_desktop() -> Result<()> {
    let session = Session::start(Look::Light)?;
    let watcher = Watcher::start(&session)?;
    let app = App::start(&session, &["--hidden"])?;
    watcher.item()?;
    watcher.stop()?;
    let watcher = Watcher::start(&session)?;
    let item = watcher.item()?;
    item.press("Open Hawser")?;
    app.painted(1)?;
    Ok(())
}

#[test]
fn quit_in_the_menu_ends_it() -> Result<()> {
    let session = Session::start(Look::Light)?;
    let watcher = Watcher::start(&session)?;
    let mut app = App::start(&session, &["--hidden"])?;
    let item = watcher.item()?;
    // A menu that is about to change takes no presses.
    until("it knows of the helper", || Ok((item.shape()? == "missing").then_some(())))?;
    item.press("Quit")?;
    assert!(app.wait(Duration::from_secs(10))?.success(), "{}", app.log());
    Ok(())
}

#[test]
fn without_a_desktop_that_shows_it_the_window_is_shown_and_closing_ends_it() -> Result<()> {
    let session = Session::start(Look::Light)?;
    let screen = Screen::of(&session)?;
    let mut app = App::start(&session, &["--hidden"])?;
    app.painted(1)?;
    let window = until("the window is on screen", || screen.window("Hawser"))?;
    screen.close(window)?;
    assert!(app.wait(Duration::from_secs(10))?.success(), "{}", app.log());
    Ok(())
}

#[test]
fn that_it_goes_on_in_the_tray_is_said_once() -> Result<()> {
    let session = Session::start(Look::Light)?;
    let (watcher, notifications) = (Watcher::start(&session)?, Notifications::start(&session)?);
    let screen = Screen::of(&session)?;
    let mut app = App::start(&session, &[])?;
    watcher.item()?;
    for time in 1..=2 {
        app.painted(time)?;
        screen.close(until("the window is on screen", || screen.window("Hawser"))?)?;
        until("a notification", || Ok((!notifications.shown().is_empty()).then_some(())))?;
        until("the window is gone", || Ok((app.processes()?.named("hawser-window") == 0).then_some(())))?;
        assert!(App::start_again(&session, &[])?.success());
    }
    app.painted(3)?;
    assert_eq!(notifications.shown().len(), 1, "{:?}", notifications.shown());
    assert!(app.is_running()?);
    Ok(())
}

#[test]
fn of_all_that_is_copied_one_process_is_left_until_something_else_is() -> Result<()> {
    let helper = Live::start();
    let ports = vec![InterceptPort { port: "80".into(), udp: false, local_port: 8080 }];
    let intercepts = vec![InterceptState { ports, ..intercepted() }];
    helper.push(snapshot(vec![Connection { intercepts, ..cluster("dev") }]));
    let session = Session::with_helper(Look::Light, helper.socket())?;
    let watcher = Watcher::start(&session)?;
    let screen = Screen::of(&session)?;
    let app = App::start(&session, &["--hidden"])?;
    let item = watcher.item()?;
    until("it is intercepted", || Ok((item.shape()? == "intercepting").then_some(())))?;
    let offering = || {
        let all = app.processes()?.0.into_iter().filter(|(_, name)| name == "hawser-window").map(|(id, _)| id);
        Ok::<Vec<u32>, anyhow::Error>(all.collect())
    };
    let mut former = Vec::new();
    for _ in 0..4 {
        item.press("Copy curl")?;
        former = until("another one offers it, alone", || {
            let now = offering()?;
            Ok((now.len() == 1 && now != former && screen.clipboard()?.is_some()).then_some(now))
        })?;
    }
    screen.copy()?;
    until("nobody offers it", || Ok(offering()?.is_empty().then_some(())))
}
