import { Api, OfflineError, RefusedError, type SaveOptions } from "./api";
import { byDoubt, nextIn } from "./doubt";
import { download } from "./dom";
import { Drafts } from "./drafts";
import { distance, onFilm, replaced, same } from "./geometry";
import { needsPicture, preset, type Look } from "./gray";
import { begin, change, redo, undo } from "./history";
import { pointsOf, spacingOf, type Message, type State } from "./state";
import type { Store } from "./store";
import type { Film, Point, Points, Proposal, Training } from "./types";

interface Opened {
  film: Film;
  picture: State["picture"];
  proposal: Proposal;
}

/** Everything that a user can do. Panels and keys call these methods; what comes of it is in the store. */
export class App {
  /** Shows a point, set by the canvas. */
  reveal: (point: Point | null | undefined) => void = () => undefined;
  /** Asks whether to go on, a dialog; set by the page. */
  confirm: (text: string, yes: string) => Promise<boolean> = () => Promise.resolve(false);
  private readonly drafts: Drafts;
  private ahead: { film: string; opened: Promise<Opened> } | null = null;
  private reviewTimer = 0;
  private opening = 0;

  constructor(
    readonly api: Api,
    readonly store: Store<State>,
  ) {
    this.drafts = new Drafts(`${location.pathname} ${store.get().info.title}`);
  }

  say(text: string, kind: Message["kind"] = "note"): void {
    this.store.set({ message: { text, kind } });
  }

  /** Say what went wrong; a lost connection is shown by its own sign. */
  fail(error: unknown): void {
    if (error instanceof OfflineError) this.store.set({ online: false });
    else this.say(error instanceof Error ? error.message : String(error), "error");
  }

