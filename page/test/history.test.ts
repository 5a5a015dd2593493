import { expect, test } from "vitest";
import { begin, change, redo, undo } from "../src/history";

test("everything can be undone and done again", () => {
  let history = begin(0);
  for (let k = 1; k <= 1000; k++) history = change(history, k);
  for (let k = 0; k < 1000; k++) history = undo(history);
  expect(history.now).toBe(0);
  expect(undo(history)).toBe(history);
  for (let k = 0; k < 1000; k++) history = redo(history);
  expect(history.now).toBe(1000);
  expect(redo(history)).toBe(history);
});

test("a change after an undo forgets what was undone", () => {
  const history = change(undo(change(begin("a"), "b")), "c");
  expect(history).toEqual({ past: ["a"], now: "c", future: [] });
});
