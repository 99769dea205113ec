//! Names, asked for as every program asks: by the system's resolver.

use std::net::IpAddr;

use hawser_sandbox::plan::{self, Service};

use super::Found;
use super::probe::{list, resolve};

/// The full name of a service.
pub(super) fn full() -> Found {
    is(&plan::WEB.full_name(), &plan::WEB)
}

/// A single label, completed with the search domain.
pub(super) fn short() -> Found {
    is(plan::WEB.name, &plan::WEB)
}

/// A name of the zone that isn't there.
pub(super) fn unknown() -> Found {
    let name = format!("nobody.{}", plan::SEARCH_DOMAIN);
    match resolve(&name) {
        Ok(addresses) => Err(format!("{name} is said to be {}", list(&addresses))),
        Err(_) => Ok(format!("{name} does not exist")),
    }
}

/// A name that only the laptop's own name server knows.
pub(super) fn intranet() -> Found {
    let addresses = resolve(plan::INTRANET_NAME)?;
    if addresses != [IpAddr::V4(plan::INTRANET_V4)] {
        return Err(format!("{} is said to be {}", plan::INTRANET_NAME, list(&addresses)));
    }
    Ok(format!("{} still comes from the laptop's own name server", plan::INTRANET_NAME))
}

fn is(name: &str, service: &Service) -> Found {
    let mut expected: Vec<_> = service.addresses().collect();
    expected.sort();
    let addresses = resolve(name)?;
    let text = format!("{name} is {}", list(&addresses));
    if addresses == expected { Ok(text) } else { Err(format!("{text}, not {}", list(&expected))) }
}
