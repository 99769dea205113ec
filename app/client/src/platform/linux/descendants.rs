//! Processes below another one: proc_pid_stat(5).

use std::collections::HashMap;
use std::fs;

use crate::processes::Descendant;

/// All that it has begun, and they, as far as those between are still there.
pub(crate) fn descendants(of: u32) -> Vec<Descendant> {
    let mut children: HashMap<u32, Vec<Descendant>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            && let Some(stat) = stat(pid)
        {
            children.entry(stat.parent).or_default().push(Descendant { pid, began: stat.began });
        }
    }
    let mut found: Vec<Descendant> = children.remove(&of).unwrap_or_default();
    let mut looked_at = 0;
    while let Some(next) = found.get(looked_at) {
        let below = children.remove(&next.pid).unwrap_or_default();
        found.extend(below);
        looked_at += 1;
    }
    found
}

/// Whether it is this very process that has the number, and runs.
pub(crate) fn is_running(process: &Descendant) -> bool {
    stat(process.pid).is_some_and(|stat| stat.began == process.began && !stat.has_ended)
}

struct Stat {
    parent: u32,
    /// Clock ticks since boot.
    began: u64,
    /// Nobody has asked for its end yet.
    has_ended: bool,
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(text: &str) -> Option<Stat> {
    // The name before it may have parentheses and spaces too.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let has_ended = matches!(*fields.first()?, "Z" | "X");
    Some(Stat { parent: fields.get(1)?.parse().ok()?, began: fields.get(19)?.parse().ok()?, has_ended })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    #[test]
    fn those_of_a_shell_are_found_and_outlive_it() {
        let script = "sleep 600 & echo $!; wait";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut sleeper = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut sleeper).unwrap();
        let found = descendants(shell.id());
        assert_eq!(
            found.iter().map(|process| process.pid).collect::<Vec<_>>(),
            [sleeper.trim().parse::<u32>().unwrap()]
        );
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert!(is_running(&found[0]));
        assert!(!is_running(&Descendant { began: found[0].began + 1, ..found[0].clone() }));
        let pid = nix::unistd::Pid::from_raw(found[0].pid.try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    }

    #[test]
    fn a_name_may_look_like_the_fields_after_it() {
        let text = "7 (a) Z 1) S 4 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        let stat = parse(text).unwrap();
        assert_eq!((stat.parent, stat.began, stat.has_ended), (4, 4711, false));
    }
}
