// Rows of values → a table that is sorted by any of its columns; numbers with their units.
// Knows nothing of what the rows are.

import { boot, el, say } from "./elements.js";

const NONE = "–";

const digits = (value) => (Math.abs(value) < 10 ? 2 : Math.abs(value) < 1000 ? 1 : 0);

/** Hectares with the digits that mean something; nothing told: a dash. */
export const hectares = (value) => (value === null || value === undefined ? NONE
  : value.toLocaleString(boot.language, { maximumFractionDigits: digits(value) }));

/** A share, 0 to 1, in percent; nothing told: a dash. */
export const percent = (share, places = 0) => (share === null || share === undefined ? NONE
  : `${(100 * share).toLocaleString(boot.language, { maximumFractionDigits: places })} %`);

/** What a label, or a label set, is called in the person's language. */
export const calledIn = (one) => one.names?.[boot.language.slice(0, 2)] || one.name;

/** A patch of a class's colour. */
export const swatch = (one) => el("i", { class: "swatch", style: `background:${one?.colour ?? "none"}` });

/** Terms and what they are. */
export const terms = (facts) => el("dl", { class: "terms" }, ...facts.flatMap(([term, words]) =>
  [el("dt", {}, term), el("dd", {}, words)]));

/** What goes beyond the panel's width is moved by itself, also from the keyboard. */
export const scrolled = (words, ...parts) =>
  el("div", { class: "scrolled", tabindex: 0, role: "region", "aria-label": words }, ...parts);

/**
 * A table that a press on a column's head sorts.
 *
 * @param words what it is of, for who does not see it.
 * @param columns `{words, of, show}` each: `of` gives a row's value, to sort by; `show` what stands there.
 * @param rows in the order in which they stand at first.
 * @param attributes row → attributes of its element.
 */
export function sortable(words, columns, rows, attributes = () => ({})) {
  let by = null;
  let down = true;
  const body = el("tbody");
  const heads = columns.map((column) => el("th", { scope: "col" },
    el("button", { type: "button", class: "sort", onclick: () => sort(column) }, column.words)));
  fill(rows);
  return el("table", { class: "sortable", "aria-label": words }, el("thead", {}, el("tr", {}, ...heads)), body);

  function sort(column) {
    down = by === column ? !down : typeof rows.map(column.of).find((value) => value !== null) === "number";
    by = column;
    heads.forEach((head, at) => (columns[at] === by
      ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    const way = down ? -1 : 1;
    fill([...rows].sort((one, other) => {
      const [a, b] = [column.of(one), column.of(other)];
      if (a === null || b === null) return (a === null) - (b === null); // what is not told comes last
      return way * (typeof a === "number" ? a - b : String(a).localeCompare(String(b), boot.language));
    }));
  }

  function fill(sorted) {
    body.replaceChildren(...sorted.map((row) => el("tr", attributes(row), ...columns.map((column, at) => {
      const shown = column.show ? column.show(row) : String(column.of(row) ?? NONE);
      return at ? el("td", { class: typeof column.of(row) === "string" ? "text" : null }, shown) : el("th", { scope: "row" }, shown);
    }))));
  }
}

/** Files that were left: links with what they hold and how large they are. */
export const fileList = (files) => el("ul", { class: "plain files" }, ...files.map((one) => {
  const page = one.media_type === "text/html";
  const more = page ? { target: "_blank", rel: "noopener" } : { download: one.name };
  return el("li", {}, el("a", { href: one.path, ...more }, one.name),
    ` ${[page ? say("opens_in_tab") : "", one.about, size(one.bytes)].filter(Boolean).join(" · ")}`);
}));

/** Bytes in a unit that fits. */
export function size(count) {
  const [unit, name] = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]].find(([from]) => count >= from) ?? [1, "B"];
  return `${(count / unit).toLocaleString(boot.language, { maximumFractionDigits: 1 })} ${name}`;
}

/** A button that asks once more before it does what cannot be taken back. */
export function sureButton(words, sure, act) {
  const button = el("button", { type: "button", onclick: press, onblur: calm }, words);
  return button;

  function press() {
    if (button.dataset.sure) return act();
    button.dataset.sure = "yes";
    button.classList.add("danger");
    button.textContent = sure;
    return null;
  }

  function calm() {
    delete button.dataset.sure;
    button.classList.remove("danger");
    button.textContent = words;
  }
}
