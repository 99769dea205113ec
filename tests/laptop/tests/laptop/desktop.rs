//! The application from its package, on a screen that nobody looks at.

use hawser_cluster::within;
use hawser_laptop::Laptop;

/// The tray's menu, as a desktop reads and presses it: presses the line with these words.
const PRESS: &str = r#"
item=$(busctl --user list --no-legend | grep -o '^org.kde.StatusNotifierItem-[^ ]*')
line=$(busctl --user --json=short -- call "$item" /MenuBar com.canonical.dbusmenu GetLayout iias 0 -1 0 | jq --arg words "$words" \
    '.. | arrays | select(length == 3 and (.[1] | type) == "object" and (.[1].label.data? // "" | gsub("_"; "")) == $words) | .[0]')
busctl --user -- call "$item" /MenuBar com.canonical.dbusmenu Event isvu "$line" clicked i 0 0
"#;

fn press(laptop: &Laptop, words: &str) {
    within(15, words, || laptop.as_user(&format!("set -e; words='{words}'; {PRESS}")).code == 0);
}

#[test]
#[ignore = "takes minutes"]
fn the_application_connects_and_disconnects() {
    let laptop = Laptop::boot("desktop");
    let before = laptop.listing();
    laptop.apt("install -y /packages/hawser_*.deb /packages/hawser-desktop_*.deb");
    laptop.user("systemd-run --user --quiet --unit=screen Xvfb :7 -nolisten tcp");
    within(10, "there is a screen", || laptop.as_user("test -S /tmp/.X11-unix/X7").code == 0);
    laptop.user("systemd-run --user --quiet --unit=application --setenv=DISPLAY=:7 hawser-app");
    press(&laptop, "Connect rig");
    laptop.stands(20);
    assert!(laptop.get("http://web.default/").is_some());
    press(&laptop, "Disconnect");
    within(10, "nothing is connected", || laptop.status().is_null());
    assert_eq!(laptop.user("systemctl --user is-active application"), "active");
    laptop.user("systemctl --user stop application screen");
    laptop.apt("purge -y hawser hawser-desktop");
    laptop.is_quiet();
    assert_eq!(laptop.listing().since(&before), [] as [String; 0]);
}
