import type { App } from "../app";
import type { FilmCanvas } from "../canvas";
import { h } from "../dom";
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
    const button = h("button", { type: "button", title, onclick }, text);
    store.watch(
      (s) => [isOn(s)],
      (s) => button.setAttribute("aria-pressed", String(isOn(s))),
    );
    return button;
  }
  const button = (text: string, title: string, onclick: () => void): HTMLElement =>
    h("button", { type: "button", title, "aria-label": title, onclick }, text);
  const presets = h(
    "select",
    {
      "aria-label": "Preset of the window",
      onchange: () => {
        app.setPreset(presets.value);
        presets.value = "";
      },
    },
    h("option", { value: "" }, "Preset"),
    ...Object.keys(PRESETS).map((name) => h("option", { value: name }, name)),
  );
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
    button("−", "Zoom out", () => canvas.zoom(0.8)),
    button("+", "Zoom in", () => canvas.zoom(1.25)),
    button("Fit", "Whole film (F)", () => canvas.fit()),
    h("span", { class: "gap" }),
    presets,
    gamma,
    toggle("Invert", "Invert (I)", (s) => s.look.invert, () => app.setLook({ invert: !store.get().look.invert })),
    button("Reset", "Reset gray values (R)", () => app.resetLook()),
    h("span", { class: "gap" }),
    toggle("Names", "Names (L)", (s) => s.showNames, () => store.set({ showNames: !store.get().showNames })),
    toggle("Proposals", "Proposals (P)", (s) => s.showProposal, () => store.set({ showProposal: !store.get().showProposal })),
    toggle("Tracing", "Tracing (T)", (s) => s.showLines, () => store.set({ showLines: !store.get().showLines })),
  );
}
