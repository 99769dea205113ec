//! Scenarios C: names.

use hawser_cluster::{Laptop, get, kubectl, left_out_without, on_laptop, queries, within};

#[test]
fn c1_pods_of_a_headless_service_have_names() {
    let _laptop = Laptop::connected("");
    for pod in ["db-0", "db-1"] {
        for domain in ["db", "db.default", "db.default.svc", "db.default.svc.cluster.local"] {
            assert_eq!(get(&format!("http://{pod}.{domain}:8080/")).as_deref(), Some(pod), "{pod}.{domain}");
        }
    }
}

#[test]
fn c2_names_of_the_world_are_not_the_cluster_s() {
    if left_out_without("the rig's office") {
        return;
    }
    let _laptop = Laptop::connected("");
    assert_eq!(on_laptop("getent hosts www.office.test").out.split_whitespace().next(), Some("203.0.113.7"));
    let before = queries();
    on_laptop("for n in $RANDOM$RANDOM.com a$RANDOM.b$RANDOM www.office.test; do dig +time=1 +tries=1 $n; done");
    assert_eq!(queries(), before);
}

#[test]
fn c6_nobody_in_the_cluster_becomes_the_laptop_s_proxy() {
    let _laptop = Laptop::connected("");
    let before = queries();
    for name in ["wpad", "wpad.default", "wpad.default.svc", "wpad.default.svc.cluster.local", "wpad.cluster.local"] {
        let said = on_laptop(&format!("dig +time=1 +tries=1 {name} | grep -o 'status: [A-Z]*'"));
        assert_eq!(said.out, "status: NXDOMAIN", "{name}");
    }
    assert_eq!(queries(), before);
}

#[test]
fn c7_every_kind_of_program_resolves() {
    let _laptop = Laptop::connected("");
    let address = kubectl("get service web -o jsonpath={.spec.clusterIP}");
    for command in [
        "getent ahostsv4 web | head -1 | cut -d' ' -f1",
        "dig +short web.default.svc.cluster.local",
        "dig +short +tcp web.default.svc.cluster.local",
        "dig +short +search web | tail -1",
        "python3 -c 'import socket; print(socket.gethostbyname(\"web.default\"))'",
    ] {
        assert_eq!(on_laptop(command).out, address, "{command}");
    }
}

#[test]
fn c10_a_new_namespace_s_names_resolve_while_connected() {
    let _laptop = Laptop::connected("");
    kubectl("create namespace fresh");
    kubectl("create service clusterip late --tcp=80 -n fresh");
    let took = within(10, "late.fresh resolves", || on_laptop("getent hosts late.fresh").code == 0);
    println!("a new namespace: {took:?} until its names resolve");
    kubectl("delete namespace fresh --wait=false");
}
