/** Attributes and listeners of an element; texts are always texts. */
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: never) => unknown)>;

/** Make an element. Keys that begin with "on" are listeners; true is an attribute without a value. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string | null)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function button(text: string, onclick: () => unknown, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", onclick, ...attributes }, text);
}

/** A menu: runs the choice, then shows its name again. */
export function menu(name: string, label: string, choices: [string, string][], choose: (choice: string) => unknown): HTMLSelectElement {
  const select = h(
    "select",
    {
      "aria-label": label,
      onchange: () => {
        choose(select.value);
        select.value = "";
      },
    },
    ...[["", name] as const, ...choices].map(([value, text]) => h("option", { value }, text)),
  );
  return select;
}

/** Change a text, and nothing if it is the same: a drag writes many texts in every frame. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Offer a file to the user. */
export function download(content: Blob, name: string): void {
  const link = h("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
