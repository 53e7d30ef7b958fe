// One watch → what it looks for, its alerts on the map, where its cut lies and what is expected there.
// Knows no decision on an alert: the review queue does.

import { boot, byId, counted, day, el, empty, lead, say } from "./elements.js";
import { ask, enter, featuresOf, place, query, tell, visit } from "./asking.js";
import { moment } from "./jobs.js";
import { outlines } from "./outlines.js";
import { reportBox } from "./report-order.js";
import { hectares, percent, scrolled, sortable, terms } from "./tables.js";
import { openView } from "./views.js";
import { acts, factsOf, stateOf } from "./watches.js";
import { aimOf } from "./watches-form.js";
import { tellingOf } from "./watches-telling.js";

let watch = null; // as the server tells it
let alerts = []; // features: findings of the watch
let shapes = null;
let grounds = null; // area, permits and exclusions

export function startWatch() {
  grounds = outlines("watches", {
    kind: (one) => `ground-${one.id}`, tip: (one) => say(`ground_${one.id}`), press: () => {},
  });
  shapes = outlines("watches", {
    kind: ({ properties: one }) => `finding state-${one.state} ${one.flags.includes("outside-permit") ? "outside" : ""}`,
    tip: ({ properties: one }) => `${one.label} · ${hectares(one.area_ha)} ha · ${say(`finding_${one.state}`)}`,
    press: (one) => openView("findings", { source: watch.name, kind: "watch", finding: one.id }),
  });
}

export function closeWatch() {
  if (place.view === "watches" && place.at.watch) return;
  watch = null;
  shapes?.show([]);
  grounds?.show([]);
}

/** Show a watch, as it is now. */
export async function openWatch(name) {
  const spot = byId("watch");
  if (watch?.name !== name) spot.replaceChildren(el("p", { class: "quiet" }, say("loading")));
  try {
    const path = `watches/${encodeURIComponent(name)}`;
    const [told, found] = await Promise.all([ask(path), featuresOf(`${path}/findings?limit=500`)]);
    if (place.view !== "watches" || place.at.watch !== name) return;
    const first = watch?.name !== name;
    [watch, alerts] = [told, found.map(flat)];
    if (watch.collection !== query.collection && boot.collections.includes(watch.collection)) enter(watch.collection);
    draw(spot);
    if (first) lead(spot.querySelector("h2"));
    showOnMap(first);
  } catch (problem) {
    watch = null;
    spot.replaceChildren(back(), empty(say("refused"), problem.message));
  }
}

/** What the page needs of a finding, whatever else its properties are. */
const flat = (one) => ({
  ...one, properties: { flags: [], ...one.properties, area_ha: one.properties.area_ha ?? (one.properties.area_m2 ?? 0) / 1e4 },
});

const back = () => el("button", { type: "button", class: "small", onclick: () => visit("watches") }, say("all_watches"));

function draw(spot) {
  const job = el("div");
  const concept = watch.concept;
  const facts = [
    [say("watch_prompts_short"), concept.prompts.join(" · ") || "–"],
    [say("watch_negatives_short"), concept.negatives.join(" · ") || "–"],
    [say("examples"), say("examples_count", { liked: concept.liked.length, disliked: concept.disliked.length })],
    concept.saved ? [say("concept"), `@${concept.saved}`] : null,
    [say("schedule"), watch.schedule ? `${watch.schedule.cron} ${watch.schedule.timezone}` : say("when_hand")],
    [say("seen_on"), say("seen_of_dates", watch.persistence)],
    [say("deliver"), watch.deliver.join(", ") || say("deliver_none")],
  ].filter(Boolean);
  spot.replaceChildren(
    el("div", { class: "row" }, back(), el("span", { class: "grow" }), stateOf(watch)),
    el("h2", {}, watch.name),
    el("p", { class: "lead" }, sentence()),
    el("p", { class: "quiet" }, factsOf(watch).join(" · ")),
    job,
    el("div", { class: "row" }, ...acts(watch, { spot: job, done: () => openWatch(watch.name) }),
      boot.scopes.includes("jobs") ? el("button", { type: "button", onclick: () => tell("change-watch", watch) }, say("watch_edit")) : null),
    el("section", { class: "boxed", "aria-label": say("alerts") }, el("h3", {}, say("alerts")), ...alertParts()),
    tellingOf(watch),
    el("section", { class: "boxed", "aria-label": say("looks_for") }, el("h3", {}, say("looks_for")), terms(facts)),
    el("section", { class: "boxed", "aria-label": say("operating_point") }, el("h3", {}, say("operating_point")),
      el("p", {}, pointOf()), el("div", { class: "stack", id: "watch-expected", "aria-live": "polite" },
        el("button", { type: "button", onclick: expect }, say("expected_ask")),
        el("button", { type: "button", onclick: holdOut }, say("held_out_ask")))),
    boot.scopes.includes("jobs") ? el("section", { class: "boxed", "aria-label": say("report") }, el("h3", {}, say("report")),
      el("p", { class: "quiet" }, say("watch_report_say")), reportBox(ofWatch, { name: "measured", words: say("report_measured") })) : el("span"),
    watch.runs.length ? el("section", { class: "boxed", "aria-label": say("runs") }, el("h3", {}, say("runs")), runs()) : el("span"));
}

