// What a person orders → a job, or a schedule that asks for it again and again.
// Knows what each task must be told at least; everything else has the server's own defaults.

import { allowed, boot, byId, el, empty, iconButton, NAME, say, toast } from "./elements.js";
import { ask, on, query, tell } from "./asking.js";
import { jobTitle, moment } from "./jobs.js";
import { mountSource } from "./source.js";
import { mountWhen } from "./when.js";

const TASKS = ["index", "classify", "export", "reembed", "verify", "repair", "compact", "tune"];
const SCOPES = { classify: "classify", export: "search" };
const TABLES = ["csv", "geoparquet", "geojson"];

let when = null; // now, or again and again
let source = null; // where scenes come from; null: the task that is chosen asks for none

export function startOrdering() {
  const form = byId("order");
  if (!form) return;
  form.elements.task.replaceChildren(...TASKS.filter((task) => allowed(SCOPES[task] ?? "jobs")).map((task) =>
    el("option", { value: task }, say(`do_${task}`))));
  form.elements.task.addEventListener("change", drawFields);
  form.addEventListener("submit", order);
  when = mountWhen(byId("order-when"), { go: byId("order-go") });
  drawFields();
  on("schedules", showSchedules);
  on("viewed", (name) => name === "jobs" && showSchedules());
  on("collection", drawFields);
}

// ---- what the task must be told ----

const FIELDS = {
  index: () => [scenes(), into()],
  classify: () => [folder(), labels(), select("format", "format", TABLES)],
  export: () => [collections(), select("format", "format", ["geojson", "gpkg", "csv", "geoparquet"])],
};

function drawFields() {
  const task = byId("order").elements.task.value;
  source = null;
  byId("order-fields").replaceChildren(...(FIELDS[task]?.() ?? [collections()]));
}

const folder = () => el("label", {}, say("folder"), el("input", {
  name: "folder", required: true, maxlength: 1000, autocomplete: "off", spellcheck: "false", placeholder: "2025/june",
}));

function scenes() {
  const spot = el("div", { class: "stack" });
  source = mountSource(spot);
  return spot;
}

const into = () => el("label", {}, say("into"), el("input", {
  name: "collection", required: true, maxlength: 64, autocomplete: "off", spellcheck: "false", pattern: NAME,
  title: say("name_rule"), value: query.collection ?? "",
}));

const labels = () => el("label", {}, say("labels"), el("textarea", {
  name: "labels", rows: 5, required: true, spellcheck: "false",
}, say("labels_default")));

function select(name, words, values, chosen = values[0]) {
  const made = el("select", { name, required: true }, ...values.map((one) => el("option", { value: one }, one)));
  if (chosen) made.value = chosen;
  return el("label", {}, say(words), made);
}

const collections = () => select("collection", "collection", boot.collections, query.collection);

// ---- asking ----

async function order(event) {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(event.target));
  const { when: _when, schedule, cron, timezone, priority, ...rest } = given;
  const named = Object.entries(rest).filter(([name]) => !name.startsWith("stac_"));
  const job = { ...Object.fromEntries(named), ...source?.asked(query.area) };
  if (job.labels !== undefined) job.labels = job.labels.split("\n").map((one) => one.trim()).filter(Boolean);
  const terms = { priority: Number(priority) };
  try {
    if (!(await when.schedule(job, terms))) {
      const taken = await ask("jobs", { method: "POST", body: { ...job, ...terms } });
      toast(say("job_taken", { id: taken.id.slice(-6) }), "good");
    }
    byId("order-box").open = false;
    tell("jobs");
  } catch (problem) {
    toast(problem.message);
  }
}

// ---- schedules ----

async function showSchedules() {
  try {
    const { schedules } = await ask("schedules");
    byId("schedules").replaceChildren(...schedules.map(box));
    byId("scheduled").hidden = !schedules.length;
  } catch (problem) {
    byId("scheduled").hidden = false;
    byId("schedules").replaceChildren(empty(say("refused"), problem.message));
  }
}

function box(one) {
  const next = one.next.length ? say("next_at", { moment: moment(one.next[0]) }) : null;
  const last = one.last ? say("last_at", { moment: moment(one.last) }) : null;
  return el("article", { class: "boxed", "data-schedule": one.name },
    el("div", { class: "row" }, el("h3", {}, one.name), el("span", { class: "grow" }),
      iconButton("close", say("remove", { what: one.name }), () => remove(one.name))),
    el("p", { class: "quiet" }, [jobTitle(one), next, last].filter(Boolean).join(" · ")),
    el("p", { class: "quiet" }, el("code", {}, one.cron), ` ${one.timezone}`));
}

async function remove(name) {
  try {
    await ask(`schedules/${encodeURIComponent(name)}`, { method: "DELETE" });
  } catch (problem) {
    toast(problem.message);
  }
  showSchedules();
}
