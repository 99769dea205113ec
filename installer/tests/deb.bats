load stubs.bash

@test "the first installation makes the group, enables and starts" {
    script deb/hawser.postinst configure
    [ "$status" = 0 ]
    in_order 'systemd-sysusers hawser.conf' 'deb-systemd-invoke restart hawser-helper.service'
    in_order 'systemctl --system daemon-reload' 'deb-systemd-invoke start hawser-helper.socket'
    in_order 'deb-systemd-invoke start hawser-helper.socket' 'deb-systemd-invoke restart hawser-helper.service'
    called 'deb-systemd-helper enable hawser-helper.service'
    called 'deb-systemd-helper enable hawser-helper.socket'
    called 'deb-systemd-helper --user enable hawser-companion.service'
}

@test "who installs it may use it, and is told" {
    SUDO_USER=ann script deb/hawser.postinst configure
    called 'usermod -aG hawser ann'
    [[ "$output" == *'ann may use it now'* ]]
    in_order 'systemd-sysusers hawser.conf' 'usermod -aG hawser ann'
}

@test "who installs it by a dialog is known by a number" {
    PKEXEC_UID=1000 script deb/hawser.postinst configure
    called 'usermod -aG hawser ann'
    : >"$calls"
    PACKAGEKIT_CALLER_UID=1000 script deb/hawser.postinst configure
    called 'usermod -aG hawser ann'
}

@test "nobody known, or root: nobody is added, and how to is said" {
    for who in '' root; do
        SUDO_USER=$who script deb/hawser.postinst configure
        [ "$status" = 0 ]
        not_called usermod
        [[ "$output" == *'sudo usermod -aG hawser USER'* ]]
    done
    PKEXEC_UID=4711 script deb/hawser.postinst configure
    [ "$status" = 0 ]
    not_called usermod
}

@test "a member is not added again" {
    stub id 'echo "ann adm hawser"'
    SUDO_USER=ann script deb/hawser.postinst configure
    not_called usermod
    [ -z "$output" ]
}

@test "an upgrade adds nobody: who was taken out of the group stays out" {
    SUDO_USER=ann script deb/hawser.postinst configure 0.1.0-1
    [ "$status" = 0 ]
    called 'systemd-sysusers hawser.conf'
    not_called usermod
    [ -z "$output" ]
}

@test "a user who cannot be added is no failed installation" {
    stub usermod 'exit 1'
    SUDO_USER=ann script deb/hawser.postinst configure
    [ "$status" = 0 ]
    [[ "$output" == *'sudo usermod -aG hawser ann'* ]]
}

@test "what an administrator has disabled stays so" {
    stub deb-systemd-helper 'case $* in *was-enabled*) exit 1 ;; esac'
    script deb/hawser.postinst configure 0.1.0-1
    [ "$status" = 0 ]
    not_called 'enable hawser'
    called 'deb-systemd-helper update-state hawser-helper.service'
    called 'deb-systemd-helper --user update-state hawser-companion.service'
}

@test "a helper that does not start is no failed installation" {
    stub deb-systemd-invoke 'exit 1'
    stub modprobe 'exit 1'
    script deb/hawser.postinst configure
    [ "$status" = 0 ]
}

@test "without a running systemd nothing is started" {
    rmdir "$machine/run/systemd/system"
    script deb/hawser.postinst configure
    [ "$status" = 0 ]
    not_called deb-systemd-invoke
    called 'deb-systemd-helper enable hawser-helper.service'
}

@test "an aborted removal configures nothing" {
    script deb/hawser.postinst abort-remove
    [ "$status" = 0 ]
    [ ! -s "$calls" ]
}

@test "an upgrade leaves the helper alone until the new one takes over" {
    script deb/hawser.prerm upgrade 0.2.0-1
    [ "$status" = 0 ]
    [ ! -s "$calls" ]
    script deb/hawser.postrm upgrade 0.2.0-1
    [ "$status" = 0 ]
    [ ! -s "$calls" ]
}

@test "removal stops, then undoes" {
    script deb/hawser.prerm remove
    [ "$status" = 0 ]
    in_order 'deb-systemd-invoke stop hawser-helper.socket hawser-helper.service' 'hawser-helper cleanup'
}

@test "what cannot be undone is said and stops no removal" {
    stub hawser-helper 'echo "error: DNS [journal]" >&2; exit 1'
    script deb/hawser.prerm remove
    [ "$status" = 0 ]
    [[ "$output" == *'could not be undone'* ]]
}

@test "removal leaves nothing in /etc, and keeps state and group" {
    script deb/hawser.postrm remove
    [ "$status" = 0 ]
    called 'deb-systemd-helper purge hawser-helper.socket hawser-helper.service'
    called 'deb-systemd-helper --user purge hawser-companion.service'
    in_order 'systemctl --system daemon-reload' 'systemctl reset-failed hawser-helper.socket hawser-helper.service'
    [ -d "$machine/var/lib/hawser" ]
    [ ! -e "$machine/run/hawser" ]
    not_called groupdel
}

@test "purge forgets state and group" {
    script deb/hawser.postrm purge
    [ "$status" = 0 ]
    [ ! -e "$machine/var/lib/hawser" ]
    called 'groupdel hawser'
}

@test "purge does without a group, and with one that stays" {
    stub getent 'exit 2'
    script deb/hawser.postrm purge
    [ "$status" = 0 ]
    not_called groupdel
    stub getent true
    stub groupdel 'exit 8'
    script deb/hawser.postrm purge
    [ "$status" = 0 ]
    [[ "$output" == *'the group hawser stays'* ]]
}

@test "state of a newer version is refused before anything is replaced" {
    for action in install upgrade; do
        for row in '4 1' '10 1' '3 0' '1 0' ' 0' 'torn 0'; do
            echo "${row% *}" >"$machine/var/lib/hawser/format"
            script deb/hawser.preinst "$action" 0.2.0-1
            [ "$status" = "${row#* }" ] || { echo "$row: $status"; return 1; }
        done
    done
    echo 4 >"$machine/var/lib/hawser/format"
    script deb/hawser.preinst upgrade 0.2.0-1
    [[ "$output" == *'written by a newer version'* ]]
    [[ "$output" == *': sudo systemctl stop hawser-helper.socket hawser-helper.service && sudo hawser-helper cleanup && sudo rm -r '* ]]
    script deb/hawser.preinst abort-upgrade
    [ "$status" = 0 ]
}

@test "state of a newer version that is no longer installed has nothing to stop" {
    rm "$stubs/hawser-helper"
    echo 4 >"$machine/var/lib/hawser/format"
    script deb/hawser.preinst install 0.2.0-1
    [ "$status" = 1 ]
    [[ "$output" == *': sudo rm -r '* ]]
}
