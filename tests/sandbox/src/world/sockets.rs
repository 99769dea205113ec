//! What listens in a network namespace, as `/proc` shows it (`proc_pid_net(5)`).

use std::{collections::BTreeSet, fs};

use super::Child;

/// A socket that waits for others: its table in `/proc/PID/net` and its port.
pub type Listening = (&'static str, u16);

/// TCP sockets that listen (state 10), and UDP sockets without a partner (state 7).
const TABLES: [(&str, &str); 4] = [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")];

/// Every port that something listens on where this process is; nothing if the process is gone.
pub fn listening(child: &Child) -> BTreeSet<Listening> {
    let tables = TABLES.iter().filter_map(|(table, state)| {
        let text = fs::read_to_string(format!("/proc/{}/net/{table}", child.pid)).ok()?;
        Some(ports(&text, state).map(|port| (*table, port)).collect::<Vec<_>>())
    });
    tables.flatten().collect()
}

fn ports(table: &str, wanted: &str) -> impl Iterator<Item = u16> {
    table.lines().skip(1).filter_map(move |line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
        if state != wanted {
            return None;
        }
        u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::ports;

    #[test]
    fn only_sockets_that_wait_count() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00600A:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1
   1: 0B00600A:0050 020200C0:D431 01 00000000:00000000 00:00000000 00000000     0        0 1002 1
   2: 00000000000000000000000000000000:1C84 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1003 1
";
        assert_eq!(ports(table, "0A").collect::<Vec<_>>(), [80, 7300]);
        assert_eq!(ports("", "0A").count(), 0);
    }
}
