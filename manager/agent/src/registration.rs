//! Who this agent is: its pod's token, and what it shows of the app's containers.

use std::collections::HashMap;

use hawser_tunnel::SOFTWARE;
use hawser_tunnel::agent::{Config, Container, TOKEN, variable};
use hawser_tunnel::proto::{AgentContainer, Registration};

/// The registration of this pod now: the token is renewed on the disk now and then.
pub fn registration(config: &Config) -> std::io::Result<Registration> {
    let token = std::fs::read_to_string(TOKEN)?.trim().to_owned();
    let containers = config.containers.iter().enumerate().map(|(place, container)| shown(place, container)).collect();
    Ok(Registration { token, software: SOFTWARE.to_owned(), containers })
}

/// Variables of what the manager could name come by name, those of whole ConfigMaps and Secrets by their prefix.
fn shown(place: usize, container: &Container) -> AgentContainer {
    let prefix = variable(place, "");
    let environment: HashMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_owned(), value)))
        .collect();
    let (name, mounts) = (container.name.clone(), container.mounts.clone());
    AgentContainer { name, environment, mounts, place: u32::try_from(place).unwrap_or(u32::MAX) }
}
