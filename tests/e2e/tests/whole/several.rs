//! Two connections at once: which names lead where.

use std::time::Duration;

use crate::support::{SHOP, eventually, hawser, probe, read, status, world};
use hawser_e2e::World;
use serde_json::json;

/// Where the second manager listens.
const PORT: u16 = 7301;
/// The address of `web` in the cluster of each.
const FIRST: &str = "10.96.0.11";
const SECOND: &str = "10.97.0.11";

#[test]
fn two_connections_keep_their_names_apart_and_the_second_inherits_the_plain_ones() {
    let world = world();
    let client = second_manager(&world);
    let manager = world.spawn(&client.run, Duration::from_secs(120)).unwrap();
    world.wait_for(PORT).unwrap();
    read(&world, &format!("{} connect --standalone {} --name second", hawser(), client.file));

    let full = format!("web.{SHOP}");
    for (name, address) in [
        ("web".to_owned(), FIRST),
        (full.clone(), FIRST),
        ("web.demo".to_owned(), FIRST),
        (format!("{full}.demo"), FIRST),
        ("web.second".to_owned(), SECOND),
        (format!("{full}.second"), SECOND),
    ] {
        assert_eq!(lookup(&world, &name), address, "{name}");
    }
    assert!(read(&world, "getent ahostsv4 intranet.example.net").starts_with("192.0.2.80 "));
    let troubles = || -> Vec<_> {
        status(&world)["connections"].as_array().unwrap().iter().map(|one| one["troubles"].clone()).collect()
    };
    assert_eq!(troubles(), [json!([]), json!([])]);

    read(&world, &format!("{} disconnect demo", hawser()));
    for name in ["web".to_owned(), full, "web.second".to_owned()] {
        assert_eq!(lookup(&world, &name), SECOND, "{name}");
    }
    assert_eq!(troubles(), [json!([])]);

    // Somebody else takes the resolver once, which is mended, and then again and again, which is told.
    let theirs = "nameserver 192.0.2.9";
    let trample = || drop(read(&world, &format!("echo {theirs} >/etc/resolv.conf")));
    trample();
    eventually("the resolver is ours again", Duration::from_secs(10), || {
        read(&world, "cat /etc/resolv.conf") != theirs && lookup(&world, "web") == SECOND
    });
    eventually("the connection says that it is not asked", Duration::from_secs(60), || {
        trample();
        troubles()[0][0]["code"] == "dns-bypassed"
    });
    manager.kill().unwrap();
}

/// The first address that programs get for a name.
fn lookup(world: &World, name: &str) -> String {
    let found = world.run(&format!("getent ahostsv4 {name}")).unwrap();
    found.stdout.split_whitespace().next().unwrap_or_default().to_owned()
}

struct Client {
    /// The command that runs the manager.
    run: String,
    /// What `hawser connect` is given.
    file: String,
}

/// Writes what a second manager beside the world's needs, whose cluster has the same names and other addresses.
fn second_manager(world: &World) -> Client {
    let first = probe(world, "usage")["manager"]["pid"].to_string();
    let enter = format!("nsenter --target {first} --net --mount {}", hawser());
    let key = read(world, &format!("{} key", hawser()));
    let folder = world.directory().join("second");
    std::fs::create_dir(&folder).unwrap();
    let settings = folder.join("manager.toml");
    let text = format!(
        "listen = \"[::]:{PORT}\"\nsubnets = [\"10.97.0.0/16\"]\nauthorised_keys = [\"{key}\"]\n\
         search_domain = \"{SHOP}\"\n[zones.\"demo.local\"]\n\"web.shop.svc\" = [\"{SECOND}\"]\n"
    );
    std::fs::write(&settings, text).unwrap();
    let settings = settings.display();
    let pin = read(world, &format!("{enter} manager key --standalone {settings}"));
    let target = status(world)["connections"][0]["target"].as_str().unwrap().to_owned();
    let host = target.rsplit_once(':').unwrap().0;
    let file = folder.join("client.toml");
    std::fs::write(&file, format!("manager = \"{host}:{PORT}\"\npin = \"{pin}\"\n")).unwrap();
    Client { run: format!("exec {enter} manager --standalone {settings}"), file: file.display().to_string() }
}
