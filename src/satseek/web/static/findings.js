// Findings of this server → a queue that people work through: list, filters, map and how many wait.
// Knows no decision: what is done with one that is open stands in findings-one.js.

import { boot, byId, counted, el, empty, number, say, toast } from "./elements.js";
import { ask, enter, on, place, query, tell, visit } from "./asking.js";
import { closeFinding, openFinding } from "./findings-one.js";
import { flagBadges, lineOf, scoresOf, stateBadge, titleOf } from "./findings-telling.js";
import { me, signed, startMe } from "./me.js";
import { outlines } from "./outlines.js";
import { reportBox } from "./report-order.js";

const PAGE = 50;
const COUNT_MS = 15_000;
const STATES = ["new", "assigned", "confirmed", "rejected", "closed"];
const GROUPS = { waiting: ["new", "assigned"], ...Object.fromEntries(STATES.map((one) => [one, [one]])), all: [] };
const FIELDS = ["kind", "source", "label", "whose", "of", "from", "until"];

let shown = []; // findings, in the order of the list
let next = null; // where the next page begins
let asked = ""; // what the list answers
let shapes = null;

export function startFindings() {
  if (!byId("findings")) return;
  shapes = outlines("findings", {
    kind: (one) => `finding state-${one.properties.state}`,
    tip: (one) => `${one.properties.label} · ${say(`finding_${one.properties.state}`)}`,
    press: (one) => visit("findings", { ...place.at, finding: one.id }),
  });
  startMe("findings-me", () => place.view === "findings" && show());
  drawFilters();
  byId("findings-next")?.addEventListener("click", () => tell("next-finding"));
  byId("findings-export").addEventListener("click", exportThem);
  byId("findings-report")?.append(reportBox(reported));
  on("viewed", (name) => (name === "findings" ? show() : closeFinding()));
  on("next-finding", takeNext);
  on("found-one", (one) => replace(one));
  on("collection", drawFilters);
  on("days", () => place.view === "findings" && shapes.frame(place.at.finding || null)); // a collection was entered
  countNew();
  setInterval(() => document.hidden || countNew(), COUNT_MS);
}

/** How many are new, on the button of the view: for everybody who may look. */
async function countNew() {
  try {
    const { counts } = await ask("findings/counts");
    const badge = byId("findings-new");
    badge.textContent = counts.new > 99 ? "99+" : String(counts.new);
    badge.hidden = !counts.new;
    badge.title = counted(counts.new, "findings_new");
  } catch {
    byId("findings-new").hidden = true; // an old number would be a wrong one
  }
}

// ---- what the address asks for ----

const group = () => (place.at.state in GROUPS ? place.at.state : "waiting");

/** The filter as the server takes it, with these states. */
export function filterOf(at, states) {
  const given = new URLSearchParams(states.map((one) => ["state", one]));
  const put = (name, value) => value && given.append(name, value);
  put("kind", at.kind);
  put("source", at.source);
  put("label", at.label);
  put("collection", at.of);
  put("start", at.from);
  put("end", at.until);
  if (at.whose) given.append("assignee", at.whose === "mine" ? me() : "");
  return given;
}

/** Among which the next one is looked for. */
const queueOf = (at) => Object.fromEntries(Object.entries({
  kinds: [at.kind], sources: [at.source], labels: [at.label], collections: [at.of], start: at.from, end: at.until,
}).filter(([, value]) => [value].flat()[0]));

async function show() {
  const one = place.at.finding;
  byId("findings-queue").hidden = Boolean(one);
  byId("finding").hidden = !one;
  fillFilters();
  if (boot.collections.includes(place.at.of)) enter(place.at.of);
  const wanted = JSON.stringify([group(), ...filterOf(place.at, [])]);
  if (wanted !== asked || !one) await list(wanted);
  shapes.light(one ?? null);
  if (one) await openFinding(one, { ids: shown.map((each) => each.id), shapes });
  else closeFinding();
}

async function list(wanted) {
  asked = wanted;
  byId("findings").setAttribute("aria-busy", "true");
  try {
    const [counts] = await Promise.all([ask(`findings/counts?${filterOf(place.at, [])}`), page("")]);
    drawStates(counts.counts);
  } catch (problem) {
    shown = [];
    asked = "";
    byId("findings").replaceChildren(el("li", {}, empty(say("refused"), problem.message)));
  }
  byId("findings").removeAttribute("aria-busy");
}

/** Ask for a page of the list; the first one replaces what stands there. */
async function page(cursor) {
  const given = filterOf(place.at, GROUPS[group()]);
  for (const [name, value] of Object.entries({ order: "urgent", limit: PAGE, cursor })) if (value) given.set(name, value);
  const told = await ask(`findings?${given}`);
  const first = !cursor;
  shown = first ? told.findings : [...shown, ...told.findings];
  next = new URLSearchParams((told.next ?? "").split("?")[1]).get("cursor");
  draw();
  shapes.show(shown.map(featureOf));
  if (first && !place.at.finding) shapes.frame();
}

