// One run of land use → its class map over the imagery of a date, its areas, changes and files.
// Knows no way of asking for a run. What is open of it stands in the address.

import { boot, byId, counted, el, empty, lead, say, toast } from "./elements.js";
import { ask, collectionPath, enter, place, query, settle, visit } from "./asking.js";
import { moment } from "./jobs.js";
import { areaChart } from "./landuse-chart.js";
import { drawChanges, openChange, startChanges } from "./landuse-changes.js";
import { districtsPart, drawDistricts, showDistricts } from "./landuse-districts.js";
import { clear, theMap, tilesAt } from "./map.js";
import { drawingPart, leaveDrawing } from "./samples-drawing.js";
import { calledIn, fileList, hectares, percent, scrolled, sureButton, swatch } from "./tables.js";

const OPACITY = 0.6; // so that what lies below can be compared with its class

let run = null; // as the server tells it
let layers = []; // imagery of the date, and its class map
let shown = true; // whether the class map is
let opacity = OPACITY;

export const startRun = () => startChanges();

/** Show a run; what is open of it already is not drawn again. */
export async function openRun(name) {
  const spot = byId("landuse-run");
  try {
    if (run?.name !== name) {
      spot.replaceChildren(el("p", { class: "quiet" }, say("loading")));
      const told = await ask(`landuse/${encodeURIComponent(name)}`);
      if (place.view !== "landuse" || place.at.run !== name) return;
      run = told;
      if (run.collection !== query.collection && boot.collections.includes(run.collection)) enter(run.collection);
      draw(spot);
      lead(spot.querySelector("h2"));
      drawDistricts(run, () => run.dates[byId("landuse-at").value]);
      await drawChanges(byId("landuse-changes"), run);
      frame();
    }
  } catch (problem) {
    run = null;
    spot.replaceChildren(back(), empty(say("refused"), problem.message));
    return;
  }
  setDate(run.dates.includes(place.at.date) ? place.at.date : run.dates.at(-1));
  openChange(place.at);
}

export function closeRun() {
  for (const one of layers) one.remove();
  layers = [];
  leaveDrawing();
  if (place.view !== "landuse" || !place.at.run) run = null;
}

const back = () => el("button", { type: "button", class: "small", onclick: () => visit("landuse") }, say("all_runs"));

function draw(spot) {
  spot.replaceChildren(...[...head(),
    el("section", { class: "boxed", "aria-label": say("class_map") }, ...dateControls(),
      el("div", { id: "landuse-legend" })),
    el("section", { class: "boxed", "aria-label": say("areas_by_date") }, el("h3", {}, say("areas_by_date")),
      el("div", { class: "stack", id: "landuse-chart" })),
    districtsPart(run), drawingPart(run),
    el("section", { class: "boxed", id: "landuse-changes", "aria-label": say("what_changed") }),
    el("section", { class: "boxed", "aria-label": say("files") }, el("h3", {}, say("files")), fileList(run.files)),
  ].filter(Boolean));
  drawChart();
}

// ---- above it: what came out, and where it comes from ----

