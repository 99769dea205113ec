//! What a machine is like, to be compared with what it was like before.

use std::collections::BTreeSet;

use super::Laptop;

/// Everything that a package may change on a machine, one line each.
#[derive(Debug, PartialEq, Eq)]
pub struct Listing(BTreeSet<String>);

impl Listing {
    pub(super) fn of(laptop: &Laptop) -> Self {
        Self(laptop.root(SCRIPT).lines().map(str::to_owned).collect())
    }

    /// What differs from an earlier one: `-` was there before, `+` is there now.
    pub fn since(&self, before: &Self) -> Vec<String> {
        let gone = before.0.difference(&self.0).map(|line| format!("- {line}"));
        let come = self.0.difference(&before.0).map(|line| format!("+ {line}"));
        gone.chain(come).collect()
    }

    /// The same without what a removal keeps: the state, and the group with who is in it.
    pub fn since_but_for_state(&self, before: &Self) -> Vec<String> {
        let is_kept = |line: &str| {
            line.contains(" /var/lib/hawser") || line.ends_with("/etc/group") || line.ends_with("/etc/gshadow")
        };
        self.since(before).into_iter().filter(|line| !is_kept(line)).collect()
    }
}

/// Files of `/etc` with their contents; names elsewhere, but for what apt, dpkg, the journal and NetworkManager write at any time; routes,
/// rules, links, addresses, the resolver, mounts, units and devices.
const SCRIPT: &str = r#"
set -u
# Whether an address of IPv6 is anybody else's too is found out in the first seconds.
timeout 5 sh -c 'while ip -6 address show tentative | grep -q .; do sleep 0.1; done'
say() { sed "s|^|$1: |"; }
# shadow and shadow-, group and group-: what was before the last change of users, whoever made it.
find /etc -xdev ! -name '*-' ! -name .pwd.lock -printf '%p %M %U:%G %l\n' | say etc
find /etc -xdev -type f ! -name '*-' -exec sha256sum {} + | say hash
find / -xdev \( -path /etc -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path /var/lib/NetworkManager -o -path /home \) -prune -o \
    ! -path '/var/lib/systemd/*' ! -path '/tmp*' ! -path '/var/tmp*' -printf '%p %M %U:%G %l\n' | say file
find /var/lib/systemd /run /tmp /var/tmp -path /run/user -prune -o -iname '*hawser*' -print | say run
{ ip -4 route show table all; ip -6 route show table all; } | sed 's/ expires [^ ]*//' | say route
{ ip -4 rule; ip -6 rule; } | say rule
ip -o link | sed 's/^[0-9]*: //; s/@if[0-9]*//' | say link
ip -o addr | sed 's/^[0-9]*: //; s/ *valid_lft.*//' | say address
cat /etc/resolv.conf | say resolver
if systemctl --quiet is-active systemd-resolved; then
    for what in dns domain default-route; do resolvectl --no-pager $what | say "resolved $what"; done
fi
if [ -d /run/resolvconf ]; then find /run/resolvconf -type f -exec cat {} + | say resolvconf; fi
cut -d' ' -f5- /proc/self/mountinfo | sed 's/ shared:[0-9]*//; s/,uuid=on//' | grep -v -e '^/run/credentials' -e '^/run/user' | say mount
systemctl list-unit-files --no-legend --no-pager | grep -v ' transient ' | say unit
systemctl --failed --no-legend --no-pager --plain | say failed
"#;
