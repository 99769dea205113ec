//! The window: what it shows, what its page may not do, and that it comes and goes.

use anyhow::Result;
use hawser_desktop::{App, Driver, Look, Screen, Session, Watcher, until};
use hawser_ipc::proto::Connection;
use hawser_stub::{Live, cluster, snapshot};
use serde_json::{Value, json};

#[test]
fn a_page_is_drawn() -> Result<()> {
    let session = Session::start(Look::Light)?;
    let driver = Driver::start(&session, &[])?;
    assert_eq!(driver.title()?, "Hawser");
    assert!(driver.processes()?.named("WebKitWebProces") == 1, "{:?}", driver.processes()?);
    // Without a helper that is what there is to say.
    let words = driver.find("body")?.text()?;
    assert!(words.contains("helper"), "{words}");
    Ok(())
}

#[test]
fn the_page_can_do_nothing_but_two_commands() -> Result<()> {
    let session = Session::start(Look::Light)?;
    let driver = Driver::start(&session, &[])?;

    let inline = "const script = document.createElement('script'); script.textContent = 'window.ran = true';
        document.head.append(script); return window.ran ?? null;";
    assert_eq!(driver.run(inline, &[])?, Value::Null);
    let style = "const part = document.createElement('p'); part.setAttribute('style', 'width: 7px; display: block');
        document.body.append(part); return getComputedStyle(part).width;";
    assert_ne!(driver.run(style, &[])?, "7px");
    let fetched =
        "return fetch('http://127.0.0.1:1/').then(() => 'fetched', (error) => error.name + ': ' + error.message);";
    let refused = driver.run(fetched, &[])?;
    assert!(refused.as_str().is_some_and(|words| words != "fetched"), "{refused}");
    assert_eq!(driver.run("return typeof window.__TAURI__;", &[])?, "undefined");
    driver.run("window.location.href = 'https://example.com/'; return null;", &[])?;
    assert_eq!(driver.title()?, "Hawser");

    for command in
        ["plugin:event|listen", "plugin:window|close", "plugin:webview|print", "plugin:fs|read", "shell", "exit"]
    {
        let answer = driver.invoke(command, &json!({ "event": "x", "target": { "kind": "Any" }, "handler": 0 }))?;
        assert!(answer.is_err(), "{command}: {answer:?}");
    }

    let unknown = driver.invoke("act", &json!({ "act": { "do": "format-disk" } }))?;
    assert_eq!(unknown.unwrap_err()["code"], "bad-argument");
    let more =
        driver.invoke("act", &json!({ "act": { "do": "disconnect", "connection": "x", "path": "/etc/passwd" } }))?;
    assert_eq!(more.unwrap_err()["code"], "bad-argument");
    let long = json!({ "act": { "do": "disconnect", "connection": "x".repeat(64 * 1024) } });
    assert_eq!(driver.invoke("act", &long)?.unwrap_err()["code"], "bad-argument");
    Ok(())
}

#[test]
fn a_large_update_reaches_the_page() -> Result<()> {
    let helper = Live::start();
    let session = Session::with_helper(Look::Light, helper.socket())?;
    let driver = Driver::start(&session, &["--screen", "clusters"])?;
    // 200 rows with a text of 2 KiB each.
    let way = |number: usize| format!("{number}:{}", "way ".repeat(512));
    let row = |number| Connection { way: way(number), ..cluster(&format!("cluster-{number}")) };
    helper.push(snapshot((0..200).map(row).collect()));
    let shown = "return [...document.querySelectorAll('.way dd')].map((way) => way.textContent.length);";
    let lengths = until("all are shown", || {
        let lengths: Vec<usize> = serde_json::from_value(driver.run(shown, &[])?)?;
        Ok((lengths.len() == 200).then_some(lengths))
    })?;
    assert!(lengths.iter().sum::<usize>() > 256 * 1024, "{lengths:?}");
    Ok(())
}

#[test]
fn hidden_has_no_window_until_it_is_started_again() -> Result<()> {
    let session = Session::start(Look::Light)?;
    let watcher = Watcher::start(&session)?;
    let app = App::start(&session, &["--hidden"])?;
    watcher.item()?;
    assert_eq!(app.processes()?.named("WebKit"), 0, "{:?}", app.processes()?);

    assert!(App::start_again(&session, &["--screen", "doctor"])?.success());
    app.painted(1)?;
    assert_eq!(app.processes()?.named("WebKitWebProces"), 1, "{:?}", app.processes()?);
    assert!(!App::start_again(&session, &["--screen", "nowhere"])?.success());
    Ok(())
}

#[test]
fn it_comes_back_five_times_and_is_never_blank() -> Result<()> {
    let session = Session::start(Look::Light)?;
    let watcher = Watcher::start(&session)?;
    let screen = Screen::of(&session)?;
    let app = App::start(&session, &[])?;
    watcher.item()?;
    for time in 1..=5 {
        app.painted(time)?;
        let window = until("the window is on screen", || screen.window("Hawser"))?;
        until("the window has a picture", || Ok((screen.colours(window)? > 16).then_some(())))?;
        screen.close(window)?;
        until("the window is gone", || Ok(screen.window("Hawser")?.is_none().then_some(())))?;
        until("its web view is gone", || Ok((app.processes()?.named("WebKitWebProces") == 0).then_some(())))?;
        assert!(App::start_again(&session, &[])?.success());
    }
    // One process for all the network that pages don't use, however many pages there were.
    app.painted(6)?;
    assert!(app.processes()?.named("WebKitNetworkPr") <= 1, "{:?}", app.processes()?);
    Ok(())
}

#[test]
fn safe_graphics_draws() -> Result<()> {
    let session = Session::start(Look::Dark)?;
    let screen = Screen::of(&session)?;
    let app = App::start(&session, &["--safe-graphics"])?;
    app.painted(1)?;
    let window = until("the window is on screen", || screen.window("Hawser"))?;
    until("the window has a picture", || Ok((screen.colours(window)? > 16).then_some(())))
}