const featureOf = (one) => ({
  id: one.id, geometry: one.footprint, properties: { state: one.state, label: titleOf(one) },
});

// ---- the list ----

function draw() {
  const rows = shown.map(row);
  if (!rows.length) rows.push(el("li", {}, nothing()));
  if (next) rows.push(el("li", {}, el("button", { type: "button", class: "more", onclick: more }, say("more"))));
  byId("findings").replaceChildren(...rows);
  byId("findings-export").disabled = !shown.length;
}

const more = () => page(next).catch((problem) => toast(problem.message));

function row(one) {
  return el("li", { class: "boxed finding", "data-finding": one.id, "data-state": one.state },
    el("div", { class: "row" },
      el("button", { type: "button", class: "link name", onclick: () => visit("findings", { ...place.at, finding: one.id }) }, titleOf(one)),
      el("span", { class: "grow" }), el("span", { class: "row badges" }, ...flagBadges(one), stateBadge(one))),
    el("p", { class: "quiet" }, lineOf(one)), scoresOf(one));
}

const nothing = () => (Object.values(place.at).some(Boolean)
  ? empty(say("findings_none"), say("findings_none_filtered"),
    el("button", { type: "button", onclick: () => visit("findings", { state: "all" }) }, say("findings_all")))
  : empty(say("findings_none"), say("findings_none_say")));

/** Put what has become of one into the list and onto the map. */
function replace(one) {
  const at = shown.findIndex((each) => each.id === one.id);
  if (at < 0) {
    countNew();
    return;
  }
  if (shown[at].state !== one.state) countNew();
  shown[at] = { ...shown[at], ...one };
  draw();
  shapes.show(shown.map(featureOf));
  shapes.light(place.at.finding ?? null);
}

/** Take what waits the longest or is the most urgent: it is assigned by that, to nobody else. */
async function takeNext() {
  try {
    const one = await ask("findings/next", { method: "POST", body: signed(queueOf(place.at)) });
    if (!one) {
      toast(say("findings_done"), "good");
      visit("findings", { ...place.at, finding: "" });
      return;
    }
    visit("findings", { ...place.at, finding: one.id });
  } catch (problem) {
    toast(problem.message);
  }
}

// ---- filters ----

function drawStates(counts) {
  const total = (states) => (states.length ? states : STATES).reduce((sum, one) => sum + (counts[one] ?? 0), 0);
  byId("findings-states").replaceChildren(...Object.entries(GROUPS).map(([name, states]) => el("button", {
    type: "button", class: "small", "data-state": name, "aria-pressed": String(name === group()),
    onclick: () => visit("findings", { ...place.at, state: name === "waiting" ? "" : name, finding: "" }),
  }, say(`finding_${name}`), el("span", { class: "count" }, number(total(states))))));
}

function drawFilters() {
  const form = byId("findings-filter");
  form.elements.of.replaceChildren(el("option", { value: "" }, say("all_collections")),
    ...boot.collections.map((name) => el("option", { value: name }, name)));
  form.elements.of.parentElement.hidden = boot.collections.length < 2;
  form.onchange = () => {
    const given = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value.trim()]));
    visit("findings", { ...place.at, ...given, finding: "" });
  };
  form.onsubmit = (event) => event.preventDefault();
}

function fillFilters() {
  const form = byId("findings-filter");
  for (const name of FIELDS) form.elements[name].value = place.at[name] ?? "";
  const labels = [...new Set(shown.map((one) => one.label))].sort();
  const sources = [...new Set(shown.map((one) => one.source))].sort();
  byId("findings-labels").replaceChildren(...labels.map((value) => el("option", { value })));
  byId("findings-sources").replaceChildren(...sources.map((value) => el("option", { value })));
  const used = FIELDS.filter((name) => place.at[name]).length;
  byId("findings-used").textContent = used ? String(used) : "";
  if (used) byId("findings-filters").open = true;
}

/** What stands in the list, of one collection, as the task `report` takes it. */
function reported() {
  const { at } = place;
  const given = {
    collection: at.of || query.collection, kinds: [at.kind], sources: [at.source], labels: [at.label],
    states: GROUPS[group()], start: at.from, end: at.until,
  };
  const body = Object.fromEntries(Object.entries(given).filter(([, value]) => [value].flat()[0]));
  return at.whose ? { ...body, assignee: at.whose === "mine" ? me() : "" } : body;
}

function exportThem() {
  tell("download", {
    title: say("findings_export"), words: say("findings_export_say"), name: "findings",
    path: (terms) => [`findings/export?${new URLSearchParams([...filterOf(place.at, GROUPS[group()]), ...terms])}`, {}],
  });
}
