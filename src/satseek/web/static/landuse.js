// Runs of land use on this server → a list, a way to ask for another, and the one that is open.
// Knows no map: one run stands in landuse-one.js.

import { boot, byId, counted, el, empty, lead, say, toast } from "./elements.js";
import { ask, on, place, query, visit } from "./asking.js";
import { follow, moment } from "./jobs.js";
import { closeRun, openRun, startRun } from "./landuse-one.js";
import { calledIn, hectares, swatch, terms } from "./tables.js";
import { days } from "./timeline.js";

const OWN = "own";

let sets = null; // label sets that cover land, as the server ships them
let stop = () => {}; // ends following a job
let opened; // the one that is open, or was last

export function startLanduse() {
  startRun();
  on("viewed", (name) => {
    stop();
    if (name === "landuse") show();
    else closeRun();
  });
  const form = byId("landuse-order");
  if (!form) return;
  form.addEventListener("submit", order);
  form.elements.labels.addEventListener("change", drawLabels);
  on("query", drawGround);
  on("days", drawGround);
}

async function show() {
  const { run, job } = place.at;
  const left = opened;
  opened = run;
  byId("landuse-all").hidden = Boolean(run);
  byId("landuse-run").hidden = !run;
  if (run) return openRun(run);
  closeRun();
  byId("landuse-job").replaceChildren();
  if (job) stop = follow(job, byId("landuse-job"), ended);
  drawGround();
  await Promise.all([list(), fillSets()]);
  if (left) lead(byId("landuse-runs").querySelector(`[data-run="${CSS.escape(left)}"] button`));
  return null;
}

/** Open what a job has made; what went wrong stands in its box. */
function ended(job) {
  if (place.view !== "landuse" || place.at.job !== job.id) return;
  if (job.state === "done" && job.result?.name) visit("landuse", { run: job.result.name });
  else list();
}

// ---- the list ----

async function list() {
  try {
    const { runs } = await ask("landuse?limit=200");
    byId("landuse-runs").replaceChildren(...(runs.length ? runs.map(box)
      : [empty(say("no_runs"), say("no_runs_say"), el("code", {}, "satseek landuse FOLDER"))]));
  } catch (problem) {
    byId("landuse-runs").replaceChildren(empty(say("refused"), problem.message));
  }
}

function box(one) {
  const dates = [...new Set([one.dates[0], one.dates.at(-1)])].filter(Boolean).join(" – ");
  const total = one.changes ? `${counted(one.changes, "changes")}, ${hectares(one.changes_ha)} ha` : say("changes_none");
  return el("article", { class: "boxed", "data-run": one.name },
    el("div", { class: "row" }, el("h3", {}, one.name), el("span", { class: "grow" }),
      el("button", { type: "button", onclick: () => visit("landuse", { run: one.name }) }, say("open"))),
    el("p", {}, total),
    el("p", { class: "quiet" }, [one.collection, dates, say("run_made", { moment: moment(one.made_at) })].filter(Boolean).join(" · ")));
}

// ---- asking for a run ----

async function fillSets() {
  const choose = byId("landuse-order")?.elements.labels;
  if (!choose || sets) return;
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
  byId("landuse-ground").replaceChildren(terms([
    [say("collection"), query.collection ?? "–"],
    [say("area"), say(query.area ? "area_drawn" : "area_all")],
    [say("dates"), dates.length ? [...new Set(dates)].join(" – ") : say("no_date")],
  ]));
}

async function order(event) {
  event.preventDefault();
  const fields = event.target.elements;
  const own = fields.labels.value === OWN;
  const lines = fields.own.value.split("\n").map((one) => one.trim()).filter(Boolean);
  const given = {
    collection: query.collection, name: fields.name.value.trim(), by: fields.by.value,
    area: query.area, start: query.start, end: query.end,
    ...(own ? { own: lines } : { labels: fields.labels.value }),
    persist: Number(fields.persist.value), least_ha: Number(fields.least_ha.value),
    reports: ["html", "pdf"], language: boot.language.slice(0, 2),
  };
  const body = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== ""));
  try {
    const job = await ask("landuse", { method: "POST", body });
    byId("landuse-new").open = false;
    toast(say("job_taken", { id: job.id.slice(-6) }), "good");
    visit("landuse", { job: job.id });
  } catch (problem) {
    toast(problem.message);
  }
}
