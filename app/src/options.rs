//! What can be said on the command line.

use clap::Parser;
use hawser_controller::Screen;

/// Hawser's tray and window: joins this computer to Kubernetes clusters
#[derive(Parser, Clone, Debug)]
#[command(name = "hawser-app", version)]
pub(crate) struct Options {
    /// Start in the tray, without a window
    #[arg(long)]
    pub hidden: bool,
    /// Draw without the graphics card, for windows that stay blank
    #[arg(long)]
    pub safe_graphics: bool,
    /// Open the window on this screen
    #[arg(long, value_name = "NAME", value_parser = parse_screen)]
    pub screen: Option<Screen>,
    /// Say that this is the demo's world
    #[arg(long)]
    pub demo: bool,
}

/// A screen by the name that it has between page and controller.
pub(crate) fn parse_screen(name: &str) -> Result<Screen, String> {
    serde_json::from_value(name.into()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screens_have_their_names() {
        assert_eq!(parse_screen("traffic"), Ok(Screen::Traffic));
        let refused = parse_screen("../traffic").unwrap_err();
        assert!(refused.contains("`clusters`"), "{refused}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Options::command().debug_assert();
    }

    #[test]
    fn the_manual_says_what_can_be_typed() {
        use clap::CommandFactory as _;
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../installer/linux/desktop/hawser-app.1");
        let mut page = Vec::new();
        clap_mangen::Man::new(Options::command()).render(&mut page).unwrap();
        if std::env::var_os("HAWSER_UPDATE").is_some() {
            std::fs::write(kept, &page).unwrap();
        }
        assert!(std::fs::read(kept).unwrap() == page, "HAWSER_UPDATE=1 writes {kept} anew");
    }
}
