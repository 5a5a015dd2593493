import Konva from "konva/lib/Core";
import { Circle } from "konva/lib/shapes/Circle";
import { Ellipse } from "konva/lib/shapes/Ellipse";
import { Image as Picture } from "konva/lib/shapes/Image";
import { Line, type LineConfig } from "konva/lib/shapes/Line";
import { Text } from "konva/lib/shapes/Text";
import type { App } from "./app";
import { COLOURS, CORRECTED, doubtClass } from "./doubt";
import { h } from "./dom";
import { distance, ellipse90, fit, onFilm, reveal, toFilm, toScreen, zoomAt, type View } from "./geometry";
import { dragWindow, sample, table } from "./gray";
import { Loupe } from "./loupe";
import { isCorrected, pointsOf, spacingOf, type State } from "./state";
import type { Point } from "./types";

const RADIUS = 6;
const CLICK_PX = 4;
const OTHER = "#e879f9";
const RULER = "#ffffff";
/** Letters with a black edge, which can be read on any gray. */
const OUTLINED = { stroke: "#000000", strokeWidth: 3, fillAfterStrokeEnabled: true };

interface Marker {
  group: Konva.Group;
  ring: Circle;
  dot: Circle;
  name: Text;
}

/** The film and its points. Points keep their size on the screen at any zoom; the film is drawn from all its pixels. */
export class FilmCanvas {
  readonly element = h("div", {
    class: "film",
    tabindex: 0,
    role: "application",
    "aria-label": "Film. Tab: next doubtful point. Arrow keys: move it. Enter: save and next. Escape: leave the film.",
  });
  view: View = { scale: 1, x: 0, y: 0 };
  private readonly stage: Konva.Stage;
  private readonly filmLayer = new Konva.Layer({ listening: false });
  private readonly guideLayer = new Konva.Layer({ listening: false });
  private readonly pointLayer = new Konva.Layer();
  private readonly shown = document.createElement("canvas");
  private readonly picture = new Picture({ image: this.shown });
  private readonly loupe: Loupe;
  private markers: Marker[] = [];
  /** The film that the markers belong to. */
  private placed: string | null = null;
  private readonly pointers = new Map<number, Point>();
  private gesture: { start: Point; last: Point; kind: "pan" | "window" | "pinch" } | null = null;

  constructor(private readonly app: App) {
    const box = h("div", { class: "stage" });
    this.loupe = new Loupe(this.shown);
    this.element.append(box, this.loupe.element);
    this.stage = new Konva.Stage({ container: box, width: 10, height: 10 });
    this.stage.add(this.filmLayer, this.guideLayer, this.pointLayer);
    this.filmLayer.add(this.picture);
    this.pointLayer.on("draw", () => {
      if (this.placed !== null) this.element.dataset["film"] = this.placed; // whose points can be seen, for tests
    });
    new ResizeObserver(() => this.resize()).observe(this.element);
    this.listen();
    app.store.watch(
      (s) => [s.picture, s.look],
      (s) => this.drawFilm(s),
    );
    app.store.watch(
      (s) => [s.info, s.proposal, s.history, s.dragged, s.selected, s.showNames, s.showProposal, s.showOthers, s.tool],
      () => this.drawPoints(),
    );
    app.store.watch(
      (s) => [s.history, s.dragged, s.selected, s.proposal, s.showProposal, s.showOthers, s.showLines, s.review, s.ruler, s.film],
      () => this.drawGuides(),
    );
  }

  /** The whole film on the screen. */
  fit(): void {
    const film = this.app.store.get().film;
    if (film) this.setView(fit(film.size, this.screen));
  }

  zoom(factor: number, at: Point = [this.screen[0] / 2, this.screen[1] / 2]): void {
    const film = this.app.store.get().film;
    if (film) this.setView(zoomAt(this.view, at, factor, fit(film.size, this.screen).scale / 2));
  }

  /** Bring a point into view. */
  reveal(point: Point | null | undefined): void {
    if (point) this.setView(reveal(this.view, point, this.screen, 60));
  }

  private get screen(): readonly [number, number] {
    return [this.stage.width(), this.stage.height()];
  }

  private setView(view: View): void {
    this.view = view;
    this.element.dataset["view"] = JSON.stringify(view); // where the film lies, for tests
    this.picture.scale({ x: view.scale, y: view.scale });
    // A pixel's centre is at its integer position, so the picture begins half a pixel before.
    this.picture.position({ x: view.x - view.scale / 2, y: view.y - view.scale / 2 });
    this.filmLayer.imageSmoothingEnabled(view.scale < 3);
    this.filmLayer.batchDraw();
    this.drawPoints();
    this.drawGuides();
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.element;
    if (clientWidth === 0 || clientHeight === 0) return;
    const before = this.screen;
    const film = this.app.store.get().film;
    const fitted = film !== null && Math.abs(fit(film.size, before).scale - this.view.scale) < 1e-6;
    this.stage.size({ width: clientWidth, height: clientHeight });
    if (fitted || before[0] === 10) this.fit();
    else this.setView(this.view);
  }

