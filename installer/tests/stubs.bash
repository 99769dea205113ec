# Runs maintainer scripts with every command that they call played by a stub, and this machine's folders by others.
setup() {
    stubs=$BATS_TEST_TMPDIR/stubs calls=$BATS_TEST_TMPDIR/calls machine=$BATS_TEST_TMPDIR/machine
    mkdir -p "$stubs" "$machine/run/systemd/system" "$machine/run/hawser" "$machine/var/lib/hawser/keys"
    : >"$calls"
    for command in deb-systemd-helper deb-systemd-invoke getent groupdel hawser-helper id modprobe systemctl systemd-sysusers usermod; do
        stub "$command" true
    done
    stub id 'case $2 in 1000 | ann) echo "ann" ;; *) exit 1 ;; esac'
    unset SUDO_USER PKEXEC_UID PACKAGEKIT_CALLER_UID
}

# From now on this command writes down how it was called, and does this.
stub() {
    printf '#!/bin/sh\necho "%s $*" >>"%s"\n%s\n' "$1" "$calls" "$2" >"$stubs/$1"
    chmod +x "$stubs/$1"
}

# Runs a script of this kind (deb or rpm) with these arguments; this helper knows format 3.
script() {
    local text=$BATS_TEST_TMPDIR/script
    "$BATS_TEST_DIRNAME/../linux/script" "$BATS_TEST_DIRNAME/../linux/$1" 3 |
        sed "s#/run/#$machine/run/#g; s#/var/lib/hawser#$machine/var/lib/hawser#g" >"$text"
    shift
    PATH=$stubs:/usr/bin:/bin run sh "$text" "$@"
}

called() { grep -qxF -- "$1" "$calls" || { cat "$calls"; return 1; }; }
not_called() { ! grep -qF -- "$1" "$calls" || { cat "$calls"; return 1; }; }
# That the first was called before the second.
in_order() {
    local first second
    first=$(grep -nxF -m1 -- "$1" "$calls" | cut -d: -f1)
    second=$(grep -nxF -m1 -- "$2" "$calls" | cut -d: -f1)
    [ "${first:-9999}" -lt "${second:-0}" ] || { cat "$calls"; return 1; }
}
