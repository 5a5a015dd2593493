import { expect, test } from "vitest";
import { Store } from "../src/store";

test("a watcher runs at once, then once a frame, and only if what it watches has changed", () => {
  const frames: (() => void)[] = [];
  const store = new Store({ a: 1, b: 1 }, (run) => frames.push(run));
  const seen: number[] = [];
  store.watch(
    (state) => [state.a],
    (state) => seen.push(state.a),
  );
  store.set({ a: 2 });
  store.set({ a: 3 });
  store.set({ b: 2 });
  expect(frames).toHaveLength(1);
  frames.shift()?.();
  store.set({ b: 3 });
  frames.shift()?.();
  expect(seen).toEqual([1, 3]);
});
