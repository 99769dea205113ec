//! The kinds of programs that ask for names, each with a resolver of its own.

use super::Laptop;

/// A program that prints the addresses of a name.
pub struct Resolver {
    /// What it stands for.
    pub kind: &'static str,
    /// Shell command; the name follows.
    command: &'static str,
}

/// What every machine has.
pub const RESOLVERS: [Resolver; 5] = [
    Resolver { kind: "glibc with nsswitch", command: "getent ahostsv4" },
    Resolver { kind: "dig", command: "dig +short +search +time=2 +tries=2" },
    Resolver { kind: "static Go", command: "resolve-go" },
    Resolver { kind: "static musl", command: "resolve-musl" },
    Resolver { kind: "static busybox", command: "busybox nslookup -type=a" },
];

/// What the variant `java` has too.
pub const JVM: Resolver = Resolver { kind: "JVM", command: "java /usr/local/lib/Resolve.java" };

impl Resolver {
    /// Whether the program finds this address for a name, else what it printed.
    pub fn check(&self, laptop: &Laptop, name: &str, address: &str) -> Result<(), String> {
        let said = laptop.as_user(&format!("{} {name}", self.command));
        if said.out.split(|c: char| !(c.is_alphanumeric() || c == '.')).any(|word| word == address) {
            return Ok(());
        }
        Err(format!("{}: {name} is not {address}: {said:?}", self.kind))
    }
}
