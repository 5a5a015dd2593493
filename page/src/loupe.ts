import { h } from "./dom";
import { CORRECTED } from "./doubt";
import type { Point } from "./types";

const SIZE = 150;
const LEAST_ZOOM = 3;

/** A magnified view beside the point that is dragged, which the finger or the cursor covers. */
export class Loupe {
  readonly element = h("canvas", { class: "loupe", width: SIZE, height: SIZE, hidden: true, "aria-hidden": "true" });

  constructor(private readonly film: HTMLCanvasElement) {}

  /** Show the film around a point, beside its position on the screen. */
  show(point: Point, at: Point, screen: readonly [number, number], scale: number): void {
    const context = this.element.getContext("2d");
    if (!context) return;
    const zoom = Math.max(LEAST_ZOOM * scale, 2);
    const part = SIZE / zoom;
    context.fillStyle = "#000000";
    context.fillRect(0, 0, SIZE, SIZE);
    context.imageSmoothingEnabled = zoom < 6;
    context.drawImage(this.film, point[0] + 0.5 - part / 2, point[1] + 0.5 - part / 2, part, part, 0, 0, SIZE, SIZE);
    context.strokeStyle = CORRECTED;
    context.beginPath();
    for (const [x1, y1, x2, y2] of [
      [0, SIZE / 2, SIZE / 2 - 8, SIZE / 2],
      [SIZE / 2 + 8, SIZE / 2, SIZE, SIZE / 2],
      [SIZE / 2, 0, SIZE / 2, SIZE / 2 - 8],
      [SIZE / 2, SIZE / 2 + 8, SIZE / 2, SIZE],
    ] as const) {
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    }
    context.stroke();
    const gap = 30;
    const x = at[0] + gap + SIZE > screen[0] ? at[0] - gap - SIZE : at[0] + gap;
    const y = Math.min(screen[1] - SIZE, Math.max(0, at[1] - gap - SIZE));
    this.element.style.transform = `translate(${x}px, ${y}px)`;
    this.element.hidden = false;
  }

  hide(): void {
    this.element.hidden = true;
  }
}
