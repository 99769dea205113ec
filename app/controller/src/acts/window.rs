//! Screens, and the window's and the application's end.

use hawser_client::intercept::Place;

use super::login::look_at_keyring;
use super::{Begun, bad, later, leave};
use crate::controller::Controller;
use crate::view::{NoticeKind, Screen};
use crate::{Notice, NoticeAction, NoticeId, QuitAnswer, Ui, Window};

impl<U: Ui> Controller<U> {
    pub(super) fn go_to(&mut self, screen: Screen) -> Begun {
        if screen == Screen::Picker && (self.facts.form.opened == 0 || self.facts.form.spent) {
            return self.pick(None, None);
        }
        self.facts.screen = screen;
        if screen == Screen::Settings {
            let looking = look_at_keyring(self.desk());
            self.spawn(looking);
        }
        let keep = !matches!(screen, Screen::Welcome | Screen::Picker);
        if keep {
            // Where the window was left isn't worth a word if it can't be kept.
            let _ = self.facts.stored.change(|settings| settings.last_screen = screen);
        }
        Ok(None)
    }

    pub(super) fn welcome(&mut self, step: u8) -> Begun {
        match step {
            1..=3 => self.facts.welcome_step = step,
            4 => {
                self.facts.stored.change(|settings| settings.welcomed = true)?;
                self.facts.screen = Screen::Clusters;
            }
            _ => return Err(bad("there are three steps")),
        }
        Ok(None)
    }

    /// Into the tray, where there is one; else there would be no way back.
    pub(super) fn close(&mut self) -> Begun {
        if !self.facts.posture.hosted {
            self.ui.exit();
            return Ok(None);
        }
        self.ui.window(Window::Close);
        if !self.facts.stored.settings.told_of_tray {
            let notice = Notice {
                id: NoticeId { kind: NoticeKind::Back, about: "tray".to_owned() },
                title: "Hawser goes on in the tray".to_owned(),
                body: "Its icon opens this window again, and ends it.".to_owned(),
                actions: vec![(NoticeAction::Open(self.facts.screen), "Open".to_owned())],
            };
            self.ui.notify(&notice);
            // Then it is said again the next time.
            let _ = self.facts.stored.change(|settings| settings.told_of_tray = true);
        }
        Ok(None)
    }

    pub(crate) fn quit(&mut self, answer: Option<QuitAnswer>) -> Begun {
        let places: Vec<Place> = self.facts.intercepts().map(|(place, _)| place).collect();
        match answer {
            None if !places.is_empty() => {
                self.facts.quitting = true;
                self.ui.window(Window::Show);
            }
            Some(QuitAnswer::Stay) => self.facts.quitting = false,
            None | Some(QuitAnswer::Keep) => self.ui.exit(),
            Some(QuitAnswer::Leave) => {
                let mut helper = self.desk().helper()?;
                let ends = self.ends.clone();
                return later(async move {
                    for Place { connection, name } in places {
                        leave(&mut helper, connection, name).await?;
                    }
                    ends.notify_one();
                    Ok(())
                });
            }
        }
        Ok(None)
    }
}
