// What became of what in a run → a matrix, patches on the map, and a patch before and after.
// Knows no class map. Which cell and which patch are open stands in the address.

import { byId, counted, day, el, say } from "./elements.js";
import { ask, featuresOf, place, thumbnail, visit } from "./asking.js";
import { outlines } from "./outlines.js";
import { pairOf } from "./pair.js";
import { calledIn, hectares, scrolled, swatch } from "./tables.js";
import { openView } from "./views.js";

const PICTURE_PX = 640;
const LISTED = 100; // more patches than that are found on the map, or in the files

let run = null;
let patches = []; // features, the largest first
let shapes = null;

export function startChanges() {
  shapes = outlines("landuse", {
    kind: () => "changed",
    tip: (one) => `${words(one.properties)} · ${hectares(one.properties.area_ha)} ha`,
    press: (one) => visit("landuse", { ...place.at, patch: one.id }),
  });
}

/** Draw the changes of a run; without a second date there are none. */
export async function drawChanges(spot, told) {
  run = told;
  patches = [];
  shapes.show([]);
  if (!run.flows.length) {
    spot.replaceChildren(el("h3", {}, say("what_changed")), el("p", { class: "quiet" }, say("changes_need_dates")));
    return;
  }
  patches = await featuresOf(`landuse/${encodeURIComponent(run.name)}/changes?limit=1000`);
  patches.sort((one, other) => other.properties.area_ha - one.properties.area_ha);
  const choose = el("select", {
    id: "landuse-flow", onchange: ({ target }) => visit("landuse", { ...place.at, flow: target.value, from: "", to: "", patch: "" }),
  }, ...run.flows.map((one, at) => el("option", { value: String(at) }, `${one.before} → ${one.after}`)));
  spot.replaceChildren(el("h3", {}, say("what_changed")),
    run.flows.length > 1 ? el("label", {}, say("between_dates"), choose) : "",
    el("p", { class: "quiet" }, say("matrix_say")),
    el("div", { id: "landuse-matrix" }),
    el("div", { class: "row" }, el("p", { id: "landuse-chosen", role: "status" }), el("span", { class: "grow" }),
      el("button", { type: "button", class: "small", id: "landuse-every", onclick: () => visit("landuse", { ...place.at, from: "", to: "", patch: "" }) }, say("changes_all"))),
    el("div", { class: "stack", id: "landuse-patch", "aria-live": "polite" }),
    el("ul", { class: "plain picks", id: "landuse-patches" }));
}

/** Show what the address names: a cell of the matrix, a patch. */
export function openChange({ flow, from = "", to = "", patch = "" }) {
  if (!run?.flows.length) return;
  const at = Number(flow) in run.flows && flow !== "" ? Number(flow) : run.flows.length - 1;
  if (byId("landuse-flow")) byId("landuse-flow").value = String(at);
  drawMatrix(run.flows[at], { from, to });
  const wanted = patches.filter(({ properties: one }) => (!from || one.before === from) && (!to || one.after === to)
    && within(one, run.flows[at]));
  shapes.show(wanted);
  const open = patches.find((one) => one.id === patch);
  const told = wanted.length ? counted(wanted.length, "changes") : say(from ? "changes_untold" : "changes_none");
  byId("landuse-chosen").textContent = from ? `${words({ before: from, after: to })}: ${told}` : told;
  byId("landuse-every").hidden = !from;
  listPatches(wanted, open?.id);
  drawPatch(open);
  shapes.light(open?.id ?? (from ? wanted.map((one) => one.id) : null));
  if (open) shapes.frame(open.id);
  else if (from && wanted.length) shapes.frame(wanted.map((one) => one.id));
}

/** Whether a patch changed between the dates of a flow. */
const within = (one, flow) => one.date_before >= flow.before && one.date_after <= flow.after;

const classOf = (name) => run.classes.find((one) => one.name === name) ?? { name };
const words = ({ before, after }) => say("became", { before: calledIn(classOf(before)), after: calledIn(classOf(after)) });

// ---- the matrix: rows are what it was, columns what it became ----

