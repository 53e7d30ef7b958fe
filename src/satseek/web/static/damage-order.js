// A file of parcels, two moments and a hazard → a job that assesses them, once or again and again.
// Knows no result. What is read of the file, odd rows included, is told before anything is asked;
// it is assessed by the columns, the unit, the CRS and the layer that stand in the form.

import { boot, byId, counted, el, say, toast } from "./elements.js";
import { ask, filled, on, query, sent, visit } from "./asking.js";
import { lightWords } from "./damage-lights.js";
import { mountSettings } from "./damage-settings.js";
import { clear, theMap } from "./map.js";
import { calledIn, hectares } from "./tables.js";
import { days } from "./timeline.js";
import { mountWhen } from "./when.js";

const COLUMNS = ["policy_column", "parcel_column", "crop_column", "district_column", "insured_column", "insured_unit", "crs", "layer"];
const PROBLEMS = 8; // odd rows that are named; the tables of the result name all

let uploads = []; // parcels that the server keeps, the newest first
let known = null; // hazards and the usual table of losses
let losses = []; // the table as it stands in the form
let shown = null; // id of the upload whose columns stand in the form
let named = ""; // what was put in as the name: another one somebody has typed
let suggested = {}; // what was put into the form for it, by the field: what differs somebody has typed
let settings = null; // what an assessment may be told besides
let when = null; // now, or again and again

export function startOrder() {
  const form = byId("damage-order");
  if (!form) return;
  form.elements.file.addEventListener("change", ({ target }) => target.files.length && upload(target));
  form.elements.parcels.addEventListener("change", () => drawParcels(true));
  form.addEventListener("submit", order);
  settings = mountSettings(byId("damage-more"));
  when = mountWhen(byId("damage-when"), { go: byId("damage-go"), words: "damage_go" });
  on("days", fillDays);
}

/** Fill the form with what there is to choose from. */
export async function drawOrder() {
  if (!byId("damage-order")) return;
  try {
    const [kept, hazards, listed] = await Promise.all([
      ask("parcels?limit=200"), known ?? ask("assessments/hazards"), known ? null : ask("formats"),
    ]);
    uploads = kept.uploads;
    fillParcels(byId("damage-order").elements.parcels.value);
    if (known) return;
    known = hazards;
    settings.show(known.rules, listed.formats);
  } catch (problem) {
    toast(problem.message);
    return;
  }
  const choose = byId("damage-order").elements.hazard;
  choose.replaceChildren(...known.label_sets.map((one) => el("option", { value: one.name.replace(/^disaster_/, "") }, calledIn(one))));
  choose.value = "flood";
  losses = known.grades.map((one) => ({ ...one }));
  drawLosses();
  fillDays();
}

// ---- parcels ----

async function upload(input) {
  const form = byId("damage-order");
  const [file] = input.files;
  const asked = new URLSearchParams({ name: file.name });
  for (const name of COLUMNS) {
    const value = form.elements[name].value.trim();
    if (value && value !== suggested[name]) asked.set(name, value); // what was said of another file says nothing of this one
  }
  input.disabled = true;
  byId("damage-parcels").replaceChildren(el("p", { class: "quiet" }, say("loading")));
  try {
    const told = await (await sent(`parcels?${asked}`, {
      method: "POST", body: file, headers: { "content-type": "application/octet-stream" },
    })).json();
    uploads = [told, ...uploads.filter((one) => one.id !== told.id)];
    fillParcels(told.id, true);
  } catch (problem) {
    byId("damage-parcels").replaceChildren(el("p", { class: "wrong", role: "alert" }, problem.message));
  }
  input.disabled = false;
  input.value = "";
}

function fillParcels(chosen, frame = false) {
  const choose = byId("damage-order").elements.parcels;
  choose.replaceChildren(...uploads.map((one) => el("option", { value: one.id }, `${one.name} · ${counted(one.parcels, "parcels_count")}`)));
  if (uploads.some((one) => one.id === chosen)) choose.value = chosen;
  drawParcels(frame);
}

