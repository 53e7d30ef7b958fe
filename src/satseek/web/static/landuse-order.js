// The ground on the map, classes, districts and scenes → a run of land use, now or on a schedule.
// Knows no result.

import { boot, byId, counted, el, say, toast } from "./elements.js";
import { ask, filled, on, query, sent, visit } from "./asking.js";
import { mountSource } from "./source.js";
import { calledIn, hectares, swatch, terms } from "./tables.js";
import { days } from "./timeline.js";
import { mountWhen } from "./when.js";

const OWN = "own";

let sets = null; // label sets that cover land, as the server ships them
let districts = null; // as the server keeps their file; null: none
let source = null; // of scenes that are indexed first
let when = null; // now, or again and again

export function startOrder() {
  const form = byId("landuse-order");
  if (!form) return;
  source = mountSource(byId("landuse-source"), { required: false });
  when = mountWhen(byId("landuse-when"), { go: byId("landuse-go"), words: "landuse_go" });
  form.addEventListener("submit", order);
  form.elements.labels.addEventListener("change", drawLabels);
  form.elements.districts.addEventListener("change", sendDistricts);
  on("query", drawGround);
  on("days", drawGround);
}

/** Fill the form with what there is to choose from. */
export async function drawOrder() {
  if (!byId("landuse-order")) return;
  drawGround();
  await fillSets();
}

async function fillSets() {
  const choose = byId("landuse-order").elements.labels;
  if (sets) return;
  try {
    const { label_sets: all } = await ask("landuse/presets");
    sets = all.filter((one) => !one.labels.some((label) => label.properties?.state)); // those tell damage
  } catch (problem) {
    toast(problem.message);
    return;
  }
  choose.replaceChildren(...sets.map((one) => el("option", { value: one.name }, calledIn(one))),
    el("option", { value: OWN }, say("labels_own")));
  choose.value = sets.some((one) => one.name === "planning") ? "planning" : choose.options[0].value;
  drawLabels();
}

function drawLabels() {
  const form = byId("landuse-order");
  const chosen = form.elements.labels.value;
  const own = chosen === OWN;
  byId("landuse-own").hidden = !own;
  form.elements.own.disabled = !own;
  const set = sets.find((one) => one.name === chosen);
  byId("landuse-classes").replaceChildren(...(set?.labels ?? []).map((one) =>
    el("li", { title: one.prompts.join(" · ") }, swatch(one), calledIn(one))));
}

/** Say which ground and dates a run would look at: those that the map and the slider show. */
function drawGround() {
  const last = days.at(-1)?.day;
  const dates = [query.start || days[0]?.day, query.end || last].filter(Boolean);
  byId("landuse-order").elements.into.placeholder = query.collection ?? "";
  byId("landuse-ground").replaceChildren(terms([
    [say("collection"), query.collection ?? "–"],
    [say("area"), say(query.area ? "area_drawn" : "area_all")],
    [say("dates"), dates.length ? [...new Set(dates)].join(" – ") : say("no_date")],
  ]));
}

// ---- districts ----

/** Send the file, so that what cannot be read is told before anything is asked. */
async function sendDistricts({ target: input }) {
  const [file] = input.files;
  if (!file) return;
  const spot = byId("landuse-districts");
  const column = byId("landuse-order").elements.district_column.value.trim();
  const asked = new URLSearchParams({ name: file.name, ...(column ? { district_column: column } : {}) });
  input.disabled = true;
  spot.replaceChildren(el("p", { class: "quiet" }, say("loading")));
  try {
    districts = await (await sent(`parcels?${asked}`, {
      method: "POST", body: file, headers: { "content-type": "application/octet-stream" },
    })).json();
    drawDistricts();
  } catch (problem) {
    districts = null;
    spot.replaceChildren(el("p", { class: "wrong" }, problem.message));
  }
  input.disabled = false;
  input.value = "";
}

function drawDistricts() {
  byId("landuse-districts").replaceChildren(...(districts ? [
    el("p", {}, [districts.name, counted(districts.parcels, "districts_count"), `${hectares(districts.area_ha)} ha`].join(" · ")),
    el("span", { class: "grow" }),
    el("button", { type: "button", class: "small", onclick: () => { districts = null; drawDistricts(); } }, say("landuse_districts_drop")),
  ] : []));
}

// ---- asking ----

/** What the form says, as the task takes it; what is as usual is left out. */
function told(fields) {
  const own = fields.labels.value === OWN;
  const lines = fields.own.value.split("\n").map((one) => one.trim()).filter(Boolean);
  const scenes = source.asked(query.area);
  const given = {
    collection: (scenes && fields.into.value.trim()) || query.collection, ...scenes, name: fields.name.value.trim(),
    by: fields.by.value, area: query.area, start: query.start, end: query.end,
    ...(own ? { own: lines } : { labels: fields.labels.value }),
    persist: Number(fields.persist.value), least_ha: Number(fields.least_ha.value),
    least_cells: Number(fields.least_cells.value), least_valid: Number(fields.least_valid.value) / 100,
    ...Object.fromEntries(["seed", "grow", "change"].map((one) => [one, fields[one].value && Number(fields[one].value)])),
    shift: fields.shift.value,
    districts: districts?.parcels_ref, reports: ["html", "pdf"], language: boot.language.slice(0, 2),
  };
  const named = districts ? { district_column: fields.district_column.value.trim() } : {}; // empty is as usual, too
  return { ...filled(given), ...named };
}

async function order(event) {
  event.preventDefault();
  const body = told(event.target.elements);
  try {
    const planned = await when.schedule({ task: "landuse", ...body });
    const job = planned ? null : await ask("landuse", { method: "POST", body });
    byId("landuse-new").open = false;
    if (!job) return;
    toast(say("job_taken", { id: job.id.slice(-6) }), "good");
    visit("landuse", { job: job.id });
  } catch (problem) {
    toast(problem.message);
  }
}
