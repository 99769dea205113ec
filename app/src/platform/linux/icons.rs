//! The pictures of the tray, as `icons/draw` made them.

use hawser_controller::Shape;
use ksni::Icon;

/// Every size of a shape, for dark and for light panels.
struct Pictures {
    dark: [&'static [u8]; 4],
    light: [&'static [u8]; 4],
}

macro_rules! pictures {
    ($shape:literal) => {
        Pictures { dark: pictures!($shape, "dark"), light: pictures!($shape, "light") }
    };
    ($shape:literal, $tone:literal) => {
        [
            pictures!($shape, $tone, "22"),
            pictures!($shape, $tone, "24"),
            pictures!($shape, $tone, "32"),
            pictures!($shape, $tone, "48"),
        ]
    };
    ($shape:literal, $tone:literal, $size:literal) => {
        include_bytes!(concat!("../../../../icons/out/", $shape, "-", $tone, "-", $size, ".argb"))
    };
}

static OFF: Pictures = pictures!("off");
static WORKING: Pictures = pictures!("working");
static ON: Pictures = pictures!("on");
static INTERCEPTING: Pictures = pictures!("intercepting");
static ATTENTION: Pictures = pictures!("attention");
static MISSING: Pictures = pictures!("missing");

/// A shape in every size.
pub(super) fn pixmaps(shape: Shape, dark: bool) -> Vec<Icon> {
    let pictures = match shape {
        Shape::Off => &OFF,
        Shape::Working => &WORKING,
        Shape::On => &ON,
        Shape::Intercepting => &INTERCEPTING,
        Shape::Attention => &ATTENTION,
        Shape::Missing => &MISSING,
    };
    let sizes = if dark { pictures.dark } else { pictures.light };
    sizes.iter().map(|data| icon(data)).collect()
}

fn icon(data: &[u8]) -> Icon {
    let side = (data.len() / 4).isqrt() as i32;
    Icon { width: side, height: side, data: data.to_vec() }
}

/// What the panel's background is likely to be. No desktop tells; GNOME's and its kin's is dark whatever the theme is.
pub(super) fn panel_is_dark() -> bool {
    panel_of(&std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default(), &std::env::var("GTK_THEME").unwrap_or_default())
}

fn panel_of(desktop: &str, theme: &str) -> bool {
    let theme = theme.to_ascii_lowercase();
    let light = ["KDE", "XFCE", "LXQt", "MATE", "LXDE"];
    !desktop.split(':').any(|name| light.contains(&name)) || theme.contains("dark")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_square_and_differ() {
        let shapes = [Shape::Off, Shape::Working, Shape::On, Shape::Intercepting, Shape::Attention, Shape::Missing];
        let mut seen = std::collections::BTreeSet::new();
        for (shape, dark) in shapes.into_iter().flat_map(|shape| [(shape, false), (shape, true)]) {
            let icons = pixmaps(shape, dark);
            assert_eq!(icons.iter().map(|icon| icon.width).collect::<Vec<_>>(), [22, 24, 32, 48]);
            for icon in icons {
                assert_eq!(icon.data.len(), (icon.width * icon.height * 4) as usize);
                assert!(seen.insert(icon.data), "{shape:?} {dark} looks like another one");
            }
        }
    }

    #[test]
    fn panels_are_guessed() {
        assert!(panel_of("ubuntu:GNOME", "") && panel_of("", ""));
        assert!(!panel_of("KDE", "") && panel_of("KDE", "Breeze:dark"));
    }
}
