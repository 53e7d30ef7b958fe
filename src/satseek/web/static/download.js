// Hits, or findings → a file in a format that the person chooses.
// Knows neither formats nor projections: the server lists the one, and takes the other as a code.

import { byId, dialogHead, el, say, toast } from "./elements.js";
import { ask, message, on, sent } from "./asking.js";

export function startDownload() {
  on("download", open);
}

let formats = null; // as the server lists them: asked once

const HITS = {
  title: say("download_title"), words: say("download_say"), name: "hits",
  path: (terms) => [`search/export?${terms}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(message()),
  }],
};
let wanted = HITS; // what is downloaded: its title, what is said of it, the route for given terms

async function open(what) {
  wanted = what ?? HITS;
  try {
    formats ??= (await ask("formats")).formats.filter((one) => one.at_hand);
    draw();
  } catch (problem) {
    toast(problem.message);
  }
}

function draw() {
  const dialog = byId("download");
  const format = el("select", { name: "format" }, ...formats.map((one) => el("option", { value: one.name }, one.title)));
  const crs = el("input", {
    name: "crs", list: "crs-list", value: "EPSG:4326", autocomplete: "off", spellcheck: "false", maxlength: 64,
  });
  const known = el("datalist", { id: "crs-list" }, ...["EPSG:4326", "EPSG:4490", "EPSG:3857"].map((code) =>
    el("option", { value: code })));
  const fix = () => { // GeoJSON is on WGS 84 (RFC 7946)
    crs.disabled = !formats.find((one) => one.name === format.value).any_crs;
    if (crs.disabled) crs.value = "EPSG:4326";
  };
  format.addEventListener("change", fix);
  const go = el("button", { class: "primary", type: "submit" }, say("download"));
  const form = el("form", { class: "stack" },
    dialogHead(dialog, "download-title", wanted.title),
    el("label", {}, say("format"), format), el("label", {}, say("crs"), crs), known,
    el("p", { class: "quiet" }, wanted.words),
    el("div", { class: "row" }, el("span", { class: "grow" }), go));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    if (await fetchFile(format.value, crs.value.trim())) dialog.close();
    go.disabled = false;
  });
  fix();
  dialog.replaceChildren(form);
  dialog.showModal();
}

async function fetchFile(format, crs) {
  const address = new URLSearchParams({ format, ...(crs && { crs }) });
  try {
    const answer = await sent(...wanted.path(address));
    const named = /filename="?([^";]+)/.exec(answer.headers.get("content-disposition") ?? "");
    keep(await answer.blob(), named?.[1] ?? `${wanted.name}.${format}`);
    return true;
  } catch (problem) {
    toast(problem.message);
    return false;
  }
}

function keep(blob, name) {
  const address = URL.createObjectURL(blob);
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
