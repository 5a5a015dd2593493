import "./style.css";
import { Api, OfflineError } from "./api";
import { App } from "./app";
import { FilmCanvas } from "./canvas";
import { button, h, menu } from "./dom";
import { listenToKeys } from "./keys";
import { comparePanel } from "./panels/compare";
import { ask, askLogin, askName, help } from "./panels/dialogs";
import { measurePanel } from "./panels/measure";
import { pointsPanel } from "./panels/points";
import { toolbar } from "./panels/toolbar";
import { trainPanel } from "./panels/train";
import { worklist } from "./panels/worklist";
import { initial, type Saved, type State, type Tab } from "./state";
import { Store } from "./store";
import type { Info } from "./types";

const SAVED: Record<Saved, string> = {
  saved: "saved",
  new: "not saved yet",
  changed: "changed",
  saving: "saving",
  kept: "kept in this browser, not sent yet",
};
const NAME = "monai_ceph_annotator";

async function start(): Promise<void> {
  const api = new Api();
  let info = await api.info();
  while (!info.allowed) {
    await askLogin({ api }, info.login);
    info = await api.info();
  }
  const store = new Store<State>(initial(info, await annotator(info)));
  const app = new App(api, store);
  document.title = `${info.title}: landmarks`;
  document.body.append(...layout(app));
  await app.start();
}

async function annotator(info: Info): Promise<string> {
  if (info.user !== null) return info.user;
  if (!info.users) return "";
  const known = localStorage.getItem(NAME) ?? (await askName());
  localStorage.setItem(NAME, known);
  return known;
}

function layout(app: App): HTMLElement[] {
  const { store } = app;
  const { info } = store.get();
  const canvas = new FilmCanvas(app);
  app.reveal = (point) => canvas.reveal(point);
  app.confirm = ask;
  listenToKeys(app, canvas, help);
  store.watch(
    (s) => [s.film?.film],
    () => {
      canvas.fit();
      if (store.get().film) canvas.element.focus();
    },
  );

  const title = h("h1", {});
  const saved = h("span", { class: "saved", role: "status" });
  const offline = h("span", { class: "offline", role: "alert" });
  const others = h("span", { class: "others", role: "status" });
  const message = h("p", { class: "message", role: "status" });
  store.watch(
    (s) => [s.filmId, s.loading],
    (s) => {
      title.textContent = s.filmId === null ? info.title : s.filmId;
      document.body.toggleAttribute("aria-busy", s.loading);
    },
  );
  store.watch(
    (s) => [s.saved, s.film],
    (s) => {
      saved.textContent = s.film ? SAVED[s.saved] : "";
      saved.dataset["saved"] = s.saved;
    },
  );
  store.watch(
    (s) => [s.online],
    (s) => {
      offline.textContent = s.online ? "" : "No connection to the server. Your work is kept in this browser.";
    },
  );
  store.watch(
    (s) => [s.others],
    (s) => {
      others.textContent = s.others.length > 0 ? `${s.others.join(", ")} ${s.others.length > 1 ? "are" : "is"} on this film, too` : "";
    },
  );
  store.watch(
    (s) => [s.message],
    (s) => {
      message.textContent = s.message?.text ?? "";
      message.dataset["kind"] = s.message?.kind ?? "";
    },
  );
  const undo = button("Undo", () => app.undo(), { title: "Undo (Ctrl Z)" });
  const redo = button("Redo", () => app.redo(), { title: "Redo (Ctrl Shift Z)" });
  store.watch(
    (s) => [s.history],
    (s) => {
      undo.disabled = s.history.past.length === 0;
      redo.disabled = s.history.future.length === 0;
    },
  );
  const who = button(store.get().user, () => void rename(), { class: "who", title: "Change the annotator" });
  async function rename(): Promise<void> {
    localStorage.setItem(NAME, await askName());
    location.reload();
  }
  const files: [string, string][] = [
    ["table", "all labels (CSV)"],
    ["markups", "this film (3D Slicer markups)"],
  ];
  const header = h(
    "header",
    {},
    title,
    saved,
    others,
    offline,
    h("span", { class: "fill" }),
    undo,
    redo,
    button("Save", () => void app.save(), { title: "Save (Ctrl S)" }),
    button("Save and next", () => void app.saveAndNext(), { id: "save-next", class: "primary", title: "Enter" }),
    menu("Export", "Export", files, (file) => (file === "table" ? app.exportTable() : app.exportMarkups())),
    info.users && info.user === null ? who : h("span", {}, store.get().user),
    button("?", help, { "aria-label": "Help", title: "Help (?)" }),
  );
  const main = h("main", {}, toolbar(app, canvas), canvas.element, message);
  if (info.upload) listenToDrops(main, app);
  return [header, worklist(app), main, tabs(app)];
}

function tabs(app: App): HTMLElement {
  const { store } = app;
  const { info } = store.get();
  const panels: [Tab, string, HTMLElement][] = [
    ["points", "Points", pointsPanel(app)],
    ["measure", "Measure", measurePanel(app)],
    ...(info.users ? ([["compare", "Compare", comparePanel(app)]] as [Tab, string, HTMLElement][]) : []),
    ...(info.train ? ([["train", "Train", trainPanel(app)]] as [Tab, string, HTMLElement][]) : []),
  ];
  const boxes = panels.map(([tab, text, panel]) => {
    const open = (): void => {
      store.set({ tab });
      if (tab === "compare") store.set({ showOthers: true });
      if (tab === "train") void app.loadTraining();
    };
    const label = button(text, open, { role: "tab", id: `tab-${tab}`, "aria-controls": `panel-${tab}` });
    const box = h("div", { class: "panel", role: "tabpanel", id: `panel-${tab}`, "aria-labelledby": `tab-${tab}`, tabindex: 0 }, panel);
    store.watch(
      (s) => [s.tab],
      (s) => {
        label.setAttribute("aria-selected", String(s.tab === tab));
        box.hidden = s.tab !== tab;
      },
    );
    return { label, box };
  });
  return h(
    "aside",
    { "aria-label": "Details" },
    h("div", { role: "tablist", "aria-label": "Details" }, ...boxes.map(({ label }) => label)),
    ...boxes.map(({ box }) => box),
  );
}

function listenToDrops(target: HTMLElement, app: App): void {
  target.addEventListener("dragover", (event) => {
    event.preventDefault();
    target.classList.add("drop");
  });
  target.addEventListener("dragleave", () => target.classList.remove("drop"));
  target.addEventListener("drop", (event) => {
    event.preventDefault();
    target.classList.remove("drop");
    void app.upload([...(event.dataTransfer?.files ?? [])]);
  });
}

start().catch((error: unknown) => {
  const text = error instanceof OfflineError ? "The server cannot be reached. Is it running?" : String(error);
  document.body.append(h("p", { role: "alert", class: "fatal" }, text));
});
