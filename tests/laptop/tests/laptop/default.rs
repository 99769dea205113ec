//! The package on a machine with systemd-resolved, from its installation to its end.

use hawser_cluster::{Plan, apply, kubectl, within};
use hawser_laptop::{Laptop, RESOLVERS, reaches_the_cluster};

const VARIANT: &str = "resolved";

#[test]
fn from_installing_to_purging_nothing_is_left() {
    reaches_the_cluster(VARIANT, &RESOLVERS);
}

#[test]
fn who_is_new_in_the_group_need_not_log_in_again() {
    let laptop = Laptop::boot(VARIANT);
    let before = laptop.listing();
    let said = laptop.root("DEBIAN_FRONTEND=noninteractive apt-get install -y /packages/hawser_*.deb 2>&1");
    assert!(said.contains("usermod -aG hawser USER"), "{said}");
    let refused = laptop.as_user("hawser status");
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.err.contains("sudo usermod -aG hawser"), "{refused:?}");
    let session =
        laptop.start_as_user("id -nG; until hawser status >/dev/null 2>&1; do sleep 0.1; done; hawser connect");
    laptop.root("usermod -aG hawser dev");
    let output = session.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        !String::from_utf8_lossy(&output.stdout).contains("hawser\n"),
        "the session is older than the group: {output:?}"
    );
    assert_eq!(laptop.status()["state"], "connected");

    // Removal is no purge: what is left is the state and the group.
    laptop.apt("remove -y hawser");
    laptop.is_quiet();
    assert_eq!(laptop.listing().since_but_for_state(&before), [] as [String; 0]);
    assert!(laptop.root("id -nG dev; ls /var/lib/hawser").contains("hawser\n"));
}

#[test]
fn a_killed_helper_comes_back_with_its_connection() {
    let laptop = Laptop::connected(VARIANT);
    for _ in 0..3 {
        laptop.root("kill -KILL $(systemctl show --property=MainPID --value hawser-helper)");
        laptop.stands(20);
        assert!(laptop.get("http://web.default/").is_some());
    }
    laptop.user("hawser disconnect");
    assert_eq!(laptop.root("resolvectl --no-pager domain hawser0 2>/dev/null || true"), "");

    // The journal knows what to undo even if the unit does not get to it.
    laptop.root("systemctl stop hawser-helper.socket hawser-helper.service");
    let before = laptop.listing();
    laptop.root("systemctl start hawser-helper.socket hawser-helper.service");
    laptop.user("hawser connect");
    laptop.kill_for_good();
    laptop.root("hawser-helper cleanup");
    assert_eq!(laptop.listing().since_but_for_state(&before), [] as [String; 0]);
}

#[test]
fn an_upgrade_pauses_a_connection_for_a_moment() {
    let laptop = Laptop::boot(VARIANT);
    let older = laptop.older_package();
    laptop.apt(&format!("install -y {older}"));
    laptop.user("hawser connect");
    let longest = laptop.longest_pause("http://web.default/", 20, || {
        laptop.install();
    });
    assert!(longest <= 3_000, "{longest} ms without an answer");
    laptop.stands(20);
    assert_eq!(laptop.root("dpkg-query --show --showformat='${Version}' hawser | grep -c older || true"), "0");
    laptop.root("gpasswd --delete dev hawser");
    laptop.apt("install -y --reinstall /packages/hawser_*.deb");
    assert!(!laptop.root("id -nG dev").contains("hawser"), "who was taken out of the group stays out");
}

#[test]
fn state_of_a_newer_version_is_not_downgraded() {
    let laptop = Laptop::boot(VARIANT);
    let before = laptop.listing();
    laptop.install();
    let older = laptop.older_package();
    laptop.root("echo 999 >/var/lib/hawser/format");
    let said = laptop.as_root(&format!("apt-get install -y --allow-downgrades {older} 2>&1"));
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.out.contains("written by a newer version"), "{said:?}");
    assert_eq!(laptop.root("dpkg-query --show --showformat='${db:Status-Abbrev}' hawser").trim(), "ii");

    // A helper that could not start leaves nothing either.
    assert_ne!(laptop.as_root("systemctl restart hawser-helper").code, 0);
    laptop.apt("purge -y hawser");
    laptop.root(&format!("rm {older}"));
    assert_eq!(laptop.listing().since(&before), [] as [String; 0]);
}

#[test]
fn a_service_of_the_cluster_is_answered_here_with_its_files() {
    apply(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: hawser-developer, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: hawser-developer}
subjects: [{kind: Group, name: developers, apiGroup: rbac.authorization.k8s.io}]",
    );
    let workload = Plan::new("laptop").willing().start();
    let laptop = Laptop::connected(VARIANT);
    laptop.user("mkdir -p www && echo from the laptop >www/index.html");
    laptop.serve(9000, "www");
    laptop.user("hawser intercept laptop --port 9000:http --mount");
    within(10, "the laptop answers", || workload.ask("/") == "from the laptop");
    let token = "$XDG_RUNTIME_DIR/hawser/mounts/rig/laptop/var/run/secrets/kubernetes.io/serviceaccount/namespace";
    within(10, "the container's files are here", || laptop.as_user(&format!("cat {token}")).out == "default");
    laptop.root("systemctl restart hawser-helper");
    within(10, "the laptop answers again", || workload.ask("/") == "from the laptop");
    laptop.apt("purge -y hawser");
    within(10, "the workload answers itself", || workload.ask("/").starts_with("laptop GET"));
    within(10, "nothing is mounted", || laptop.as_root("grep fuse.sshfs /proc/self/mountinfo").out.is_empty());
    laptop.is_quiet();
    kubectl("delete rolebinding hawser-developer -n default");
}

#[test]
fn the_helper_may_do_little() {
    let laptop = Laptop::installed(VARIANT);
    let said = laptop.root("systemd-analyze security --no-pager hawser-helper | tail -n 1");
    let exposure = said.split_whitespace().find_map(|word| word.parse::<f32>().ok()).unwrap();
    assert!(exposure <= 2.0, "{said}");
}

#[test]
fn a_connection_is_back_after_power_was_lost() {
    let laptop = Laptop::boot(VARIANT);
    let before = laptop.listing();
    laptop.install();
    laptop.user("hawser connect");
    laptop.lose_power();
    laptop.stands(20);
    assert!(laptop.get("http://web.default/").is_some());
    laptop.apt("purge -y hawser");
    laptop.is_quiet();
    assert_eq!(laptop.listing().since(&before), [] as [String; 0]);
}

#[test]
fn another_user_sees_a_connection_and_does_not_touch_it() {
    let laptop = Laptop::connected(VARIANT);
    laptop.root("useradd --create-home --groups hawser eve");
    let seen = laptop.as_other("eve", "hawser status");
    assert!(seen.code == 0 && seen.out.contains("connected") && seen.out.contains("uid 1000"), "{seen:?}");
    assert!(!seen.out.contains("192.168.77.1"), "where the cluster is does not concern others: {seen:?}");
    let refused = laptop.as_other("eve", "hawser disconnect rig");
    assert!(refused.code != 0 && refused.err.contains("not-owner"), "{refused:?}");
    assert_eq!(laptop.status()["state"], "connected");
    laptop.root("hawser disconnect rig");
}
