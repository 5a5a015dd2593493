import type { App } from "./app";
import type { FilmCanvas } from "./canvas";

/** What the keys do, for the help. */
export const KEYS: readonly (readonly [string, string])[] = [
  ["Enter", "save and go to the next film"],
  ["Ctrl S", "save"],
  ["Ctrl Shift S", "save, and make this the film's final label in place of another annotator's"],
  ["Tab, Shift Tab", "next and previous point, the most doubtful first"],
  ["Arrow keys", "move the point by 0.1 mm, with Shift by 1 mm"],
  ["V", "the landmark cannot be seen, or can"],
  ["B", "put the point back to its proposal"],
  ["Ctrl Z, Ctrl Shift Z", "undo, redo"],
  ["N, Page Down, Page Up", "next film by strategy, next and previous in the list"],
  ["+, -, F", "zoom in, zoom out, fit"],
  ["P, O, L, T", "show proposals, other annotators, names, tracing"],
  ["I, R", "invert, reset gray values"],
  ["M", "ruler: two clicks"],
  ["Escape", "leave the film, so that Tab reaches the buttons"],
  ["?", "this list"],
  ["Wheel, two fingers", "zoom at the cursor"],
  ["Drag", "a point, or the film; with Shift or the right button: window and level"],
  ["Click", "place the selected point"],
];

export function listenToKeys(app: App, canvas: FilmCanvas, help: () => void): void {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if (event.target instanceof HTMLElement && event.target.closest("input, select, textarea")) return;
    const isOnFilm = document.activeElement === canvas.element || document.activeElement === document.body;
    const isOnButton = event.target instanceof HTMLElement && event.target.closest("button, [role=option], a") !== null;
    const run = actionOf(event, app, canvas, help, isOnFilm, isOnButton);
    if (!run) return;
    event.preventDefault();
    run();
  });
}

function actionOf(
  event: KeyboardEvent,
  app: App,
  canvas: FilmCanvas,
  help: () => void,
  isOnFilm: boolean,
  isOnButton: boolean,
): (() => unknown) | undefined {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") return event.shiftKey ? () => app.redo() : () => app.undo();
    if (key === "y") return () => app.redo();
    if (key === "s") return () => app.save(event.shiftKey ? { replace: true } : {});
    return undefined;
  }
  if (event.altKey) return undefined;
  if (isOnFilm) {
    const mm = event.shiftKey ? 1 : 0.1;
    const arrows: Record<string, () => void> = {
      ArrowLeft: () => app.nudge(-1, 0, mm),
      ArrowRight: () => app.nudge(1, 0, mm),
      ArrowUp: () => app.nudge(0, -1, mm),
      ArrowDown: () => app.nudge(0, 1, mm),
    };
    if (arrows[key]) return arrows[key];
    if (key === "Tab") return () => app.selectNext(event.shiftKey ? -1 : 1);
  }
  if (key === "Enter") return isOnButton ? undefined : () => app.saveAndNext();
  const others: Record<string, () => unknown> = {
    v: () => app.toggleVisible(),
    b: () => app.toProposal(),
    n: () => app.next(),
    PageDown: () => app.step(1),
    PageUp: () => app.step(-1),
    "+": () => canvas.zoom(1.25),
    "=": () => canvas.zoom(1.25),
    "-": () => canvas.zoom(0.8),
    f: () => canvas.fit(),
    p: () => app.toggle("showProposal"),
    o: () => app.toggle("showOthers"),
    l: () => app.toggle("showNames"),
    t: () => app.toggle("showLines"),
    i: () => app.invert(),
    r: () => app.resetLook(),
    m: () => app.store.set({ tool: app.store.get().tool === "ruler" ? "points" : "ruler", ruler: [] }),
    "?": help,
    Escape: () => document.querySelector<HTMLElement>("#save-next")?.focus(),
  };
  return others[key];
}
