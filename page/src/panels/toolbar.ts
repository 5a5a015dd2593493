import type { App } from "../app";
import type { FilmCanvas } from "../canvas";
import { button, h, menu } from "../dom";
import { PRESETS } from "../gray";
import type { State, Tool } from "../state";

/** What can be done with the film and how it is shown. */
export function toolbar(app: App, canvas: FilmCanvas): HTMLElement {
  const { store } = app;
  const tools = (
    [
      ["points", "Points", "Drag points; click to place the selected one"],
      ["window", "Window", "Drag to change window and level"],
      ["ruler", "Ruler", "Click on two marks (M)"],
    ] as [Tool, string, string][]
  ).map(([tool, text, title]) =>
    toggle(text, title, (s) => s.tool === tool, () => store.set({ tool, ruler: tool === "ruler" ? [] : store.get().ruler })),
  );
  function toggle(text: string, title: string, isOn: (state: State) => boolean, onclick: () => void): HTMLElement {
    const element = button(text, onclick, { title });
    store.watch(
      (s) => [isOn(s)],
      (s) => element.setAttribute("aria-pressed", String(isOn(s))),
    );
    return element;
  }
  const titled = (text: string, title: string, onclick: () => void): HTMLElement =>
    button(text, onclick, { title, "aria-label": title });
  const names = Object.keys(PRESETS).map((name): [string, string] => [name, name]);
  const gamma: HTMLInputElement = h("input", {
    type: "range",
    min: -1,
    max: 1,
    step: 0.05,
    value: 0,
    "aria-label": "Gamma",
    title: "Gamma",
    oninput: () => app.setLook({ gamma: Math.pow(3, gamma.valueAsNumber) }),
  });
  store.watch(
    (s) => [s.look.gamma],
    (s) => {
      gamma.valueAsNumber = Math.log(s.look.gamma) / Math.log(3);
    },
  );
  return h(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Film" },
    ...tools,
    h("span", { class: "gap" }),
    titled("−", "Zoom out", () => canvas.zoom(0.8)),
    titled("+", "Zoom in", () => canvas.zoom(1.25)),
    titled("Fit", "Whole film (F)", () => canvas.fit()),
    h("span", { class: "gap" }),
    menu("Preset", "Preset of the window", names, (name) => app.setPreset(name)),
    gamma,
    toggle("Invert", "Invert (I)", (s) => s.look.invert, () => app.invert()),
    titled("Reset", "Reset gray values (R)", () => app.resetLook()),
    h("span", { class: "gap" }),
    toggle("Names", "Names (L)", (s) => s.showNames, () => app.toggle("showNames")),
    toggle("Proposals", "Proposals (P)", (s) => s.showProposal, () => app.toggle("showProposal")),
    toggle("Tracing", "Tracing (T)", (s) => s.showLines, () => app.toggle("showLines")),
  );
}
