load stubs.bash

@test "the first installation makes the group, adds who installs it, enables and starts" {
    SUDO_USER=ann script rpm/post 1
    [ "$status" = 0 ]
    in_order 'systemd-sysusers hawser.conf' 'usermod -aG hawser ann'
    in_order 'systemctl preset hawser-helper.socket hawser-helper.service' 'systemctl daemon-reload'
    in_order 'systemctl daemon-reload' 'systemctl start hawser-helper.socket'
    in_order 'systemctl start hawser-helper.socket' 'systemctl start hawser-helper.service'
    called 'systemctl --global preset hawser-companion.service'
}

@test "what an administrator's preset disables is not started" {
    stub systemctl 'case $* in *is-enabled*) exit 1 ;; esac'
    script rpm/post 1
    [ "$status" = 0 ]
    called 'systemctl preset hawser-helper.socket hawser-helper.service'
    not_called 'systemctl start'
}

@test "an upgrade adds nobody: who was taken out of the group stays out" {
    SUDO_USER=ann script rpm/post 2
    [ "$status" = 0 ]
    called 'systemd-sysusers hawser.conf'
    not_called usermod
    [ -z "$output" ]
}

@test "an upgrade enables nothing and restarts after the old one's files are gone" {
    script rpm/post 2
    [ "$status" = 0 ]
    not_called preset
    not_called 'systemctl start'
    script rpm/preun 1
    [ "$status" = 0 ]
    not_called 'systemctl stop'
    not_called cleanup
    script rpm/postun 1
    [ "$status" = 0 ]
    not_called reset-failed
    in_order 'systemctl daemon-reload' 'systemctl try-restart hawser-helper.service'
}

@test "removal stops, undoes, and says what stays" {
    script rpm/preun 0
    [ "$status" = 0 ]
    in_order 'systemctl stop hawser-helper.socket hawser-helper.service' 'hawser-helper cleanup'
    called 'systemctl disable hawser-helper.socket hawser-helper.service'
    called 'systemctl --global disable hawser-companion.service'
    script rpm/postun 0
    [ "$status" = 0 ]
    in_order 'systemctl daemon-reload' 'systemctl reset-failed hawser-helper.socket hawser-helper.service'
    not_called try-restart
    [ -d "$machine/var/lib/hawser" ]
    [[ "$output" == *'/var/lib/hawser'* ]]
}

@test "nothing that fails stops a transaction" {
    for command in hawser-helper modprobe systemctl systemd-sysusers usermod; do stub "$command" 'exit 1'; done
    for call in 'post 1' 'post 2' 'preun 0' 'preun 1' 'postun 0' 'postun 1'; do
        SUDO_USER=ann script "rpm/${call% *}" "${call#* }"
        [ "$status" = 0 ] || { echo "$call: $status"; return 1; }
    done
}

@test "without a running systemd nothing is started or stopped" {
    rmdir "$machine/run/systemd/system"
    for call in 'post 1' 'preun 0' 'postun 0'; do
        script "rpm/${call% *}" "${call#* }"
        [ "$status" = 0 ]
    done
    not_called 'systemctl start'
    not_called 'systemctl stop'
    called 'hawser-helper cleanup'
}

@test "state of a newer version is refused before anything is replaced" {
    for row in '4 1' '3 0' 'torn 0'; do
        echo "${row% *}" >"$machine/var/lib/hawser/format"
        script rpm/pre 2
        [ "$status" = "${row#* }" ] || { echo "$row: $status"; return 1; }
    done
}
