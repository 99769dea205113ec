//! The file of a standalone manager.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hawser_fault::{Code, Fault};
use hawser_tunnel::identity::{Identity, Pin};
use ipnet::IpNet;
use serde::Deserialize;

/// The file, parsed and checked.
#[derive(Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub subnets: Vec<IpNet>,
    pub authorised_keys: Vec<Pin>,
    pub name_servers: Vec<SocketAddr>,
    pub search_domain: String,
    pub domains: Vec<String>,
    pub zones: BTreeMap<String, BTreeMap<String, Vec<IpAddr>>>,
    key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: SocketAddr,
    #[serde(default = "default_key")]
    key: PathBuf,
    subnets: Vec<String>,
    #[serde(default)]
    authorised_keys: Vec<String>,
    #[serde(default)]
    name_servers: Vec<SocketAddr>,
    #[serde(default)]
    search_domain: String,
    #[serde(default)]
    domains: Vec<String>,
    #[serde(default)]
    zones: BTreeMap<String, BTreeMap<String, Vec<IpAddr>>>,
}

fn default_key() -> PathBuf {
    "manager.key".into()
}

impl Config {
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let text = fs::read_to_string(path)
            .map_err(|error| Fault::new(Code::FileUnreadable, format!("{}: {error}", path.display())))?;
        let file: File = toml::from_str(&text).map_err(|error| {
            Fault::new(Code::ConfigMalformed, format!("{}: {}", path.display(), error.to_string().trim_end()))
        })?;
        let subnets = file.subnets.iter().map(|text| subnet(text)).collect::<Result<Vec<_>, _>>()?;
        if subnets.is_empty() {
            return Err(Fault::new(Code::SubnetInvalid, format!("{}: subnets is empty", path.display())));
        }
        let authorised_keys = file
            .authorised_keys
            .iter()
            .map(|text| {
                text.parse().map_err(|error| Fault::new(Code::KeyMalformed, format!("authorised_keys: {error}")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let key = path.parent().unwrap_or(Path::new(".")).join(file.key);
        let mut domains: Vec<String> = file.domains.iter().chain(file.zones.keys()).map(|name| normal(name)).collect();
        domains.sort();
        domains.dedup();
        Ok(Self {
            listen: file.listen,
            subnets,
            authorised_keys,
            name_servers: file.name_servers,
            search_domain: normal(&file.search_domain),
            domains,
            zones: file.zones,
            key,
        })
    }

    /// The manager's key; made with the first use.
    pub fn identity(&self) -> Result<Identity, Fault> {
        let path = &self.key;
        let unreadable = |error: io::Error| Fault::new(Code::FileUnreadable, format!("{}: {error}", path.display()));
        match fs::read(path) {
            Ok(bytes) => Identity::from_pkcs8(&bytes)
                .map_err(|error| Fault::new(Code::KeyMalformed, format!("{}: {error}", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let identity = Identity::generate().map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
                let mut file =
                    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(unreadable)?;
                file.write_all(identity.pkcs8()).and_then(|()| file.sync_all()).map_err(unreadable)?;
                Ok(identity)
            }
            Err(error) => Err(unreadable(error)),
        }
    }
}

fn subnet(text: &str) -> Result<IpNet, Fault> {
    let invalid = |why: &str| Fault::new(Code::SubnetInvalid, format!("{text:?} {why}"));
    let net: IpNet = text.parse().map_err(|_| invalid("is not address/prefix"))?;
    if net.addr() != net.network() {
        return Err(invalid("has host bits set").with_fix(format!("Write {} instead.", net.trunc())));
    }
    if net.prefix_len() == 0 {
        return Err(invalid("would take all traffic of the laptop"));
    }
    if net.addr().is_loopback() || net.addr().is_multicast() {
        return Err(invalid("is a loopback or multicast range"));
    }
    Ok(net)
}

fn normal(name: &str) -> String {
    name.trim_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Fault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manager.toml");
        fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn each_mistake_has_its_code() {
        let cases = [
            ("listen = 7", Code::ConfigMalformed),
            ("listen = '[::]:1'\nsubnets = ['10.0.0.0/8']\nsubnet = 1", Code::ConfigMalformed),
            ("listen = '[::]:1'\nsubnets = []", Code::SubnetInvalid),
            ("listen = '[::]:1'\nsubnets = ['10.0.0.1/8']", Code::SubnetInvalid),
            ("listen = '[::]:1'\nsubnets = ['0.0.0.0/0']", Code::SubnetInvalid),
            ("listen = '[::]:1'\nsubnets = ['127.0.0.0/8']", Code::SubnetInvalid),
            ("listen = '[::]:1'\nsubnets = ['10.0.0.0']", Code::SubnetInvalid),
            ("listen = '[::]:1'\nsubnets = ['10.0.0.0/8']\nauthorised_keys = ['abc']", Code::KeyMalformed),
        ];
        for (text, code) in cases {
            assert_eq!(read(text).unwrap_err().code, code, "{text}");
        }
        assert_eq!(Config::read(Path::new("/nonexistent/file")).unwrap_err().code, Code::FileUnreadable);
    }

    #[test]
    fn a_key_is_made_once_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manager.toml");
        fs::write(
            &path,
            "listen = '[::]:1'\nsubnets = ['10.0.0.0/8', 'fd00::/64']\nzones.'demo.local'.'a' = ['10.0.0.1']",
        )
        .unwrap();
        let config = Config::read(&path).unwrap();
        assert_eq!(config.domains, ["demo.local"]);
        let pin = config.identity().unwrap().pin();
        assert_eq!(config.identity().unwrap().pin(), pin);
        let mode = fs::metadata(folder.path().join("manager.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(folder.path().join("manager.key"), "garbage").unwrap();
        assert_eq!(config.identity().unwrap_err().code, Code::KeyMalformed);
    }
}
