// One assessment → its parcels as traffic lights on the map and in a table, sums, visits and files.
// Knows no picture: one parcel stands in damage-parcel.js.

import { boot, byId, counted, el, empty, lead, number, say, toast } from "./elements.js";
import { ask, enter, featuresOf, place, query, visit } from "./asking.js";
import { gradeWords, hazardWords, lightBadge, LIGHTS, lightSign, lightWords, nameOf } from "./damage-lights.js";
import { drawParcel } from "./damage-parcel.js";
import { moment } from "./jobs.js";
import { outlines } from "./outlines.js";
import { fileList, hectares, percent, scrolled, sortable, sureButton } from "./tables.js";

const LISTED = 500; // more rows than that are the work of the table's file

let assessment = null; // as the server tells it
let parcels = []; // features, in the order in which people work through them
let shapes = null;

export function startAssessment() {
  shapes = outlines("damage", {
    kind: ({ properties: one }) => `parcel ${nameOf(one.light)}`,
    tip: ({ id, properties: one }) => `${id} · ${lightWords(one.light)} · ${percent(one.affected_share)}`,
    press: (one) => visit("damage", { ...place.at, parcel: one.id }),
  });
}

export function closeAssessment() {
  if (place.view === "damage" && place.at.assessment) return;
  assessment = null;
  shapes?.show([]);
}

const pathOf = (name, more = "") => `assessments/${encodeURIComponent(name)}${more}`;

/** Show an assessment; what is open of it already is not drawn again. */
export async function openAssessment(name) {
  const spot = byId("assessment");
  try {
    if (assessment?.name !== name) {
      spot.replaceChildren(el("p", { class: "quiet" }, say("loading")));
      const [told, found] = await Promise.all([ask(pathOf(name)), featuresOf(pathOf(name, "/parcels?limit=1000"))]);
      if (place.view !== "damage" || place.at.assessment !== name) return;
      // a policy has a sheet where not all of it is green
      const claims = new Set(found.filter((one) => one.properties.light !== "green").map((one) => one.properties.policy));
      assessment = { ...told, claims };
      parcels = found.sort((one, other) => ranked(one) - ranked(other)
        || (other.properties.affected_ha ?? 0) - (one.properties.affected_ha ?? 0));
      if (told.collection !== query.collection && boot.collections.includes(told.collection)) enter(told.collection);
      draw(spot);
      lead(spot.querySelector("h2"));
      shapes.show(parcels);
      shapes.frame();
    }
  } catch (problem) {
    assessment = null;
    spot.replaceChildren(back(), empty(say("refused"), problem.message));
    return;
  }
  openParts(place.at);
}

const ranked = (one) => LIGHTS.indexOf(one.properties.light);
const back = () => el("button", { type: "button", class: "small", onclick: () => visit("damage") }, say("all_assessments"));

function draw(spot) {
  const report = assessment.files.find((one) => one.media_type === "text/html" && one.name.startsWith("report"));
  const remove = async () => {
    try {
      await ask(pathOf(assessment.name), { method: "DELETE" });
      visit("damage");
    } catch (problem) {
      toast(problem.message);
    }
  };
  const seen = say(assessment.mode === "mono" ? "mode_mono" : "mode_paired");
  spot.replaceChildren(
    el("div", { class: "row" }, back(), el("span", { class: "grow" }),
      boot.scopes.includes("jobs") ? sureButton(say("remove_run"), say("remove_sure"), remove) : null),
    el("h2", {}, assessment.name),
    el("p", { class: "lead" }, say("affected_of", {
      ha: hectares(assessment.affected_ha), share: percent(assessment.affected_share), parcels: counted(assessment.parcels, "parcels_count"),
    })),
    el("p", { class: "quiet" }, [hazardWords(assessment.hazard), assessment.event, seen, assessment.collection, assessment.model,
      say("run_made", { moment: moment(assessment.made_at) }), assessment.operator].filter(Boolean).join(" · ")),
    report ? el("a", { href: report.path, target: "_blank", rel: "noopener" }, say("open_report")) : "",
    el("div", { class: "choices", id: "damage-lights", role: "group", "aria-label": say("light") }),
    el("div", { class: "stack", id: "parcel", "aria-live": "polite" }),
    el("section", { class: "stack", id: "parcels", "aria-label": say("parcels") }),
    foldable("tables/districts", "by_village", sums("district")), foldable("tables/policies", "by_policy", sums("policy")),
    foldable("visits", "survey_list", visits), foldable("tables/problems", "problems_of_file", problems),
    el("section", { class: "boxed", "aria-label": say("files") }, el("h3", {}, say("files")), fileList(assessment.files)));
}

/** Show what the address names: a light, a parcel. */
function openParts({ light = "", parcel = "" }) {
  const wanted = light ? parcels.filter((one) => one.properties.light === light) : parcels;
  drawLights(light);
  drawTable(wanted, parcel);
  const open = parcels.find((one) => String(one.id) === parcel);
  drawParcel(byId("parcel"), open, { assessment, beside: (step) => besides(wanted, parcel, step) });
  shapes.show(wanted);
  shapes.light(open?.id ?? null);
  if (open) shapes.frame(open.id);
}

