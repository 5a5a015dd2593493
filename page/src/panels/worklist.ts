import type { App } from "../app";
import { h } from "../dom";
import type { State } from "../state";
import type { FilmRow } from "../types";

const ROW = 34;
const SPARE = 6;

type Order = "name" | "doubt" | "state";

/** The films. Only the rows that can be seen exist, so that a thousand films stay fluid. */
export function worklist(app: App): HTMLElement {
  const { store } = app;
  let filter = "";
  let order: Order = "name";
  let rows: FilmRow[] = [];

  const search = h("input", {
    type: "search",
    placeholder: "Find a film",
    "aria-label": "Find a film",
    oninput: () => {
      filter = search.value.toLowerCase();
      update(store.get());
    },
  });
  const sort = h(
    "select",
    {
      "aria-label": "Order of the list",
      onchange: () => {
        order = sort.value as Order;
        update(store.get());
      },
    },
    h("option", { value: "name" }, "by name"),
    h("option", { value: "doubt" }, "most doubtful first"),
    h("option", { value: "state" }, "without label first"),
  );
  const count = h("p", { class: "count" });
  const space = h("div", { class: "space" });
  const list = h("div", { class: "rows", tabindex: 0, role: "listbox", "aria-label": "Films", onkeydown: keys, onscroll: draw }, space);
  new ResizeObserver(draw).observe(list);

  function update(state: State): void {
    rows = state.films.filter((row) => row.film.toLowerCase().includes(filter));
    if (order === "doubt") rows.sort((a, b) => (b.uncertainty ?? -1) - (a.uncertainty ?? -1));
    if (order === "state") rows.sort((a, b) => Number(a.state === "labelled") - Number(b.state === "labelled"));
    const done = state.films.filter((row) => row.state === "labelled").length;
    count.textContent = `${done} of ${state.films.length} labelled`;
    draw();
  }

  function draw(): void {
    const { filmId } = store.get();
    space.style.height = `${rows.length * ROW}px`;
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
    const last = Math.min(rows.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + SPARE);
    space.replaceChildren(...rows.slice(first, last).map((row, k) => rowOf(row, first + k, row.film === filmId)));
  }

  function rowOf(row: FilmRow, at: number, isOpen: boolean): HTMLElement {
    const who = row.annotators.join(", ");
    const element = h(
      "div",
      {
        class: `row ${row.state}`,
        role: "option",
        id: `film-${at}`,
        "aria-selected": String(isOpen),
        "aria-setsize": rows.length,
        "aria-posinset": at + 1,
        title: row.film + (who ? `, labelled by ${who}` : ""),
        onclick: () => void app.open(row.film),
      },
      h("span", { class: "mark", "aria-label": row.state === "labelled" ? "labelled" : "without label" }, row.state === "labelled" ? "✓" : "·"),
      h("span", { class: "film-name" }, row.film),
      h("span", { class: "who" }, who),
      row.uncertainty === null
        ? null
        : h("meter", { min: 0, max: 1, value: row.uncertainty, "aria-label": "doubt", title: `doubt ${row.uncertainty.toFixed(2)}` }),
    );
    element.style.transform = `translateY(${at * ROW}px)`;
    return element;
  }

  function keys(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const at = rows.findIndex((row) => row.film === store.get().filmId) + step;
    const row = rows[at];
    if (row) void app.open(row.film);
  }

  store.watch((s) => [s.films], update);
  store.watch(
    (s) => [s.filmId],
    (s) => {
      const at = rows.findIndex((row) => row.film === s.filmId);
      if (at >= 0 && (at * ROW < list.scrollTop || (at + 1) * ROW > list.scrollTop + list.clientHeight)) {
        list.scrollTop = at * ROW - list.clientHeight / 2;
      }
      list.setAttribute("aria-activedescendant", `film-${at}`);
      draw();
    },
  );

  const strategies = Object.entries(store.get().info.strategies);
  const strategy: HTMLSelectElement = h(
    "select",
    {
      id: "strategy",
      "aria-label": "Which film comes next",
      onchange: () => store.set({ strategy: strategy.value }),
    },
    h("option", { value: "" }, "next in the list"),
    ...strategies.map(([name, description]) => h("option", { value: name, title: description }, name.replaceAll("_", " "))),
  );
  return h(
    "nav",
    { class: "worklist", "aria-label": "Work list" },
    search,
    sort,
    strategies.length > 0 ? h("label", { for: "strategy" }, "Next film") : null,
    strategies.length > 0 ? strategy : null,
    count,
    list,
  );
}
