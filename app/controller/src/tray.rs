//! The tray as a value.

mod menu;
mod state;

use serde::Serialize;
use ts_rs::TS;

use crate::Act;
use crate::facts::Facts;
use crate::view::{Ms, Screen};
pub(crate) use state::{state, troubles};

/// The tray as the facts have it.
pub(crate) fn of(facts: &Facts, now: Ms) -> Tray {
    let state = state(facts, now);
    Tray { shape: state.shape, tooltip: state.words.clone(), screen: state.screen, menu: menu::of(facts, &state, now) }
}

/// Icon, tooltip and menu. Equal values look the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Tray {
    /// Which icon.
    pub shape: Shape,
    /// One line.
    pub tooltip: String,
    /// Where a click on the icon opens the window.
    pub screen: Screen,
    /// From top to bottom.
    pub menu: Vec<Item>,
}

/// The state of everything, told by shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Nothing is connected.
    Off,
    /// Something is being made or ended.
    Working,
    /// Connected.
    On,
    /// Connected, with an intercept.
    Intercepting,
    /// Somebody has to look.
    Attention,
    /// The helper doesn't answer.
    Missing,
}

/// A line of the menu.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Can't be pressed.
    Words(String),
    /// Can be pressed while `enabled`.
    Press {
        /// Its words.
        label: String,
        /// What it does.
        act: TrayAct,
        /// Whether it does that now.
        enabled: bool,
    },
    /// A menu of its own.
    Sub {
        /// Its words.
        label: String,
        /// From top to bottom.
        items: Vec<Item>,
    },
    /// Separates.
    Line,
}

/// What a press does.
#[derive(Clone, Debug, PartialEq)]
pub enum TrayAct {
    /// The same as in the window, with the same checks.
    Act(Act),
    /// Opens the window there.
    Open(Screen),
    /// Ends the application.
    Quit,
}
