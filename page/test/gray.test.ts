import { expect, test } from "vitest";
import { dragWindow, needsPicture, preset, sample, table } from "../src/gray";

const gray = (pixel: number): number => pixel & 255;
const plain = { window: [0, 255], gamma: 1, invert: false } as const;

test("the plain look changes nothing, and every pixel is opaque and gray", () => {
  const values = table(plain, [0, 255]);
  values.forEach((pixel, k) => expect(pixel).toBe((0xff000000 | (k << 16) | (k << 8) | k) >>> 0));
});

test("values outside the window are black and white", () => {
  const values = table({ ...plain, window: [100, 150] }, [0, 255]);
  expect([gray(values[99] ?? -1), gray(values[151] ?? -1)]).toEqual([0, 255]);
  expect(gray(values[125] ?? -1)).toBe(128);
});

test("a window is in the film's gray values, also of a film with more than 8 bits", () => {
  const values = table({ ...plain, window: [1000, 3000] }, [1000, 3000]);
  expect([gray(values[0] ?? -1), gray(values[255] ?? -1)]).toEqual([0, 255]);
});

test("inverting swaps black and white, and a gamma above 1 brightens", () => {
  expect(gray(table({ ...plain, invert: true }, [0, 255])[10] ?? -1)).toBe(245);
  expect(gray(table({ ...plain, gamma: 2 }, [0, 255])[64] ?? -1)).toBe(128);
});

test("a drag to the right widens the window, and down raises its centre", () => {
  const [low, high] = dragWindow([0, 100], 200, 0, [0, 100]);
  expect(high - low).toBeCloseTo(100 * Math.E);
  expect((low + high) / 2).toBeCloseTo(50);
  const moved = dragWindow([0, 100], 0, 400, [0, 100]);
  expect((moved[0] + moved[1]) / 2).toBeCloseTo(150);
});

test("a preset is a part of the film's own window", () => {
  expect(preset("Soft tissue", [1000, 3000])).toEqual([1000, 2000]);
  expect(preset("no such preset", [1000, 3000])).toEqual([1000, 3000]);
});

test("another picture is asked for where a deep film's window is narrow or outside, never of an 8-bit film", () => {
  expect(needsPicture([100, 110], [0, 255], [0, 255])).toBe(false);
  expect(needsPicture([0, 4095], [0, 4095], [0, 4095])).toBe(false);
  expect(needsPicture([1000, 1500], [0, 4095], [0, 4095])).toBe(true);
  expect(needsPicture([500, 4095], [1000, 4095], [0, 4095])).toBe(true);
  expect(needsPicture([-500, 4095], [0, 4095], [0, 4095])).toBe(false);
});

test("a sample holds the pixels at every so many columns and rows", () => {
  const picture = Uint8Array.from({ length: 5 * 3 }, (_, k) => k);
  expect(sample(picture, [5, 3], 2)).toEqual({ values: Uint8Array.from([0, 2, 4, 10, 12, 14]), size: [3, 2] });
  expect(sample(picture, [5, 3], 1).values).toBe(picture);
});