function besides(wanted, parcel, step) {
  const at = wanted.findIndex((one) => String(one.id) === parcel);
  return wanted[at + step]?.id;
}

// ---- lights: counts, and a way to see one alone ----

function drawLights(chosen) {
  const focused = document.activeElement?.dataset?.light;
  const button = (light, words) => el("button", {
    type: "button", class: "small", "data-light": light, "aria-pressed": String(light === chosen),
    onclick: () => visit("damage", { ...place.at, light, parcel: "" }),
  }, ...words);
  byId("damage-lights").replaceChildren(
    button("", [say("all_lights"), el("span", { class: "count" }, number(assessment.parcels))]),
    ...LIGHTS.map((light) => button(light, [
      el("span", { class: `light ${nameOf(light)}`, "aria-hidden": "true" }, lightSign(light).textContent), lightWords(light),
      el("span", { class: "count" }, number(assessment.lights[light] ?? 0))])));
  if (focused !== undefined) byId("damage-lights").querySelector(`[data-light="${CSS.escape(focused)}"]`)?.focus();
}

// ---- the table of parcels ----

function drawTable(wanted, open) {
  const grades = assessment.grades.map((one) => one.name);
  const columns = [
    { words: say("parcel"), of: (one) => String(one.id), show: (one) => el("button", {
      type: "button", class: "link", "data-parcel": one.id, onclick: () => visit("damage", { ...place.at, parcel: one.id }),
    }, String(one.id)) },
    { words: say("light"), of: (one) => -ranked(one), show: (one) => lightSign(one.properties.light) },
    { words: say("grade"), of: (one) => (one.properties.grade ? grades.indexOf(one.properties.grade) : null), show: (one) => gradeWords(one.properties.grade) },
    { words: say("affected_share"), of: (one) => one.properties.affected_share ?? null, show: (one) => percent(one.properties.affected_share) },
    { words: say("affected_ha"), of: (one) => one.properties.affected_ha ?? null, show: (one) => hectares(one.properties.affected_ha) },
    { words: say("crop"), of: (one) => one.properties.crop || null, show: (one) => one.properties.crop || "–" },
    { words: say("policy"), of: (one) => one.properties.policy || null, show: (one) => one.properties.policy || "–" },
  ];
  const table = sortable(say("parcels"), columns, wanted.slice(0, LISTED), (one) => ({
    "aria-selected": null, class: String(one.id) === open ? "open" : "", onmouseenter: () => open || shapes.light(one.id),
  }));
  byId("parcels").replaceChildren(el("h3", {}, say("parcels")), scrolled(say("parcels"), table),
    wanted.length > LISTED ? el("p", { class: "quiet" }, say("listed_first", { count: LISTED })) : "");
}

// ---- sums, visits and oddities: asked for once somebody opens them ----

function foldable(route, title, tableOf) {
  const spot = el("div", {}, el("p", { class: "quiet" }, say("loading")));
  const made = el("details", { class: "boxed", "data-table": route }, el("summary", {}, say(title)), spot);
  let read = false;
  made.addEventListener("toggle", async () => {
    if (!made.open || read) return;
    try {
      const told = await ask(pathOf(assessment.name, `/${route}?limit=${LISTED}`));
      const rows = told.rows ?? told.features.map((one) => ({ parcel: one.id, ...one.properties }));
      read = true;
      spot.replaceChildren(rows.length ? scrolled(say(title), tableOf(rows, say(title))) : el("p", { class: "quiet" }, say("none")));
    } catch (problem) {
      spot.replaceChildren(el("p", { class: "wrong" }, problem.message));
    }
  });
  return made;
}

const sums = (by) => (rows, title) => sortable(title, [
  { words: say(by), of: (one) => one[by] || null, show: (one) => one[by] || say("not_told") },
  { words: say("parcels"), of: (one) => one.parcels },
  ...LIGHTS.map((light) => ({ words: lightWords(light), of: (one) => one[light.replace(" ", "_")] })),
  { words: say("affected_ha"), of: (one) => one.affected_ha, show: (one) => hectares(one.affected_ha) },
  { words: say("affected_share"), of: (one) => one.affected_share ?? null, show: (one) => percent(one.affected_share) },
], rows);

const visits = (rows, title) => sortable(title, [
  { words: say("visit_order"), of: (one) => one.visit },
  { words: say("parcel"), of: (one) => one.parcel, show: (one) => el("button", {
    type: "button", class: "link", onclick: () => visit("damage", { ...place.at, light: "", parcel: one.parcel }),
  }, one.parcel) },
  { words: say("light"), of: (one) => -LIGHTS.indexOf(one.light), show: (one) => lightBadge(one.light) },
  { words: say("visit_why"), of: (one) => say(`visit_${nameOf(one.light)}`) },
  { words: say("policy"), of: (one) => one.policy || null },
  { words: say("district"), of: (one) => one.district || null },
], rows);

const problems = (rows, title) => sortable(title, [
  { words: say("row"), of: (one) => one.row },
  { words: say("parcel"), of: (one) => one.parcel || null },
  { words: say("problem_kind"), of: (one) => one.kind },
  { words: say("problem_what"), of: (one) => one.what },
], rows);
