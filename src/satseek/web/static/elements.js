// Tags and attributes → elements; the words of the page in the person's language.
// Knows nothing of searches.

export const boot = JSON.parse(document.getElementById("satseek-boot").textContent);

/** The words of a key, with `{name}` replaced by what is given. */
export function say(key, given = {}) {
  const words = boot.words[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => given[name] ?? whole);
}

/** What may be the name of a schedule, a collection or a sample: a `pattern` of a field. */
export const NAME = "[A-Za-z0-9_.\\-]+";

export const byId = (id) => document.getElementById(id);

/** Make an element; `on…` attributes are listeners, false and null leave an attribute out. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** An icon of the page's own sprite. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

/** A round button that says what it does to eyes, hands and screen readers. */
export const iconButton = (name, words, press, more = {}) =>
  el("button", { type: "button", class: "round", title: words, "aria-label": words, onclick: press, ...more }, icon(name));

/** What stands where nothing is: what happened, and what to do next. */
export const empty = (title, ...parts) =>
  el("div", { class: "empty" }, el("h3", {}, title), ...parts.map((part) =>
    typeof part === "string" ? el("p", {}, part) : part));

/** A dialog's head: its title and a way out. */
export function dialogHead(dialog, id, title) {
  const close = iconButton("close", say("close"), () => dialog.close());
  return el("div", { class: "row head" }, el("h2", { id }, title), el("span", { class: "grow" }), close);
}

/** Lead the keyboard to what was just opened; what the address alone opened leaves it where it is. */
export function lead(element) {
  if (!element || document.body.dataset.ready !== "true") return;
  if (!element.matches("button, a, input, select")) element.tabIndex = -1;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

/** Say something for as long as it takes to read it. */
export function toast(message, kind = "wrong") {
  const shown = el("div", { class: `toast ${kind}` }, el("span", {}, message),
    iconButton("close", say("close"), () => shown.remove()));
  byId("toasts").replaceChildren(shown);
  setTimeout(() => shown.remove(), 9000);
}

export const number = (value) => value.toLocaleString(boot.language);

/** “1 chip”, “2,400 chips”: `chips_one` and `chips` are the two forms. */
export const counted = (count, key) =>
  say(count === 1 ? `${key}_one` : key, { count: number(count) });

/** The day of an ISO time, or that there is none. */
export const day = (moment) => (moment ? moment.slice(0, 10) : say("no_date"));

export const allowed = (scope) => boot.scopes.includes(scope);
