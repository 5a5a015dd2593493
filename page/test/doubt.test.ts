import { expect, test } from "vitest";
import { byDoubt, doubtClass, nextIn } from "../src/doubt";
import type { Proposal } from "../src/types";

const proposal: Proposal = {
  points: [[0, 0], [1, 1], null, [2, 2]],
  confidence: [0.9, 0.3, 0.8, 0.95],
  status: ["found", "found", "missing", "doubtful"],
  radius90_mm: null,
  covariance_mm2: null,
  remarks: [],
  doubts: [],
  spacing_mm: [0.1, 0.1],
};

test("what was not found comes first, then what is doubtful, then by confidence", () => {
  expect(byDoubt(proposal)).toEqual([2, 3, 1, 0]);
});

test("with known errors these count instead of the confidence", () => {
  const known: Proposal = { ...proposal, radius90_mm: [5, 1, null, 1] };
  expect(byDoubt(known)).toEqual([2, 3, 0, 1]);
  expect([doubtClass(known, 0), doubtClass(known, 1)]).toEqual(["poor", "sure"]);
});

test("classes of doubt", () => {
  expect([0, 1, 2, 3].map((k) => doubtClass(proposal, k))).toEqual(["sure", "fair", "absent", "doubtful"]);
  expect(doubtClass(null, 0)).toBe("absent");
});

test("the order is a circle, in both directions", () => {
  expect(nextIn([2, 3, 1, 0], null, 1)).toBe(2);
  expect(nextIn([2, 3, 1, 0], 0, 1)).toBe(2);
  expect(nextIn([2, 3, 1, 0], 2, -1)).toBe(0);
  expect(nextIn([], null, 1)).toBeNull();
});
