import type {
  Clusters, Doctor, Intercepts, Names, Picker, SettingsView, Shell, Subnets, Traffic, Update, Welcome,
} from "./types.ts";

/** The last update of each kind; null before the first. */
class Views {
  shell = $state.raw<Shell | null>(null);
  welcome = $state.raw<Welcome | null>(null);
  clusters = $state.raw<Clusters | null>(null);
  subnets = $state.raw<Subnets | null>(null);
  intercepts = $state.raw<Intercepts | null>(null);
  picker = $state.raw<Picker | null>(null);
  names = $state.raw<Names | null>(null);
  traffic = $state.raw<Traffic | null>(null);
  doctor = $state.raw<Doctor | null>(null);
  settings = $state.raw<SettingsView | null>(null);

  take(update: Update): void {
    Object.assign(this, { [update.kind]: update.view });
  }
}

export const views = new Views();