const ofWatch = () => ({ collection: watch.collection, kinds: ["watch"], sources: [watch.name] });

function sentence() {
  const waiting = watch.findings.new ?? 0;
  const outside = alerts.filter(({ properties: one }) => one.flags.includes("outside-permit") && ["new", "assigned"].includes(one.state));
  if (!alerts.length) return say(watch.last_run ? "watch_quiet" : "watch_begin");
  return [counted(waiting, "alerts_new"), outside.length ? counted(outside.length, "alerts_outside") : ""].filter(Boolean).join(", ");
}

// ---- alerts ----

function alertParts() {
  if (!alerts.length) return [el("p", { class: "quiet" }, say("no_alerts"))];
  const columns = [
    { words: say("alert"), of: (one) => one.properties.first_seen, show: alertLink },
    { words: say("area_ha"), of: (one) => one.properties.area_ha, show: (one) => hectares(one.properties.area_ha) },
    { words: say("seen_first"), of: (one) => one.properties.first_seen, show: (one) => day(one.properties.first_seen) },
    { words: say("state"), of: (one) => one.properties.state, show: (one) => say(`finding_${one.properties.state}`) },
  ];
  const sorted = [...alerts].sort((one, other) => other.properties.area_ha - one.properties.area_ha);
  return [
    el("div", { class: "row" }, el("button", {
      type: "button", class: "primary", onclick: () => openView("findings", { source: watch.name, kind: "watch" }),
    }, say("review_alerts"))),
    scrolled(say("alerts"), sortable(say("alerts"), columns, sorted, (one) => ({ "data-alert": one.id, onmouseenter: () => shapes.light(one.id) }))),
  ];
}

function alertLink(one) {
  const outside = one.properties.flags.includes("outside-permit");
  return el("span", {}, el("button", {
    type: "button", class: "link",
    onclick: () => openView("findings", { source: watch.name, kind: "watch", finding: one.id }),
  }, `${one.properties.label} ${String(one.id).slice(0, 6)}`), outside ? el("span", { class: "badge failed" }, say("outside_permit")) : null);
}

function showOnMap(first) {
  const ground = Object.entries(watch.ground).filter(([, shape]) => shape?.type)
    .map(([id, geometry]) => ({ id, geometry, properties: {} }));
  grounds.show(ground);
  shapes.show(alerts);
  if (!first) return;
  if (alerts.length) shapes.frame();
  else if (watch.ground.area) grounds.frame("area");
}

// ---- where the cut lies, what is expected there, and what was measured ----

function pointOf() {
  const [aim, share] = aimOf(watch);
  const words = { share: Number((100 * share).toFixed(2)) };
  return aim === "background_quantile" ? say("point_is_quantile", { ...words, one: Math.round(1 / (1 - share)) }) : say(`point_${aim}`, words);
}

const interval = (pair) => (pair ? ` (${percent(pair[0])} – ${percent(pair[1])})` : "");

async function asked(path, options, facts) {
  const spot = byId("watch-expected");
  const buttons = [...spot.querySelectorAll("button")];
  for (const one of buttons) one.disabled = true;
  try {
    const told = await ask(`watches/${encodeURIComponent(watch.name)}/${path}`, options);
    spot.replaceChildren(...buttons, terms(facts(told)));
  } catch (problem) {
    spot.replaceChildren(...buttons, el("p", { class: "remark" }, problem.message));
  }
  for (const one of buttons) one.disabled = false;
}

const expect = () => asked("expected", {}, ({ confirmed, rejected, missed, background, seed_quantile: below, expected: by }) => [
  [say("answers"), say("answers_count", { confirmed, rejected, missed: missed.length })],
  [say("background_cells"), say("below_cut", { cells: background, share: percent(below, 2) })],
  [say("expected_precision"), by ? `${percent(by.precision)}${interval(by.precision_95)}` : say("too_few_answers")],
  [say("expected_recall"), by ? `${percent(by.recall)}${interval(by.recall_95)}` : say("too_few_answers")],
]);

const holdOut = () => asked("held-out", { method: "POST", body: { truth: null, day: null } }, (told) => [
  [say("sensitivity"), `${percent(told.sensitivity)}${interval(told.sensitivity_95)}`],
  [say("specificity"), `${percent(told.specificity, 1)}${interval(told.specificity_95)}`],
  [say("alerts_per_area"), told.alerts_per_1000_km2 === null ? "–" : hectares(told.alerts_per_1000_km2)],
]);

function runs() {
  const columns = [
    { words: say("run_at"), of: (one) => one.at, show: (one) => moment(one.at) },
    { words: say("new_scenes"), of: (one) => one.new_scenes },
    { words: say("dates"), of: (one) => one.days.length, show: (one) => one.days.join(", ") || "–" },
    { words: say("alerts"), of: (one) => one.alerts.length },
    { words: say("seen_again"), of: (one) => one.seen_again.length },
  ];
  return scrolled(say("runs"), sortable(say("runs"), columns, watch.runs));
}