function head() {
  const remove = async () => {
    try {
      await ask(`landuse/${encodeURIComponent(run.name)}`, { method: "DELETE" });
      visit("landuse");
    } catch (problem) {
      toast(problem.message);
    }
  };
  const facts = [
    run.collection, counted(run.cells, "cells"), counted(run.images, "images"), run.model,
    say("run_made", { moment: moment(run.made_at) }), run.operator,
  ];
  const report = run.files.find((one) => one.media_type === "text/html");
  return [
    el("div", { class: "row" }, back(), el("span", { class: "grow" }),
      boot.scopes.includes("jobs") ? sureButton(say("remove_run"), say("remove_sure"), remove) : null),
    el("h2", {}, run.name),
    el("p", { class: "lead" }, sentence()),
    el("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
    report && el("a", { href: report.path, target: "_blank", rel: "noopener" }, say("open_report")),
    ...run.notes.map((words) => el("p", { class: "remark" }, words)),
  ].filter(Boolean);
}

function sentence() {
  const period = run.flows.at(-1);
  if (!period) return say("run_one_date");
  return say("run_changed", {
    ha: hectares(period.changed_ha), all: hectares(period.total_ha),
    share: percent(period.changed_ha / (period.total_ha || 1), 1), before: period.before, after: period.after,
  });
}

function frame() {
  if (!run.bbox) return;
  const [west, south, east, north] = run.bbox;
  theMap().fitBounds([[south, west], [north, east]], { ...clear(), animate: false });
}

// ---- the class map of a date ----

function dateControls() {
  const last = run.dates.length - 1;
  const slider = el("input", {
    type: "range", min: 0, max: last, id: "landuse-at", "aria-label": say("date"), disabled: last < 1,
    oninput: ({ target }) => { settle({ date: run.dates[target.value] }); setDate(run.dates[target.value]); },
  });
  const box = el("input", {
    type: "checkbox", id: "landuse-shown", onchange: ({ target }) => { shown = target.checked; lay(); },
  });
  box.checked = shown;
  const fade = el("input", {
    type: "range", min: 10, max: 100, id: "landuse-fade", "aria-label": say("opacity"),
    oninput: ({ target }) => { opacity = target.value / 100; layers.at(-1)?.setOpacity(opacity); },
  });
  fade.value = 100 * opacity;
  return [
    el("div", { class: "row date-row" }, el("output", { id: "landuse-date", for: "landuse-at" }), slider),
    el("div", { class: "row" }, el("label", { class: "layer" }, box, el("span", {}, say("class_map"))),
      el("label", { class: "fade grow" }, el("span", {}, say("opacity")), fade)),
  ];
}

function setDate(date) {
  const at = run.dates.indexOf(date);
  const slider = byId("landuse-at");
  slider.value = at;
  slider.setAttribute("aria-valuetext", date);
  byId("landuse-date").textContent = date;
  drawLegend(run.areas[at]);
  showDistricts(date);
  lay();
}

/** Lay the imagery of the date, and its class map over it. */
function lay() {
  const date = run.dates[byId("landuse-at").value];
  const map = run.maps.find((one) => one.date === date);
  const before = layers;
  const [west, south, east, north] = run.bbox ?? [-180, -85, 180, 85];
  const bounds = [[south, west], [north, east]];
  const days = new URLSearchParams(spanOf(date));
  layers = [tilesAt(`v1/${collectionPath(run.collection)}/scenes/tiles/{z}/{x}/{y}.png?${days}`, "dated", { bounds })];
  if (shown && map) {
    layers.push(tilesAt(map.tiles, "maps", { bounds, maxNativeZoom: map.maxzoom }).setOpacity(opacity));
  }
  for (const one of layers) one.addTo(theMap());
  for (const one of before) one.remove();
}

/** `2025-08` → its first and last day; a year and a day likewise. */
export function spanOf(date) {
  const [year, month, day] = date.split("-").map(Number);
  if (day) return { start: date, end: date };
  if (!month) return { start: `${date}-01-01`, end: `${date}-12-31` };
  return { start: `${date}-01`, end: `${date}-${String(new Date(Date.UTC(year, month, 0)).getUTCDate()).padStart(2, "0")}` };
}

function drawLegend({ area_ha: areas, share }) {
  const head = ["class", "area_ha", "share_of_area"].map((key) => el("th", { scope: "col" }, say(key)));
  const rows = run.classes.map((one) => el("tr", {},
    el("th", { scope: "row" }, swatch(one), calledIn(one)),
    el("td", {}, hectares(areas[one.name] ?? 0)), el("td", {}, percent(share[one.name] ?? 0, 1))));
  byId("landuse-legend").replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)));
}

// ---- areas over the dates, with what a sample of judged places says of them ----

function drawChart() {
  const spot = byId("landuse-chart");
  const head = el("tr", {}, el("th", { scope: "col" }, say("class")), ...run.dates.map((date) => el("th", { scope: "col" }, date)));
  const rows = run.classes.map((one) => el("tr", {}, el("th", { scope: "row" }, swatch(one), calledIn(one)),
    ...run.areas.map((at) => el("td", {}, hectares(at.area_ha[one.name] ?? 0)))));
  spot.replaceChildren(areaChart(run),
    el("details", {}, el("summary", {}, say("as_table")),
      scrolled(say("areas_by_date"), el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)))),
    el("div", { class: "stack", id: "landuse-sampled" },
      el("p", { class: "quiet" }, say("areas_mapped"), " ",
        el("button", { type: "button", class: "link", onclick: () => visit("samples") }, say("areas_sampled")))));
  sampled(run).catch((problem) => toast(problem.message));
}

/** Ask what samples of the run's maps say; they stand in the chart, and below it in words. */
async function sampled(of) {
  const { samples } = await ask("samples");
  const mine = samples.filter((one) => one.collection === of.collection && of.dates.includes(one.map.date)
    && one.map.model === of.model && !one.map.since && one.progress.agreed > 0);
  if (!mine.length || run !== of) return;
  const told = await Promise.all(mine.map((one) => ask(`samples/${encodeURIComponent(one.name)}/areas`)));
  if (run !== of) return;
  const intervals = told.flatMap((areas, at) => areas.classes.map(({ label, area_ha: ha }) => (
    { date: mine[at].map.date, name: label, mid: ha.value, low: ha.low, high: ha.high })));
  byId("landuse-chart").querySelector("svg").replaceWith(areaChart(of, intervals));
  byId("landuse-sampled").replaceChildren(...mine.map((one, at) => sampleTable(one, told[at])));
}

function sampleTable(sample, areas) {
  const head = [say("class"), say("as_mapped"), say("area_adjusted")].map((words) => el("th", { scope: "col" }, words));
  const rows = areas.classes.map((one) => el("tr", {},
    el("th", { scope: "row" }, calledIn(run.classes.find((each) => each.name === one.label) ?? { name: one.label })),
    el("td", {}, hectares(one.mapped_ha)),
    el("td", {}, `${hectares(one.area_ha.value)} (${hectares(one.area_ha.low)} – ${hectares(one.area_ha.high)})`)));
  return el("div", { class: "stack" },
    el("p", { class: "quiet" }, say("areas_adjusted", { name: sample.name, date: sample.map.date })),
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)));
}