  // --- the film

  private drawFilm(state: State): void {
    if (!state.picture) {
      this.picture.visible(false);
      this.filmLayer.batchDraw();
      return;
    }
    // While the window changes, the film is drawn from no more pixels than the screen shows: all of them take too long.
    const step = this.gesture?.kind === "window" ? Math.max(1, Math.floor(1 / this.view.scale)) : 1;
    const { values, size } = sample(state.picture.data, state.picture.size, step);
    if (this.shown.width !== size[0] || this.shown.height !== size[1]) {
      this.shown.width = size[0];
      this.shown.height = size[1];
    }
    const context = this.shown.getContext("2d");
    if (!context) return;
    const pixels = context.createImageData(size[0], size[1]);
    const target = new Uint32Array(pixels.data.buffer);
    const colours = table(state.look, state.picture.base);
    for (let k = 0; k < values.length; k++) target[k] = colours[values[k] as number] as number;
    context.putImageData(pixels, 0, 0);
    this.picture.size({ width: size[0] * step, height: size[1] * step });
    this.picture.visible(true);
    this.filmLayer.batchDraw();
  }

  // --- the points

  private drawPoints(): void {
    const state = this.app.store.get();
    const points = pointsOf(state);
    this.placed = state.film?.film ?? null;
    while (this.markers.length < points.length) this.markers.push(this.newMarker(this.markers.length));
    this.markers.forEach((marker, k) => {
      const point = points[k];
      marker.group.visible(point != null);
      if (!point) return;
      const [x, y] = toScreen(this.view, point);
      if (!marker.group.isDragging()) marker.group.position({ x, y });
      const isSelected = state.selected === k;
      const corrected = isCorrected(state, k);
      const doubt = doubtClass(state.proposal, k);
      const colour = corrected ? CORRECTED : COLOURS[doubt];
      marker.ring.stroke(colour);
      marker.ring.radius(isSelected ? RADIUS + 4 : RADIUS);
      marker.ring.strokeWidth(isSelected ? 2.5 : 1.5);
      marker.ring.dash(!corrected && doubt === "doubtful" ? [3, 2] : []);
      marker.dot.fill(colour);
      marker.name.fill(colour);
      marker.name.text(state.info.scheme[k]?.symbol ?? "");
      marker.name.visible(state.showNames || isSelected);
      marker.group.listening(state.tool === "points");
      if (isSelected) marker.group.moveToTop();
    });
    this.pointLayer.batchDraw();
  }

  private newMarker(k: number): Marker {
    const group = new Konva.Group({ draggable: true });
    const ring = new Circle({ radius: RADIUS, strokeWidth: 1.5, hitStrokeWidth: 16, fill: "transparent" });
    const dot = new Circle({ radius: 1.2, listening: false });
    const name = new Text({
      x: RADIUS + 4,
      y: -RADIUS - 8,
      fontSize: 13,
      fontStyle: "bold",
      ...OUTLINED,
      listening: false,
    });
    group.add(ring, dot, name);
    group.on("pointerdown", (event) => {
      if (event.evt.button !== 0 || event.evt.shiftKey) return;
      event.cancelBubble = true;
      this.element.focus();
      this.app.select(k);
    });
    group.on("pointerenter", () => this.app.hover(k));
    group.on("pointerleave", () => this.app.hover(null));
    group.on("dragstart dragmove", () => {
      const film = this.app.store.get().film;
      if (!film) return;
      const point = onFilm(toFilm(this.view, [group.x(), group.y()]), film.size);
      const [x, y] = toScreen(this.view, point);
      group.position({ x, y });
      this.app.drag(k, point);
      this.loupe.show(point, [x, y], this.screen, this.view.scale);
    });
    group.on("dragend", () => {
      this.loupe.hide();
      this.app.drop();
    });
    this.pointLayer.add(group);
    return { group, ring, dot, name };
  }

  // --- lines, proposals, other annotators, the ruler

