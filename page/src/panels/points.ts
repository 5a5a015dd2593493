import type { App } from "../app";
import { button, h, say } from "../dom";
import { COLOURS, CORRECTED, WORDS, doubtClass } from "../doubt";
import { distance } from "../geometry";
import { isCorrected, pointsOf, spacingOf, type State } from "../state";

/** The landmarks by name, the definition of the selected one, and what is odd. */
export function pointsPanel(app: App): HTMLElement {
  const { store } = app;
  const { scheme } = store.get().info;
  const rows = scheme.map((landmark, k) => {
    const dot = h("span", { class: "dot", "aria-hidden": "true" });
    const note = h("span", { class: "note" });
    const row = h(
      "button",
      {
        type: "button",
        class: "landmark",
        title: `${landmark.name}. ${landmark.definition}`,
        onclick: () => {
          app.select(k);
          app.reveal(pointsOf(store.get())[k]);
        },
      },
      dot,
      h("span", { class: "symbol" }, landmark.symbol),
      h("span", { class: "landmark-name" }, landmark.name),
      note,
    );
    return { row, dot, note };
  });
  const definition = h("p", { class: "definition" });
  const unseen = h("input", { type: "checkbox", id: "unseen", onchange: () => app.toggleVisible() });
  const back = button("Back to the proposal", () => app.toProposal());
  const warnings = h("ul");
  const warned = h("div", { class: "warnings", role: "status", "aria-label": "Warnings", tabindex: 0 }, warnings);

  function draw(state: State): void {
    const points = pointsOf(state);
    const spacing = spacingOf(state);
    rows.forEach(({ row, dot, note }, k) => {
      const doubt = doubtClass(state.proposal, k);
      const corrected = isCorrected(state, k);
      const moved = distance(points[k], state.proposal?.points[k], spacing);
      const pressed = String(state.selected === k);
      if (row.getAttribute("aria-pressed") !== pressed) row.setAttribute("aria-pressed", pressed);
      dot.style.backgroundColor = corrected ? CORRECTED : COLOURS[doubt];
      const radius = state.proposal?.radius90_mm?.[k];
      say(
        note,
        points.length > 0 && !points[k]
          ? "not visible"
          : corrected && moved !== null
            ? `moved ${moved.toFixed(1)} ${spacing ? "mm" : "px"}`
            : `${WORDS[doubt]}${radius != null ? `, ± ${radius.toFixed(1)} mm` : ""}`,
      );
    });
    const k = state.selected;
    const landmark = k === null ? undefined : scheme[k];
    say(definition, landmark ? `${landmark.symbol}, ${landmark.name}: ${landmark.definition || "no definition"}.` : "");
    unseen.checked = k !== null && points.length > 0 && !points[k];
    unseen.disabled = back.disabled = k === null || points.length === 0;
  }

  store.watch((s) => [s.history, s.dragged, s.proposal, s.selected, s.rulerSpacing, s.film], draw);
  store.watch(
    (s) => [s.selected],
    (s) => {
      if (s.selected !== null) rows[s.selected]?.row.scrollIntoView({ block: "nearest" });
    },
  );
  store.watch(
    (s) => [s.review],
    (s) => {
      warnings.replaceChildren(...(s.review?.warnings ?? []).map((warning) => h("li", {}, warning.text)));
      warned.hidden = warnings.childElementCount === 0;
    },
  );
  return h(
    "div",
    { class: "points-panel" },
    h("div", { class: "landmarks", role: "group", "aria-label": "Landmarks" }, ...rows.map(({ row }) => row)),
    h("div", { class: "selected" }, definition, h("label", {}, unseen, " not visible (V)"), back),
    warned,
  );
}
