import type { App } from "../app";
import { button, h } from "../dom";
import type { HeldOut } from "../types";

/** Train the model on the labels, see what it brought, and go back. */
export function trainPanel(app: App): HTMLElement {
  const { store, api } = app;
  const stages = h(
    "select",
    { id: "stages" },
    h("option", { value: "local" }, "fine positions (local)"),
    h("option", { value: "both" }, "films that look different (both)"),
  );
  const epochs = h("input", { id: "epochs", type: "number", min: 1, max: 500, placeholder: "usual" });
  const start = button(
    "Train",
    () => {
      const chosen = Number.isFinite(epochs.valueAsNumber) ? { epochs: epochs.valueAsNumber } : {};
      void app.training(() => api.train({ stages: stages.value, ...chosen }));
    },
    { class: "primary" },
  );
  const stop = button("Stop", () => void app.training(() => api.stopTraining()));
  const labels = h("p");
  const state = h("p", { role: "status", class: "training-state" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Training" });
  const result = h("p", { class: "training-result" });
  const leftOut = h("ul");
  const odd = h(
    "div",
    { class: "left-out" },
    h("p", {}, "Check these labels. Both the old and the new weights are far from them, so they did not count:"),
    leftOut,
  );
  const weights = h("ul", { class: "weights", "aria-label": "Earlier weights" });

  store.watch(
    (s) => [s.training],
    ({ training }) => {
      const running = training?.status === "running";
      start.disabled = !training || running;
      stop.hidden = bar.hidden = !running;
      if (!training) return;
      labels.textContent = `${training.labels} films have a label. A fifth of them is held out to measure the error.`;
      const { epoch, total_epochs, stage } = training.progress;
      const at = epoch !== null && total_epochs !== null;
      if (running && at) bar.value = epoch / total_epochs;
      else bar.removeAttribute("value");
      state.textContent = {
        none: "",
        running: at ? `Stage ${stage ?? ""}: epoch ${epoch} of ${total_epochs}` : "Starting",
        done: "The training is done.",
        failed: training.message || "The training ended without a result.",
      }[training.status];
      const { before, after, replaced, held_out, left_out } = training.result;
      result.textContent =
        before && after
          ? `Error on ${held_out?.length ?? 0} held-out film${held_out?.length === 1 ? "" : "s"}: ${error(before)} before, ${error(after)} after the last training. ` +
            (replaced ? "The new weights are in use." : "They were no better, so the old weights stay.")
          : "";
      leftOut.replaceChildren(...(left_out ?? []).map((point) => h("li", {}, point)));
      odd.hidden = leftOut.childElementCount === 0;
      weights.replaceChildren(
        ...training.weights.map((name) =>
          h("li", {}, h("span", {}, `until ${shownTime(name)}`), button("Use again", () => void restore(name))),
        ),
      );
    },
  );

  async function restore(name: string): Promise<void> {
    if (await app.confirm(`Use the weights again that were in use until ${shownTime(name)}? Those in use now are kept.`, "Use again")) {
      await app.training(() => api.restoreWeights(name));
    }
  }

  return h(
    "div",
    { class: "train-panel" },
    labels,
    h("label", { for: "stages" }, "What to train"),
    stages,
    h("label", { for: "epochs" }, "Epochs"),
    epochs,
    h("div", { class: "buttons" }, start, stop),
    bar,
    state,
    result,
    odd,
    h("h3", {}, "Earlier weights"),
    weights,
  );
}

function error(held: HeldOut): string {
  return `${held.error.toFixed(2)} ${held.unit}`;
}

/** The name of a set of weights is the time at which it was replaced, UTC. */
function shownTime(name: string): string {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(name);
  if (!match) return name;
  const [, y, m, d, hour, minute, second] = match;
  return new Date(`${y}-${m}-${d}T${hour}:${minute}:${second}Z`).toLocaleString();
}
