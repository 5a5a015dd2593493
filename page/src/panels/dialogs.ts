import type { App } from "../app";
import { button, h } from "../dom";
import { KEYS } from "../keys";

/** Ask a question; resolves to whether the answer was yes. */
export function ask(text: string, yes: string): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog: HTMLDialogElement = h(
      "dialog",
      { "aria-label": "Question", onclose: () => finish() },
      h("p", {}, text),
      h(
        "div",
        { class: "buttons" },
        button(yes, () => dialog.close("yes")),
        button("Cancel", () => dialog.close(), { class: "primary", autofocus: true }),
      ),
    );
    function finish(): void {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function help(): void {
  const dialog: HTMLDialogElement = h(
    "dialog",
    { class: "help", "aria-labelledby": "help-title", onclose: () => dialog.remove() },
    h("h2", { id: "help-title" }, "Keys and gestures"),
    h("table", {}, h("tbody", {}, ...KEYS.map(([key, what]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, what))))),
    h("p", {}, "For research only; not a medical device."),
    button("Close", () => dialog.close(), { class: "primary" }),
  );
  document.body.append(dialog);
  dialog.showModal();
}

/** Ask for the annotator's name. */
export function askName(): Promise<string> {
  return new Promise((resolve) => {
    const name = h("input", { id: "annotator", autocomplete: "username", maxlength: 60, required: true });
    const dialog = form("Who annotates?", "Labels are kept under this name.", [h("label", { for: "annotator" }, "Name"), name], () => {
      const given = name.value.trim();
      if (given === "") return;
      dialog.remove();
      resolve(given);
    });
  });
}

/** Ask for name and password until they are accepted. */
export function askLogin(app: { api: App["api"] }, address: string): Promise<void> {
  return new Promise((resolve) => {
    const name = h("input", { id: "login-name", autocomplete: "username", required: true });
    const password = h("input", { id: "login-password", type: "password", autocomplete: "current-password", required: true });
    const wrong = h("p", { role: "alert", class: "error" });
    const dialog = form(
      "Log in",
      "With the account that this server accepts.",
      [h("label", { for: "login-name" }, "Name"), name, h("label", { for: "login-password" }, "Password"), password, wrong],
      () => {
        app.api
          .login(address, name.value, password.value)
          .then(() => {
            dialog.remove();
            resolve();
          })
          .catch((error: unknown) => {
            wrong.textContent = error instanceof Error ? error.message : String(error);
          });
      },
    );
  });
}

function form(title: string, text: string, fields: Node[], submit: () => void): HTMLDialogElement {
  const dialog: HTMLDialogElement = h(
    "dialog",
    { "aria-labelledby": "form-title", oncancel: (event: Event) => event.preventDefault() },
    h(
      "form",
      {
        onsubmit: (event: Event) => {
          event.preventDefault();
          submit();
        },
      },
      h("h2", { id: "form-title" }, title),
      h("p", {}, text),
      ...fields,
      h("button", { type: "submit", class: "primary" }, "Go on"),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