  /** Do something, and say what went wrong. */
  private async attempt(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.fail(error);
    }
  }

  // --- films

  async start(): Promise<void> {
    await this.refresh();
    const { films } = this.store.get();
    const first = films.find((row) => row.film === filmInAddress()) ?? films.find((row) => row.state === "new") ?? films[0];
    if (first) await this.open(first.film);
    window.setInterval(() => void this.beat(), 5000);
    window.addEventListener("online", () => void this.beat());
    window.addEventListener("hashchange", () => void this.open(filmInAddress() ?? ""));
  }

  refresh(): Promise<void> {
    return this.attempt(async () => {
      const { films, revision } = await this.api.films();
      this.store.set({ films, revision, online: true });
    });
  }

  /** Tell the server that somebody is here, and hear who else is; send what was kept. */
  beat(): Promise<void> {
    return this.attempt(async () => {
      const { filmId, user, revision, training, tab } = this.store.get();
      const { others, revision: now } = await this.api.here(filmId ?? "", user);
      this.store.set({ others, online: true });
      if (now !== revision) await this.refresh();
      await this.sendKept();
      if (tab === "train" || training?.status === "running") await this.loadTraining();
    });
  }

  async open(film: string): Promise<void> {
    const turn = ++this.opening;
    const { user, info } = this.store.get();
    this.store.set({ filmId: film, loading: true, ruler: [], rulerSpacing: null, review: null, others: [], selected: null });
    history.replaceState(null, "", `#${new URLSearchParams({ film }).toString()}`);
    try {
      const wanted = this.ahead?.film === film ? this.ahead.opened : this.fetch(film);
      this.ahead = null;
      const opened = await wanted;
      const draft = await this.drafts.get(film, user).catch(() => null);
      if (turn !== this.opening) return; // another film was opened meanwhile
      const own = opened.film.labels.find((label) => label.user === user && !label.final);
      const final = opened.film.labels.find((label) => label.final);
      const start = own ?? final;
      const points = start?.points ?? opened.proposal.points;
      const hist = draft && !same(draft.points, points) ? change(begin(points), draft.points) : begin(points);
      this.store.set({
        ...opened,
        history: hist,
        dragged: null,
        loading: false,
        online: true,
        saved: hist.past.length > 0 ? (draft?.pending ? "kept" : "changed") : own ? "saved" : "new",
        look: { ...this.store.get().look, window: opened.film.window },
        message: null,
      });
      if (draft && hist.past.length > 0) {
        this.say(`Unsaved changes of ${new Date(draft.time).toLocaleTimeString()} are back. Undo drops them.`);
      } else if (!own && final && info.users) {
        this.say(`${final.user || "Somebody"} has labelled this film; these are those points. Saving keeps both labels.`);
      } else if (opened.proposal.remarks.length > 0) {
        this.say(`${sentence(opened.proposal.remarks)}`, opened.proposal.doubts.length > 0 ? "warning" : "note");
      }
      this.select(byDoubt(opened.proposal)[0] ?? null);
      this.reviewSoon();
      void this.beat();
      this.fetchAhead();
    } catch (error) {
      if (turn !== this.opening) return;
      this.store.set({ film: null, picture: null, proposal: null, history: begin<Points>([]), loading: false });
      this.fail(error);
    }
  }

  /** The next film is read and predicted while this one is looked at. */
  private fetchAhead(): void {
    const film = this.nextInOrder();
    if (film === null || this.ahead?.film === film) return;
    const opened = this.fetch(film);
    opened.catch(() => {
      this.ahead = null; // it is tried again, and its error shown, when it is opened
    });
    this.ahead = { film, opened };
  }

  private async fetch(film: string): Promise<Opened> {
    const [details, blob, proposal] = await Promise.all([
      this.api.film(film),
      this.api.picture(film),
      this.api.proposal(film),
    ]);
    return { film: details, picture: await decode(blob, details.window), proposal };
  }

  /** The next film without a label after this one, else the next one; null if this is the only one. */
  private nextInOrder(): string | null {
    const { films, filmId } = this.store.get();
    const at = films.findIndex((row) => row.film === filmId);
    const after = [...films.slice(at + 1), ...films.slice(0, Math.max(0, at))];
    return (after.find((row) => row.state === "new") ?? after[0])?.film ?? null;
  }

  async next(): Promise<void> {
    const { strategy, user } = this.store.get();
    try {
      const film = strategy ? (await this.api.next(strategy, user)).film : this.nextInOrder();
      if (film === null) this.say("Every film has a label.");
      else await this.open(film);
    } catch (error) {
      if (error instanceof OfflineError && this.nextInOrder()) await this.open(this.nextInOrder() ?? "");
      else this.fail(error);
    }
  }

  step(by: 1 | -1): void {
    const { films, filmId } = this.store.get();
    const row = films[films.findIndex((row) => row.film === filmId) + by];
    if (row) void this.open(row.film);
  }

  async upload(files: readonly File[]): Promise<void> {
    const added: string[] = [];
    for (const file of files) {
      await this.attempt(async () => {
        added.push((await this.api.upload(file)).film);
        this.say(`${file.name} was added.`);
      });
    }
    await this.refresh();
    const last = added.at(-1);
    if (last !== undefined) await this.open(last);
  }

  // --- points

  select(k: number | null): void {
    this.store.set({ selected: k });
  }

  hover(k: number | null): void {
    const landmark = k === null ? undefined : this.store.get().info.scheme[k];
    const canvas = document.querySelector<HTMLElement>(".stage");
    if (!canvas) return;
    if (landmark) canvas.title = `${landmark.symbol}: ${landmark.name}. ${landmark.definition}`;
    else canvas.removeAttribute("title");
  }

  /** The next landmark in the order of doubt, or the one before. */
  selectNext(step: 1 | -1): void {
    const { proposal, selected } = this.store.get();
    if (!proposal) return;
    const k = nextIn(byDoubt(proposal), selected, step);
    this.select(k);
    if (k !== null) this.reveal(pointsOf(this.store.get())[k]);
  }

  drag(k: number, point: Point): void {
    const { history } = this.store.get();
    this.store.set({ dragged: replaced(history.now, k, point) });
    this.reviewSoon();
  }

  drop(): void {
    const { dragged } = this.store.get();
    if (dragged) this.edit(dragged);
  }

  click(at: Point): void {
    const { tool, ruler, selected, film, history } = this.store.get();
    if (!film) return;
    if (tool === "ruler") {
      this.store.set({ ruler: ruler.length >= 2 ? [at] : [...ruler, at] });
    } else if (tool === "points" && selected !== null) {
      this.edit(replaced(history.now, selected, onFilm(at, film.size)));
    }
  }

  /** Move the selected point: mm where the size of a pixel is known, else tenths of mm are pixels. */
  nudge(dx: number, dy: number, mm: number): void {
    const state = this.store.get();
    const point = state.selected === null ? null : state.history.now[state.selected];
    if (!point || !state.film || state.selected === null) return;
    const [sx, sy] = spacingOf(state) ?? state.proposal?.spacing_mm ?? [0.1, 0.1];
    const moved: Point = [point[0] + (dx * mm) / sx, point[1] + (dy * mm) / sy];
    this.edit(replaced(state.history.now, state.selected, onFilm(moved, state.film.size)));
    this.reveal(moved);
  }

  /** Say that the selected landmark cannot be seen, or that it can. */
  toggleVisible(): void {
    const { selected, history, proposal, film } = this.store.get();
    if (selected === null || !film) return;
    const centre: Point = [film.size[0] / 2, film.size[1] / 2];
    const back = [...history.past].reverse().find((points) => points[selected] != null)?.[selected];
    const point = history.now[selected] ? null : (back ?? proposal?.points[selected] ?? centre);
    this.edit(replaced(history.now, selected, point));
  }

  /** Put the selected point back to where it was proposed. */
  toProposal(): void {
    const { selected, history, proposal } = this.store.get();
    if (selected !== null && proposal) this.edit(replaced(history.now, selected, proposal.points[selected] ?? null));
  }

  edit(points: Points): void {
    const { history } = this.store.get();
    if (same(points, history.now)) this.store.set({ dragged: null });
    else this.changed({ history: change(history, points), dragged: null });
  }

  undo(): void {
    const { history } = this.store.get();
    if (history.past.length > 0) this.changed({ history: undo(history) });
  }

  redo(): void {
    const { history } = this.store.get();
    if (history.future.length > 0) this.changed({ history: redo(history) });
  }

  private changed(change: Partial<State>): void {
    this.store.set({ ...change, saved: "changed" });
    const { filmId, user, history } = this.store.get();
    if (filmId !== null) this.drafts.put(filmId, user, history.now, false).catch(() => undefined);
    this.reviewSoon();
  }

  private reviewSoon(): void {
    if (this.reviewTimer) return;
    this.reviewTimer = window.setTimeout(() => {
      this.reviewTimer = 0;
      void this.reviewNow();
    }, 150);
  }

  private async reviewNow(): Promise<void> {
    const { filmId, rulerSpacing } = this.store.get();
    const points = pointsOf(this.store.get());
    if (filmId === null || points.length === 0) return;
    try {
      const review = await this.api.review(filmId, points, rulerSpacing);
      if (this.store.get().filmId === filmId) this.store.set({ review });
    } catch (error) {
      if (error instanceof OfflineError) this.store.set({ online: false });
    }
  }

  // --- saving

  /** Save the label; returns whether the annotator may go on. */
  async save(options: SaveOptions = {}): Promise<boolean> {
    const { filmId, film, user, history } = this.store.get();
    if (filmId === null || !film) return false;
    const points = history.now;
    this.store.set({ saved: "saving" });
    try {
      await this.drafts.put(filmId, user, points, false).catch(() => undefined);
      const { revision, final } = await this.api.save(filmId, points, user, options);
      await this.forget(filmId, user, points);
      const labels = film.labels.filter((label) => (label.final ? !final : label.user !== user));
      const own = { user, points, final: false };
      const other = film.labels.find((label) => label.final)?.user ?? "";
      this.store.set({
        saved: same(this.store.get().history.now, points) ? "saved" : "changed",
        online: true,
        revision,
        film: { ...film, labels: final ? [...labels, own, { ...own, final }] : [...labels, own] },
      });
      if (final) this.say(`${filmId} is saved.`);
      else this.say(`Your label is saved. ${other}'s label stays the film's final one; Ctrl Shift S makes it yours.`);
      await this.refresh();
      return true;
    } catch (error) {
      if (error instanceof OfflineError) {
        await this.drafts.put(filmId, user, points, true).catch(() => undefined);
        this.store.set({ saved: "kept", online: false });
        this.say("No connection. The label is kept in this browser and is sent when the server is back.", "warning");
        return true;
      }
      this.store.set({ saved: "changed" });
      if (error instanceof RefusedError && error.odd && (await this.confirm(error.message, "Save it anyway"))) {
        return this.save({ ...options, force: true });
      }
      if (!(error instanceof RefusedError && error.odd)) this.fail(error);
      return false;
    }
  }

  async saveAndNext(): Promise<void> {
    const { filmId } = this.store.get();
    if ((await this.save()) && this.store.get().filmId === filmId) await this.next();
  }

  private async forget(film: string, user: string, points: Points): Promise<void> {
    try {
      const draft = await this.drafts.get(film, user);
      if (draft && same(draft.points, points)) await this.drafts.remove(film, user, draft.time);
    } catch {
      // This browser keeps nothing; so there is nothing to forget.
    }
  }

  /** Send the labels that were saved while the server could not be reached. */
  private async sendKept(): Promise<void> {
    const kept = await this.drafts.pending().catch(() => []);
    for (const draft of kept) {
      try {
        await this.api.save(draft.film, draft.points, draft.user, {});
        await this.drafts.remove(draft.film, draft.user, draft.time);
        if (this.store.get().filmId === draft.film) this.store.set({ saved: "saved" });
        this.say(`The connection is back; ${draft.film} is saved.`);
      } catch (error) {
        if (error instanceof OfflineError) throw error;
        await this.drafts.put(draft.film, draft.user, draft.points, false);
        this.fail(error);
      }
    }
    if (kept.length > 0) await this.refresh();
  }

  // --- how the film is shown

  setLook(look: Partial<Look>): void {
    this.store.set({ look: { ...this.store.get().look, ...look } });
  }

  /** Show something, or hide it. */
  toggle(part: "showNames" | "showProposal" | "showOthers" | "showLines"): void {
    this.store.set({ [part]: !this.store.get()[part] });
  }

  invert(): void {
    this.setLook({ invert: !this.store.get().look.invert });
  }

  setPreset(name: string): void {
    const { film } = this.store.get();
    if (!film) return;
    this.setLook({ window: preset(name, film.window) });
    void this.windowSettled();
  }

  resetLook(): void {
    const { film } = this.store.get();
    this.setLook({ window: film?.window ?? [0, 255], gamma: 1, invert: false });
    void this.windowSettled();
  }

  /** Ask for a picture that has enough gray values for the window. */
  async windowSettled(): Promise<void> {
    const { film, picture, look } = this.store.get();
    if (!film || !picture || !needsPicture(look.window, picture.base, film.range)) return;
    const base: [number, number] = [look.window[0], look.window[1]];
    await this.attempt(async () => {
      const sharper = await decode(await this.api.picture(film.film, base), base);
      if (this.store.get().filmId === film.film) this.store.set({ picture: sharper });
    });
  }

  /** Take the length between the ruler's ends, mm, as the size of this film's pixels. */
  calibrate(mm: number): void {
    const { ruler } = this.store.get();
    const px = distance(ruler[0], ruler[1], null);
    if (px && mm > 0) {
      this.store.set({ rulerSpacing: [mm / px, mm / px] });
      this.reviewSoon();
    }
  }

  // --- training

  loadTraining(): Promise<void> {
    return this.training(() => this.api.training());
  }

  /** Ask for something that changes the training or the weights, or only for their state. */
  training(ask: () => Promise<Training>): Promise<void> {
    return this.attempt(async () => this.showTraining(await ask()));
  }

  private showTraining(training: Training): void {
    const before = this.store.get().training;
    this.store.set({ training });
    if (before && before.in_use !== training.in_use) {
      this.ahead = null;
      this.say("Other weights are in use now; films that are opened from now on are proposed by them.");
    }
  }

  // --- export

  async exportMarkups(): Promise<void> {
    const { film, user, saved } = this.store.get();
    if (!film) return;
    const own = film.labels.some((label) => label.user === user) ? user : null;
    if (saved === "changed") this.say("The file has the points that were saved last.", "warning");
    await this.attempt(async () => download(await this.api.markups(film.film, own), `${film.film}.mrk.json`));
  }

  exportTable(): Promise<void> {
    return this.attempt(async () => download(await this.api.table(), "landmarks.csv"));
  }
}

/** The film in the page's address. */
function filmInAddress(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get("film");
}

function sentence(remarks: readonly string[]): string {
  const text = remarks.join("; ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The gray values of a picture. */
async function decode(blob: Blob, base: readonly [number, number]): Promise<NonNullable<State["picture"]>> {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser cannot show the film.");
  context.drawImage(bitmap, 0, 0);
  const { data: rgba } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const data = new Uint8Array(bitmap.width * bitmap.height);
  for (let k = 0; k < data.length; k++) data[k] = rgba[4 * k] as number;
  return { data, size: [bitmap.width, bitmap.height], base };
}
