// What people said of a sample's places → how right the map is, and areas with their intervals.
// Knows no formula: the server estimates.

import { boot, el, empty, number, say } from "./elements.js";
import { ask } from "./asking.js";

const whole = (value) => Math.round(value).toLocaleString(boot.language);
const percent = (value) => `${(100 * value).toFixed(1)} %`;

export async function showAreas(box, sample) {
  const told = await ask(`samples/${encodeURIComponent(sample.name)}/areas`).catch((problem) => problem);
  if (told instanceof Error) {
    box.replaceChildren(empty(say("areas_not_yet"), told.message));
    return;
  }
  box.replaceChildren(
    el("p", {}, say("areas_overall", { value: percent(told.overall.value), low: percent(told.overall.low), high: percent(told.overall.high), count: number(told.judged) })),
    wide(areas(told)), wide(accuracy(told)),
    el("details", {}, el("summary", {}, say("matrix")), wide(matrix(told))),
    el("ul", { class: "plain notes" }, ...told.notes.map((one) => el("li", { class: "quiet" }, boot.language === "en" ? one.en : one.zh))),
    el("p", { class: "quiet" }, say("areas_say")));
}

/** A table that may be wider than the panel is moved sideways, by the keyboard as well. */
const wide = (table) => el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": table.querySelector("caption").textContent }, table);

function tableOf(caption, heads, rows) {
  return el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, ...heads.map((words) => el("th", { scope: "col" }, words)))),
    el("tbody", {}, ...rows.map(([name, ...cells]) => el("tr", {}, el("th", { scope: "row" }, name), ...cells.map((one) => el("td", {}, one))))));
}

function areas(told) {
  const rows = told.classes.map((one) => [one.label, one.mapped_ha === null ? "–" : whole(one.mapped_ha),
    `${whole(one.area_ha.value)} (${whole(one.area_ha.low)}–${whole(one.area_ha.high)})`]);
  return tableOf(say("areas_table"), ["class", "on_map_ha", "estimated_ha"].map((key) => say(key)), rows);
}

function accuracy(told) {
  const said = (one) => (one === null ? "–" : `${(100 * one.value).toFixed(0)} % (${(100 * one.low).toFixed(0)}–${(100 * one.high).toFixed(0)})`);
  const rows = told.classes.map((one) => [one.label, said(one.users), said(one.producers), number(one.reference_places)]);
  return tableOf(say("accuracy_table"), ["class", "users", "producers", "places_so"].map((key) => say(key)), rows);
}

function matrix(told) {
  const labels = told.classes.map((one) => one.label);
  return tableOf(say("matrix_table"), [say("matrix_corner"), ...labels],
    told.counts.map((row, at) => [labels[at], ...row.map((one) => number(one))]));
}
