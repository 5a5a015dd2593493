import type { Matrix, Point, Points } from "./types";

/** Where the film lies on the screen: screen = film * scale + offset, in CSS pixels. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export const LARGEST_SCALE = 40;

export function toScreen(view: View, [x, y]: Point): Point {
  return [x * view.scale + view.x, y * view.scale + view.y];
}

export function toFilm(view: View, [x, y]: Point): Point {
  return [(x - view.x) / view.scale, (y - view.y) / view.scale];
}

/** The whole film in the middle of the screen. */
export function fit(film: readonly [number, number], screen: readonly [number, number]): View {
  const scale = Math.min(screen[0] / film[0], screen[1] / film[1]);
  return {
    scale,
    x: (screen[0] - (film[0] - 1) * scale) / 2,
    y: (screen[1] - (film[1] - 1) * scale) / 2,
  };
}

/** Zoom so that the film's point under the cursor stays under it. */
export function zoomAt(view: View, at: Point, factor: number, smallest: number): View {
  const scale = Math.min(LARGEST_SCALE, Math.max(smallest, view.scale * factor));
  const [x, y] = toFilm(view, at);
  return { scale, x: at[0] - x * scale, y: at[1] - y * scale };
}

/** Move a view so that a point is at least `margin` inside of the screen; the same view if it is. */
export function reveal(view: View, point: Point, screen: readonly [number, number], margin: number): View {
  const [x, y] = toScreen(view, point);
  const dx = Math.max(0, margin - x) - Math.max(0, x - (screen[0] - margin));
  const dy = Math.max(0, margin - y) - Math.max(0, y - (screen[1] - margin));
  return dx === 0 && dy === 0 ? view : { ...view, x: view.x + dx, y: view.y + dy };
}

/** A position on the film: half a pixel beyond the centres of its outermost pixels at most. */
export function onFilm([x, y]: Point, [width, height]: readonly [number, number]): Point {
  return [Math.min(width - 0.5, Math.max(-0.5, x)), Math.min(height - 0.5, Math.max(-0.5, y))];
}

/** How far apart two points are: mm with a spacing, else pixels; null if one of them is missing. */
export function distance(
  a: Point | null | undefined,
  b: Point | null | undefined,
  spacing: readonly [number, number] | null,
): number | null {
  if (!a || !b) return null;
  const [sx, sy] = spacing ?? [1, 1];
  return Math.hypot((a[0] - b[0]) * sx, (a[1] - b[1]) * sy);
}

export interface Ellipse {
  /** Half axes, the longer one first, film pixels. */
  radii: readonly [number, number];
  /** From the film's x axis to the longer one, degrees, clockwise on the screen. */
  rotation: number;
}

/** Squared Mahalanobis distance within which a normal distribution in the plane has 90 %. */
const ELLIPSE90 = -2 * Math.log(0.1);

/** The ellipse around a point that holds the landmark with 90 %. */
export function ellipse90([[xx, xy], [, yy]]: Matrix, [sx, sy]: readonly [number, number]): Ellipse {
  const [a, b, c] = [xx / (sx * sx), xy / (sx * sy), yy / (sy * sy)];
  const middle = (a + c) / 2;
  const part = Math.hypot((a - c) / 2, b);
  return {
    radii: [Math.sqrt(ELLIPSE90 * (middle + part)), Math.sqrt(ELLIPSE90 * Math.max(0, middle - part))],
    rotation: (Math.atan2(2 * b, a - c) * 90) / Math.PI,
  };
}

/** The points with one of them replaced. */
export function replaced(points: Points, index: number, point: Point | null): Points {
  return points.map((other, k) => (k === index ? point : other));
}

export function same(a: Points, b: Points): boolean {
  return (
    a.length === b.length &&
    a.every((p, k) => {
      const q = b[k] ?? null;
      return p === q || (p !== null && q !== null && p[0] === q[0] && p[1] === q[1]);
    })
  );
}
