import type { App } from "../app";
import { button, h } from "../dom";
import { distance } from "../geometry";
import { spacingOf } from "../state";

const UNITS: Record<string, string> = { deg: "°" };

/** Measurements of the points as they are, and the ruler. */
export function measurePanel(app: App): HTMLElement {
  const { store } = app;
  const body = h("tbody");
  const table = h(
    "table",
    { "aria-label": "Measurements" },
    h("thead", {}, h("tr", {}, ...["Measurement", "Value, 90\u00a0%", "Norm"].map((text) => h("th", { scope: "col" }, text)))),
    body,
  );
  store.watch(
    (s) => [s.tab, s.review],
    (s) => {
      if (s.tab !== "measure") return; // nobody sees it
      const measurements = s.review?.measurements ?? [];
      table.hidden = measurements.length === 0;
      body.replaceChildren(
        ...measurements.flatMap((m, k) => {
          const isOdd = m.z !== null && Math.abs(m.z) > 1;
          const unit = UNITS[m.unit] ?? ` ${m.unit}`;
          const row = h(
            "tr",
            { title: [m.meaning, m.remark].filter((text) => text !== "").join(". ") },
            h("th", { scope: "row" }, m.measurement),
            h(
              "td",
              { class: isOdd ? "odd" : "" },
              m.value === null ? "–" : `${m.value.toFixed(1)}${unit}`,
              m.low90 === null || m.high90 === null ? null : h("small", {}, `${m.low90.toFixed(1)} to ${m.high90.toFixed(1)}`),
            ),
            h("td", {}, m.norm_mean === null ? "" : `${m.norm_mean}${m.norm_sd === null ? "" : ` ± ${m.norm_sd}`}`),
          );
          if (m.analysis === measurements[k - 1]?.analysis) return [row];
          return [h("tr", {}, h("th", { scope: "rowgroup", colspan: 3, class: "analysis" }, m.analysis)), row];
        }),
      );
    },
  );

  const length = h("p", { role: "status" });
  const known = h("input", { type: "number", min: 0.1, step: 0.1, id: "known-mm", inputmode: "decimal" });
  const apply = button("Use it for this film", () => app.calibrate(known.valueAsNumber));
  store.watch(
    (s) => [s.ruler, s.rulerSpacing, s.film],
    (s) => {
      const px = distance(s.ruler[0], s.ruler[1], null);
      const mm = distance(s.ruler[0], s.ruler[1], spacingOf(s));
      const pixel = spacingOf(s);
      length.textContent =
        px === null
          ? "Choose the ruler (M) and click on two marks."
          : `${px.toFixed(1)} px${pixel ? ` = ${(mm ?? 0).toFixed(2)} mm, ${pixel[0].toFixed(4)} mm a pixel` : ""}`;
      apply.disabled = px === null || s.film?.spacing_mm != null;
      known.disabled = apply.disabled;
    },
  );
  return h(
    "div",
    { class: "measure-panel" },
    table,
    h("h3", {}, "Ruler"),
    length,
    h("label", { for: "known-mm" }, "Known length, mm"),
    known,
    apply,
    h("p", { class: "hint" }, "For a film of unknown pixel size: it counts on this page only. Start the program with --spacing to keep it."),
  );
}
