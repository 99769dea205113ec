//! Cached names.

use anyhow::Result;

use crate::figure::{Figure, Goal};
use crate::worlds::{Worlds, probe};

const NAME: &str = "web.shop.svc.demo.local";

pub fn cached(worlds: &Worlds) -> Result<Vec<Figure>> {
    let pair = worlds.plain()?;
    let times =
        pair.blocks(worlds.blocks, |world| Ok(probe(world, &format!("dns {NAME} --seconds 1"), "p50_us")? / 1e3))?;
    let rates = pair.blocks(worlds.blocks, |world| probe(world, &format!("dns {NAME} --askers 16"), "per_second"))?;
    let (one, many) = (times.behind("ms"), rates.behind("/s"));
    Ok(vec![
        Figure::absolute("dns", "p50, ms", times.hawser, Goal::AtMost(0.2, 0.1), one),
        Figure::absolute("dns", "16 askers, queries/s", rates.hawser, Goal::AtLeast(80e3, 150e3), many),
    ])
}