function drawMatrix(flow, chosen) {
  const sums = run.classes.map((_, at) => [
    flow.area_ha[at].reduce((sum, one) => sum + one, 0), flow.area_ha.reduce((sum, row) => sum + row[at], 0)]);
  const used = run.classes.map((_, at) => at).filter((at) => sums[at][0] || sums[at][1]);
  const most = Math.max(...used.flatMap((row) => used.map((column) => (row === column ? 0 : flow.area_ha[row][column]))), 1e-9);
  const cell = (row, column) => {
    const ha = flow.area_ha[row][column];
    if (!ha) return el("td", { class: "quiet" }, "·");
    if (row === column) return el("td", { class: "stayed" }, hectares(ha));
    const [from, to] = [run.classes[row].name, run.classes[column].name];
    const open = from === chosen.from && to === chosen.to;
    return el("td", { class: "moved", style: `--weight:${Math.round(12 + (48 * ha) / most)}%` }, el("button", {
      type: "button", "aria-pressed": String(open), "data-from": from, "data-to": to,
      "aria-label": `${words({ before: from, after: to })}: ${hectares(ha)} ha`,
      onclick: () => visit("landuse", { ...place.at, from: open ? "" : from, to: open ? "" : to, patch: "" }),
    }, hectares(ha)));
  };
  const head = el("tr", {}, el("th", { scope: "col" }, say("from_to")), ...used.map((at) => el("th", { scope: "col", class: "tall" },
    el("span", {}, swatch(run.classes[at]), calledIn(run.classes[at])))));
  const rows = used.map((row) => el("tr", {}, el("th", { scope: "row" }, swatch(run.classes[row]), calledIn(run.classes[row])),
    ...used.map((column) => cell(row, column))));
  const focused = document.activeElement?.dataset ?? {};
  const table = el("table", { class: "matrix", "aria-label": say("matrix_of", flow) }, el("thead", {}, head), el("tbody", {}, ...rows));
  byId("landuse-matrix").replaceChildren(scrolled(say("matrix_of", flow), table));
  if (focused.from) {
    table.querySelector(`[data-from="${CSS.escape(focused.from)}"][data-to="${CSS.escape(focused.to)}"]`)?.focus();
  }
}

// ---- patches, and one before and after ----

function listPatches(wanted, open) {
  const focused = document.activeElement?.dataset?.patch;
  byId("landuse-patches").replaceChildren(...wanted.slice(0, LISTED).map(({ id, properties: one }) => el("li", {},
    el("button", {
      type: "button", "data-patch": id, "aria-pressed": String(id === open),
      onclick: () => visit("landuse", { ...place.at, patch: id === open ? "" : id }),
      onmouseenter: () => open || shapes.light(id),
    }, swatch(classOf(one.before)), swatch(classOf(one.after)), el("span", { class: "grow" }, words(one)), `${hectares(one.area_ha)} ha`))));
  if (wanted.length > LISTED) byId("landuse-patches").append(el("li", { class: "quiet" }, say("listed_first", { count: LISTED })));
  if (focused) document.querySelector(`[data-patch="${CSS.escape(focused)}"]`)?.focus();
}

function drawPatch(patch) {
  const spot = byId("landuse-patch");
  if (!patch) return spot.replaceChildren();
  const one = patch.properties;
  const facts = [
    `${hectares(one.area_ha)} ha`, counted(one.cells, "cells"),
    typeof one.percentile === "number" && say("change_percentile", { value: one.percentile.toFixed(1) }),
    typeof one.share === "number" && say("change_share", { value: one.share.toFixed(2) }),
  ].filter(Boolean);
  const pictures = el("div");
  showPair(patch, pictures);
  return spot.replaceChildren(
    el("h4", {}, words(one)), pictures,
    el("p", { class: "quiet" }, facts.join(" · ")),
    el("div", { class: "row" },
      el("button", { type: "button", onclick: () => openView("findings", { finding: patch.id }) }, say("to_finding")),
      el("button", { type: "button", onclick: () => visit("landuse", { ...place.at, patch: "" }) }, say("close"))));
}

/** Before and after: as they were kept with the finding, else the chips as they are now. */
async function showPair({ id, properties: one }, spot) {
  const chip = (name, date) => name && { src: thumbnail(name, PICTURE_PX, run.collection), day: date, words: say("picture_of", { chip: name }), bounds: null };
  const now = { before: chip(one.chip_before, one.date_before), after: chip(one.chip_after, one.date_after) };
  const { evidence } = await ask(`findings/${encodeURIComponent(id)}`).catch(() => ({ evidence: [] }));
  const side = (name) => {
    const kept = evidence.find((each) => each.side === name && each.path);
    return kept ? { src: kept.path, day: day(kept.datetime), words: say("picture_of", { chip: kept.chip_id }), bounds: kept.bounds } : now[name];
  };
  spot.replaceChildren(pairOf(side("before"), side("after")));
}