  private drawGuides(): void {
    const state = this.app.store.get();
    const { film, proposal } = state;
    this.guideLayer.destroyChildren();
    if (!film) {
      this.guideLayer.batchDraw();
      return;
    }
    const at = (point: Point): Point => toScreen(this.view, point);
    const points = pointsOf(state);
    if (state.showLines) {
      for (const line of state.review?.lines ?? []) {
        this.line(line.flatMap((p) => [...at(p)]), "#cbd5e1", { opacity: 0.7 });
      }
    }
    if (state.showProposal && proposal) {
      proposal.points.forEach((point, k) => {
        if (!point) return;
        const [x, y] = at(point);
        const colour = COLOURS[doubtClass(proposal, k)];
        const covariance = proposal.covariance_mm2?.[k];
        const spacing = spacingOf(state);
        if (covariance && spacing && k === state.selected) {
          const { radii, rotation } = ellipse90(covariance, spacing);
          const [radiusX, radiusY] = [radii[0] * this.view.scale, radii[1] * this.view.scale];
          this.guideLayer.add(new Ellipse({ x, y, radiusX, radiusY, rotation, stroke: colour, strokeWidth: 1, opacity: 0.8, dash: [4, 4] }));
        }
        if (!isCorrected(state, k)) return;
        this.line([x - 5, y, x + 5, y], colour, { strokeWidth: 1.5 });
        this.line([x, y - 5, x, y + 5], colour, { strokeWidth: 1.5 });
        const now = points[k];
        if (now) this.line([x, y, ...at(now)], CORRECTED, { dash: [3, 3] });
      });
    }
    if (state.showOthers) {
      for (const label of film.labels.filter((label) => !label.final && label.user !== state.user)) {
        label.points.forEach((point, k) => {
          if (!point) return;
          const [x, y] = at(point);
          this.line([x, y - 6, x + 6, y, x, y + 6, x - 6, y], OTHER, { closed: true, strokeWidth: 1.5 });
          const mine = points[k];
          if (mine) this.line([x, y, ...at(mine)], OTHER);
        });
      }
    }
    const ends = state.ruler.filter((end) => end !== null).map(at);
    for (const [x, y] of ends) this.guideLayer.add(new Circle({ x, y, radius: 4, stroke: RULER, strokeWidth: 1.5 }));
    const [a, b] = ends;
    if (a && b) {
      const spacing = spacingOf(state);
      const length = distance(state.ruler[0], state.ruler[1], spacing) ?? 0;
      this.line([...a, ...b], RULER, { strokeWidth: 1.5 });
      this.guideLayer.add(
        new Text({
          x: (a[0] + b[0]) / 2 + 8,
          y: (a[1] + b[1]) / 2 - 8,
          text: `${length.toFixed(1)} ${spacing ? "mm" : "px"}`,
          fontSize: 14,
          fill: RULER,
          ...OUTLINED,
        }),
      );
    }
    this.guideLayer.batchDraw();
  }

  private line(points: number[], stroke: string, more: Partial<LineConfig> = {}): void {
    this.guideLayer.add(new Line({ points, stroke, strokeWidth: 1, ...more }));
  }

  // --- the pointer: wheel, drags beside the points, two fingers

  private listen(): void {
    const box = this.stage.container();
    box.addEventListener("contextmenu", (event) => event.preventDefault());
    box.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / (event.deltaMode === 0 ? 400 : 12)), this.positionOf(event));
      },
      { passive: false },
    );
    this.stage.on("pointerdown", (event) => {
      const at = this.positionOf(event.evt);
      this.pointers.set(event.evt.pointerId, at);
      this.element.focus();
      const { tool } = this.app.store.get();
      const kind =
        this.pointers.size > 1 ? "pinch" : event.evt.button === 2 || event.evt.shiftKey || tool === "window" ? "window" : "pan";
      this.gesture = { start: at, last: at, kind };
      try {
        box.setPointerCapture(event.evt.pointerId);
      } catch {
        // A pointer that was lifted meanwhile.
      }
    });
    box.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"] as const) {
      box.addEventListener(end, (event) => this.lift(event, end === "pointerup"));
    }
  }

  private positionOf(event: MouseEvent): Point {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private move(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!before || !this.gesture) return;
    const at = this.positionOf(event);
    if (this.gesture.kind === "pinch") {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const factor = Math.hypot(at[0] - other[0], at[1] - other[1]) / Math.hypot(before[0] - other[0], before[1] - other[1]);
        if (Number.isFinite(factor) && factor > 0) this.zoom(factor, other);
      }
    } else {
      const [dx, dy] = [at[0] - this.gesture.last[0], at[1] - this.gesture.last[1]];
      const moved = Math.hypot(at[0] - this.gesture.start[0], at[1] - this.gesture.start[1]) >= CLICK_PX;
      if (this.gesture.kind === "window") this.dragWindow(dx, dy);
      else if (moved) this.setView({ ...this.view, x: this.view.x + dx, y: this.view.y + dy });
      if (this.gesture.kind === "window" || moved) this.gesture.last = at;
    }
    this.pointers.set(event.pointerId, at);
  }

  private lift(event: PointerEvent, done: boolean): void {
    const gesture = this.gesture;
    if (!this.pointers.delete(event.pointerId) || !gesture) return;
    this.gesture = null;
    if (gesture.kind === "window") {
      this.drawFilm(this.app.store.get());
      void this.app.windowSettled();
    }
    const [x, y] = this.positionOf(event);
    const isClick = gesture.kind === "pan" && Math.hypot(x - gesture.start[0], y - gesture.start[1]) < CLICK_PX;
    if (done && isClick && event.button === 0) this.app.click(toFilm(this.view, [x, y]));
  }

  private dragWindow(dx: number, dy: number): void {
    const { film, look } = this.app.store.get();
    if (film) this.app.setLook({ window: dragWindow(look.window, dx, dy, film.window) });
  }
}
