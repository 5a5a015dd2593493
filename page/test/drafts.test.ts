import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { Drafts } from "../src/drafts";

test("a draft comes back for its film and annotator only", async () => {
  const drafts = new Drafts("one");
  await drafts.put("film", "anna", [[1, 2], null], false);
  expect((await drafts.get("film", "anna"))?.points).toEqual([[1, 2], null]);
  expect(await drafts.get("film", "bo")).toBeNull();
  expect(await new Drafts("another folder").get("film", "anna")).toBeNull();
});

test("only labels that were saved wait for the server, and only those of this folder", async () => {
  const drafts = new Drafts("two");
  await drafts.put("saved", "anna", [[1, 2]], true);
  await drafts.put("changed", "anna", [[1, 2]], false);
  await new Drafts("three").put("saved", "anna", [[1, 2]], true);
  expect((await drafts.pending()).map((draft) => draft.film)).toEqual(["saved"]);
});

test("a draft that was changed while it was sent stays", async () => {
  const drafts = new Drafts("four");
  await drafts.put("film", "anna", [[1, 2]], true);
  const sent = await drafts.get("film", "anna");
  await drafts.remove("film", "anna", (sent?.time ?? 0) - 1);
  expect(await drafts.get("film", "anna")).not.toBeNull();
  await drafts.remove("film", "anna", sent?.time ?? 0);
  expect(await drafts.get("film", "anna")).toBeNull();
});
