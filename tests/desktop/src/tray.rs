//! The tray icon as a desktop sees it: StatusNotifierItem and com.canonical.dbusmenu.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::{OwnedValue, Structure, Value};

/// A picture: width, height, pixels.
type Pixels = (i32, i32, Vec<u8>);
/// Part of a menu: its number, its properties, and what is below it.
type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

/// One icon with its menu.
pub struct Item {
    item: Proxy<'static>,
    menu: Proxy<'static>,
}

/// A line of the menu. Separators are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    id: i32,
    /// Its words as they are shown.
    pub words: String,
    /// Whether it can be pressed.
    pub enabled: bool,
    /// The menu behind it.
    pub lines: Vec<Line>,
}

impl Item {
    pub(crate) fn new(bus: &Connection, name: &str) -> Result<Self> {
        // What it says may change without a signal being waited for here.
        let proxy = |path, interface| -> zbus::Result<Proxy<'static>> {
            zbus::blocking::proxy::Builder::new(bus)
                .destination(name.to_owned())?
                .path(path)?
                .interface(interface)?
                .cache_properties(zbus::proxy::CacheProperties::No)
                .build()
        };
        let item = proxy("/StatusNotifierItem", "org.kde.StatusNotifierItem")?;
        let menu = proxy("/MenuBar", "com.canonical.dbusmenu")?;
        Ok(Self { item, menu })
    }

    /// Which of the pictures in `icons/out` it shows: `off`, `working`, `on`, `intercepting`, `attention` or `missing`.
    ///
    /// # Errors
    /// When it shows another one, or none.
    pub fn shape(&self) -> Result<String> {
        let pictures: Vec<Pixels> = self.item.get_property("IconPixmap")?;
        let (width, _, pixels) = pictures.first().context("no picture")?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../icons/out");
        for entry in fs::read_dir(folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(&format!("-{width}.argb")) && fs::read(entry.path())? == *pixels {
                return Ok(name.split('-').next().unwrap_or_default().to_owned());
            }
        }
        bail!("a picture that is not in icons/out")
    }

    /// Its one line.
    ///
    /// # Errors
    /// When it has gone.
    pub fn tooltip(&self) -> Result<String> {
        let (_, _, title, _): (String, Vec<Pixels>, String, String) = self.item.get_property("ToolTip")?;
        Ok(title)
    }

    /// `Active` or `NeedsAttention`.
    ///
    /// # Errors
    /// When it has gone.
    pub fn status(&self) -> Result<String> {
        Ok(self.item.get_property("Status")?)
    }

    /// A left click.
    ///
    /// # Errors
    /// When it has gone.
    pub fn click(&self) -> Result<()> {
        Ok(self.item.call("Activate", &(0_i32, 0_i32))?)
    }

    /// The menu, from top to bottom.
    ///
    /// # Errors
    /// When it has gone.
    pub fn menu(&self) -> Result<Vec<Line>> {
        let (_, root): (u32, Layout) = self.menu.call("GetLayout", &(0_i32, -1_i32, Vec::<String>::new()))?;
        Ok(line(root)?.lines)
    }

    /// Presses the line that has these words, wherever it is. No desktop waits for what comes of it.
    ///
    /// # Errors
    /// When there is no such line that can be pressed.
    pub fn press(&self, words: &str) -> Result<()> {
        let menu = self.menu()?;
        let line = find(&menu, words).with_context(|| format!("no {words:?} in {menu:#?}"))?;
        Ok(self.menu.call_noreply("Event", &(line.id, "clicked", Value::from(0_i32), 0_u32))?)
    }
}

fn find<'l>(lines: &'l [Line], words: &str) -> Option<&'l Line> {
    lines.iter().find_map(|line| {
        if line.enabled && line.lines.is_empty() && line.words == words { Some(line) } else { find(&line.lines, words) }
    })
}

fn line((id, properties, below): Layout) -> Result<Line> {
    let text = |name: &str| properties.get(name).and_then(|value| value.downcast_ref::<String>().ok());
    let mut lines = Vec::new();
    for part in below {
        let part = Structure::try_from(part)?;
        let part = line(Layout::try_from(part)?)?;
        if !part.words.is_empty() {
            lines.push(part);
        }
    }
    let enabled = properties.get("enabled").and_then(|value| value.downcast_ref::<bool>().ok()).unwrap_or(true);
    // A single underscore marks an access key.
    let words = text("label").unwrap_or_default().replace("__", "\0").replace('_', "").replace('\0', "_");
    Ok(Line { id, words, enabled, lines })
}
