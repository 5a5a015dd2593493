import type { App } from "../app";
import { h } from "../dom";
import { distance } from "../geometry";
import { pointsOf, spacingOf, type State } from "../state";

/** The distances between these points and those of other annotators. */
export function comparePanel(app: App): HTMLElement {
  const { store } = app;
  const box = h("div");
  const shown: HTMLInputElement = h("input", {
    type: "checkbox",
    onchange: () => store.set({ showOthers: shown.checked }),
  });

  function draw(state: State): void {
    if (state.tab !== "compare") return; // nobody sees it
    shown.checked = state.showOthers;
    const others = state.film?.labels.filter((label) => !label.final && label.user !== state.user) ?? [];
    if (others.length === 0) {
      box.replaceChildren(h("p", {}, "Nobody else has labelled this film."));
      return;
    }
    const points = pointsOf(state);
    const spacing = spacingOf(state);
    const columns = others.map((label) => points.map((point, k) => distance(point, label.points[k], spacing)));
    const mean = (values: (number | null)[]): string => {
      const known = values.filter((value) => value !== null);
      return known.length === 0 ? "–" : (known.reduce((a, b) => a + b, 0) / known.length).toFixed(2);
    };
    box.replaceChildren(
      h(
        "table",
        { "aria-label": "Distance to other annotators" },
        h(
          "thead",
          {},
          h("tr", {}, h("th", { scope: "col" }, spacing ? "mm" : "px"), ...others.map((label) => h("th", { scope: "col" }, label.user))),
        ),
        h(
          "tbody",
          {},
          ...state.info.scheme.map((landmark, k) =>
            h("tr", {}, h("th", { scope: "row" }, landmark.symbol), ...columns.map((column) => h("td", {}, column[k]?.toFixed(2) ?? "–"))),
          ),
          h("tr", { class: "sum" }, h("th", { scope: "row" }, "mean"), ...columns.map((column) => h("td", {}, mean(column)))),
        ),
      ),
    );
  }

  store.watch((s) => [s.film, s.tab, s.history, s.dragged, s.showOthers, s.rulerSpacing], draw);
  return h("div", { class: "compare-panel" }, h("label", {}, shown, " show them on the film (O)"), box);
}
