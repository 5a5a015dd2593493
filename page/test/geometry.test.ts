import { describe, expect, test } from "vitest";
import { distance, ellipse90, fit, LARGEST_SCALE, onFilm, reveal, same, toFilm, toScreen, zoomAt } from "../src/geometry";

test("the film's point under the cursor stays under it while zooming", () => {
  const view = { scale: 0.3, x: 17, y: -40 };
  const before = toFilm(view, [400, 300]);
  const zoomed = zoomAt(view, [400, 300], 3, 0.1);
  expect(zoomed.scale).toBeCloseTo(0.9);
  expect(toFilm(zoomed, [400, 300])[0]).toBeCloseTo(before[0]);
  expect(toFilm(zoomed, [400, 300])[1]).toBeCloseTo(before[1]);
});

test("zoom ends at its limits", () => {
  expect(zoomAt({ scale: 1, x: 0, y: 0 }, [0, 0], 1e6, 0.1).scale).toBe(LARGEST_SCALE);
  expect(zoomAt({ scale: 1, x: 0, y: 0 }, [0, 0], 1e-6, 0.1).scale).toBe(0.1);
});

describe("fit", () => {
  test.each([
    [1935, 2400],
    [2400, 1935],
  ])("shows the whole of a %i x %i film", (width, height) => {
    const view = fit([width, height], [812, 578]);
    const [left, top] = toScreen(view, [-0.5, -0.5]);
    const [right, bottom] = toScreen(view, [width - 0.5, height - 0.5]);
    expect(left).toBeGreaterThanOrEqual(-1e-9);
    expect(top).toBeGreaterThanOrEqual(-1e-9);
    expect(right).toBeLessThanOrEqual(812 + 1e-9);
    expect(bottom).toBeLessThanOrEqual(578 + 1e-9);
    expect(left + right).toBeCloseTo(812);
    expect(top + bottom).toBeCloseTo(578);
  });
});

test("a point stays on the film, whose border is half a pixel outside its outermost centres", () => {
  expect(onFilm([-7, 500], [100, 200])).toEqual([-0.5, 199.5]);
  expect(onFilm([3.25, 4], [100, 200])).toEqual([3.25, 4]);
});

test("a distance is in mm with a spacing, in pixels without, and null of a point that is missing", () => {
  expect(distance([0, 0], [30, 40], [0.1, 0.1])).toBeCloseTo(5);
  expect(distance([0, 0], [3, 4], [1, 2])).toBeCloseTo(Math.hypot(3, 8));
  expect(distance([0, 0], [30, 40], null)).toBe(50);
  expect(distance(null, [30, 40], null)).toBeNull();
});

test("a view moves no more than is needed to show a point", () => {
  const view = { scale: 1, x: 0, y: 0 };
  expect(reveal(view, [100, 100], [400, 300], 60)).toBe(view);
  expect(reveal(view, [500, 20], [400, 300], 60)).toEqual({ scale: 1, x: -160, y: 40 });
});

test("points are the same by value, and a point that is missing differs from one that is there", () => {
  expect(same([[1, 2], null], [[1, 2], null])).toBe(true);
  expect(same([[1, 2], null], [[1, 2], [0, 0]])).toBe(false);
  expect(same([[1, 2]], [[1, 2], null])).toBe(false);
});

describe("the ellipse that holds 90 %", () => {
  test("has the standard deviations of a covariance along the axes as half axes, times 2.146", () => {
    const { radii, rotation } = ellipse90([[0.04, 0], [0, 0.01]], [0.1, 0.1]);
    expect([radii[0] / 2.146, radii[1] / 2.146, rotation]).toEqual([expect.closeTo(2, 3), expect.closeTo(1, 3), 0]);
  });

  test("is turned as the errors are, and clockwise because y points down", () => {
    expect(ellipse90([[1, 0.5], [0.5, 1]], [1, 1]).rotation).toBeCloseTo(45);
    expect(ellipse90([[1, -0.5], [-0.5, 1]], [1, 1]).rotation).toBeCloseTo(-45);
    expect(ellipse90([[1, 0], [0, 4]], [1, 1]).rotation).toBeCloseTo(90);
  });

  test("is stretched where pixels are not square", () => {
    expect(ellipse90([[1, 0], [0, 1]], [1, 0.5]).radii[0]).toBeCloseTo(2 * 2.146, 2);
  });
});
