//! The frame, and what is asked at the end.

use crate::facts::Facts;
use crate::tray;
use crate::view::{Badge, EndWords, Ms, QuitWords, Screen, Shell};

pub(crate) fn shell(facts: &Facts, now: Ms) -> Shell {
    let state = tray::state(facts, now);
    Shell {
        helper: facts.helper.state,
        problem: facts.helper.problem.clone(),
        stale: facts.helper.is_stale(),
        heading: state.words,
        shape: state.shape,
        screen: facts.screen,
        badges: badges(facts, now),
        tray_hosted: facts.posture.hosted,
        keyring: super::settings::keyring_note(facts),
        theme: facts.stored.settings.theme,
        demo: facts.surroundings.demo,
        version: facts.surroundings.version.to_owned(),
        quitting: facts.quitting.then(|| quit_words(facts)),
        ending: end_words(facts),
    }
}

fn end_words(facts: &Facts) -> Option<EndWords> {
    let live = |name: &String| facts.live(name).map(|state| format!("{} over {name}", state.name)).collect::<Vec<_>>();
    let intercepts: Vec<String> = facts.ending.iter().flat_map(live).collect();
    let all = match facts.ending.as_slice() {
        [] => return None,
        [one] => one.clone(),
        several => format!("all {} connections", several.len()),
    };
    let title = match intercepts.len() {
        1 => format!("Disconnecting {all} ends 1 intercept"),
        count => format!("Disconnecting {all} ends {count} intercepts"),
    };
    Some(EndWords { title, intercepts })
}

fn quit_words(facts: &Facts) -> QuitWords {
    let intercepts: Vec<String> =
        facts.intercepts().map(|(place, _)| format!("{} over {}", place.name, place.connection)).collect();
    let title = match intercepts.len() {
        1 => "1 intercept goes on without this window".to_owned(),
        count => format!("{count} intercepts go on without this window"),
    };
    let detail = "Hawser's helper and companion keep connections, intercepts and mounted files. Leave the intercepts if their \
                  traffic is to go back to the workloads.";
    QuitWords { title, detail: detail.to_owned(), intercepts }
}

fn badges(facts: &Facts, now: Ms) -> Vec<Badge> {
    let troubled = tray::troubles(facts, now);
    let of = |screen: Screen| troubled.iter().filter(|trouble| trouble.screen == screen).count();
    let badge = |screen: Screen| Badge { screen, count: of(screen).try_into().unwrap_or(u32::MAX) };
    [Screen::Clusters, Screen::Intercepts].map(badge).into_iter().filter(|badge| badge.count > 0).collect()
}