/** Say what was read of the chosen file, and what was odd about it. */
function drawParcels(frame) {
  const form = byId("damage-order");
  const one = uploads.find((each) => each.id === form.elements.parcels.value);
  const spot = byId("damage-parcels");
  if (!one) return spot.replaceChildren(el("p", { class: "quiet" }, say("parcels_first")));
  if (one.id !== shown) {
    suggested = Object.fromEntries(COLUMNS.map((name) => [name, one[name] ?? ""]));
    for (const name of COLUMNS) form.elements[name].value = suggested[name];
    if (!form.elements.name.value || form.elements.name.value === named) {
      named = one.name.replace(/\..*$/, "").replace(/[^A-Za-z0-9_.-]+/g, "-").slice(0, 64);
      form.elements.name.value = named;
    }
    shown = one.id;
  }
  const odd = one.problems.slice(0, PROBLEMS).map((each) => el("li", {}, say("problem_row", { row: each.row, what: each.what })));
  const more = one.problem_count - odd.length;
  if (more > 0) odd.push(el("li", {}, say("problems_more", { count: more })));
  spot.replaceChildren(
    el("p", {}, [counted(one.parcels, "parcels_count"), `${hectares(one.area_ha)} ha`, counted(one.policies, "policies_count")].join(" · ")),
    odd.length ? el("details", {}, el("summary", {}, counted(one.problem_count, "problems_count")), el("ul", { class: "plain" }, ...odd)) : "");
  if (frame && one.bbox) {
    const [west, south, east, north] = one.bbox;
    theMap().fitBounds([[south, west], [north, east]], { ...clear(), animate: false });
  }
  return null;
}

// ---- moments, losses ----

/** Offer the days of the collection; the first and the last stand there at first. */
function fillDays() {
  const form = byId("damage-order");
  const months = [...new Set(days.map((one) => one.day.slice(0, 7)))];
  byId("damage-days").replaceChildren(...[...months, ...days.map((one) => one.day)].map((value) => el("option", { value })));
  form.elements.before.value = days.length > 1 ? days[0].day : "";
  form.elements.after.value = days.at(-1)?.day ?? "";
}

function drawLosses() {
  const rows = losses.map((one, at) => el("tr", {},
    el("td", {}, el("input", {
      value: one.name, maxlength: 64, required: true, "aria-label": say("grade_name", { at: at + 1 }), oninput: ({ target }) => { one.name = target.value; },
    })),
    el("td", {}, el("input", {
      type: "number", min: 0, max: 100, step: "any", value: 100 * one.from_share, required: true, readonly: at === 0,
      "aria-label": say("grade_from", { at: at + 1 }), oninput: ({ target }) => { one.from_share = Number(target.value) / 100; },
    })),
    el("td", {}, lightChoice(one, at))));
  const head = ["grade", "from_percent", "light"].map((key) => el("th", { scope: "col" }, say(key)));
  byId("damage-losses").replaceChildren(el("table", { class: "losses" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)),
    el("div", { class: "row" },
      el("button", { type: "button", class: "small", onclick: () => { losses.push({ name: "", from_share: 1, light: "red" }); drawLosses(); } }, say("grade_add")),
      el("button", { type: "button", class: "small", disabled: losses.length < 2, onclick: () => { losses.pop(); drawLosses(); } }, say("grade_drop"))));
}

function lightChoice(one, at) {
  const choose = el("select", { "aria-label": say("grade_light", { at: at + 1 }), onchange: ({ target }) => { one.light = target.value; } },
    ...["green", "amber", "red"].map((light) => el("option", { value: light }, lightWords(light))));
  choose.value = one.light;
  return choose;
}

// ---- asking ----

/** What stands in the form, as the task `assess` takes it; what is empty is as usual, whatever the upload was sent with. */
function asked(fields) {
  const changed = JSON.stringify(losses) !== JSON.stringify(known?.grades);
  const kept = uploads.find((one) => one.id === fields.parcels.value);
  const more = settings.asked();
  const own = more.affected || more.sound || more.hidden;
  const { crs: parcels_crs, ...columns } = Object.fromEntries(COLUMNS.map((name) => [name, fields[name].value.trim()]));
  const given = {
    collection: query.collection, parcels: kept?.parcels_ref, name: fields.name.value.trim(),
    hazard: own ? null : fields.hazard.value, before: fields.before.value.trim(), after: fields.after.value.trim(), event: fields.event.value,
    losses: changed ? losses : null, reports: ["html", "pdf"], sheets: ["html", "pdf"], language: boot.language.slice(0, 2), ...more,
  };
  return { ...filled(given), ...columns, parcels_crs };
}

async function order(event) {
  event.preventDefault();
  const body = asked(event.target.elements);
  try {
    if (await when.schedule({ task: "assess", ...body })) {
      byId("damage-new").open = false;
      return;
    }
    const job = await ask("assessments", { method: "POST", body });
    byId("damage-new").open = false;
    toast(say("job_taken", { id: job.id.slice(-6) }), "good");
    visit("damage", { job: job.id });
  } catch (problem) {
    toast(problem.message);
  }
}
