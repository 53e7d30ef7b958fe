// What a person asks a watch to look for, where and when → a watch on the server.
// Knows no map: the ground is the area that is drawn there.

import { byId, el, icon, number, say, toast } from "./elements.js";
import { ask, collectionPath, on, query, thumbnail, visit } from "./asking.js";
import { readArea } from "./question.js";
import { terms } from "./tables.js";
import { mountSource } from "./source.js";
import { mountChannels } from "./watches-telling.js";
import { mountWhen } from "./when.js";

const USUAL = { background_quantile: 99.5, precision: 80, recall: 90 };
const GROW = 0.97; // as the server has it where nothing is said: watch.GROW_QUANTILE
const TOKEN_PX = 64;
const GROUND_KM2 = 1000; // what alerts are told by

let polygons = { permits: null, exclusions: null }; // as read from files, or as the watch has them
let former = null; // the watch that is being changed; null: a new one
let begun = false; // whether the form holds a new watch
let when = null; // by the clock, or by somebody's hand
let source = null; // where new scenes come from
let channels = null; // who is told
let cellM2 = null; // ground of one chip of the collection; null: not known

export function startForm() {
  const form = byId("watch-form");
  if (!form) return;
  form.addEventListener("submit", save);
  when = mountWhen(byId("watch-when"), { first: "hand", named: false });
  source = mountSource(byId("watch-source"), { words: "watch_folder", required: false });
  channels = mountChannels(byId("watch-channels"));
  form.elements.aim.addEventListener("change", () => { form.elements.value.value = USUAL[form.elements.aim.value]; drawPoint(); });
  form.elements.value.addEventListener("input", drawPoint);
  for (const name of ["permits", "exclusions"]) form.elements[name].addEventListener("change", ({ target }) => read(name, target));
  byId("watch-new").addEventListener("toggle", turn);
  on("query", () => { drawGround(); drawExamples(); });
  on("collection", () => { cellM2 = null; });
  on("change-watch", fillIn);
}

/** Begin anew where nothing was begun; a change that is folded away is given up, a new watch waits. */
function turn() {
  if (byId("watch-new").open) {
    if (!former && !begun) begin();
    return;
  }
  former = null;
  if (!begun) byId("watch-new-title").textContent = say("watch_new");
}

/** Begin with an empty form, and what the gallery and the map show. */
function begin() {
  const form = byId("watch-form");
  begun = true;
  polygons = { permits: null, exclusions: null };
  form.reset();
  form.elements.name.readOnly = false;
  form.elements.prompts.value = query.text;
  draw();
}

/** Change a watch that is there: every version of it is kept. */
function fillIn(watch) {
  const form = byId("watch-form");
  visit("watches");
  former = watch;
  begun = false;
  polygons = { permits: watch.ground.permits, exclusions: watch.ground.exclusions };
  form.reset();
  const given = {
    name: watch.name, label: watch.concept.label, prompts: watch.concept.prompts.join("\n"),
    negatives: watch.concept.negatives.join("\n"), aim: aimOf(watch)[0],
    seen: watch.persistence.seen, of: watch.persistence.of, least_area_ha: watch.least_area_ha, existing: watch.existing,
  };
  for (const [name, value] of Object.entries(given)) form.elements[name].value = value;
  form.elements.name.readOnly = true;
  form.elements.value.value = Number((100 * aimOf(watch)[1]).toFixed(2));
  draw();
  when.show(watch.schedule);
  byId("watch-new").open = true;
  form.elements.label.focus();
}

/** The operating point of a watch: its aim, and the share that it holds to. */
export const aimOf = (watch) => Object.entries(watch.operating_point).find(([name, value]) => name in USUAL && value !== null);

function draw() {
  byId("watch-wrong").textContent = "";
  byId("watch-go").textContent = say(former ? "watch_change" : "watch_go");
  byId("watch-new-title").textContent = former ? say("watch_changing", { name: former.name }) : say("watch_new");
  const form = byId("watch-form");
  if (!former) form.elements.value.value = USUAL[form.elements.aim.value];
  when.draw();
  source.show(former?.scenes ?? null);
  channels.show(former?.deliver ?? []);
  drawGround();
  drawExamples();
  drawPolygons();
  drawPoint();
}

// ---- where, and by which examples ----

function drawGround() {
  const kept = former?.ground.area && !query.area;
  byId("watch-ground").replaceChildren(terms([
    [say("collection"), former?.collection ?? query.collection ?? "–"],
    [say("area"), say(query.area ? "area_drawn" : kept ? "area_kept" : "area_all")],
  ]));
}

/** Chips that were liked or disliked in the search: examples of what it is, and what it is not. */
function drawExamples() {
  const kinds = [["liked", "like_this"], ["disliked", "not_this"]];
  const pictures = kinds.flatMap(([kind, words]) => query[kind].map((chip) =>
    el("span", { class: `exemplar ${kind === "disliked" ? "not" : ""}` },
      el("img", { src: thumbnail(chip, TOKEN_PX), alt: "" }), el("span", {}, say(words)))));
  const saved = former?.concept.saved || query.concept;
  if (saved) pictures.unshift(el("span", { class: "exemplar" }, icon("saved"), el("span", {}, `@${saved}`)));
  byId("watch-examples").replaceChildren(
    el("p", { class: "quiet" }, say(pictures.length ? "examples_say" : "examples_none")),
    el("div", { class: "tokens" }, ...pictures));
}

async function read(name, input) {
  const [file] = input.files;
  if (!file) return;
  const shape = readArea(await file.text());
  if (shape) {
    polygons[name] = shape;
  } else {
    toast(say("area_wrong"));
    input.value = "";
  }
  drawPolygons();
}

function drawPolygons() {
  const count = (shape) => (shape ? (shape.type === "Polygon" ? 1 : shape.coordinates.length) : 0);
  byId("watch-polygons").textContent = say("polygons_read", {
    permits: number(count(polygons.permits)), exclusions: number(count(polygons.exclusions)),
  });
}

// ---- the operating point, in words ----

async function drawPoint() {
  const { aim, value } = byId("watch-form").elements;
  byId("watch-value-label").textContent = say(`value_${aim.value}`);
  const share = Number(value.value) / 100;
  if (!(share > 0 && share < 1)) return;
  if (aim.value !== "background_quantile") {
    byId("watch-point").textContent = say(`point_${aim.value}`, { share: Number(value.value) });
    return;
  }
  const cells = await cellsPerGround();
  const needed = Math.ceil(1 / (1 - share) - 1e-9);
  byId("watch-point").textContent = [
    say("point_quantile", { one: number(Math.round(1 / (1 - share))), needed: number(needed) }),
    cells && say("point_alerts", { cells: number(Math.round(cells)), seeds: number(Math.round(cells * (1 - share))), km2: number(GROUND_KM2) }),
  ].filter(Boolean).join(" ");
}

/** Chips of the collection that cover 1,000 km²; null where it is not known how large they are. */
async function cellsPerGround() {
  const name = query.collection;
  if (cellM2 === null && name) {
    try {
      const { chips } = await ask(`${collectionPath(name)}/chips?limit=1`);
      cellM2 = chips.length ? groundOf(chips[0].footprint) : 0;
    } catch {
      cellM2 = 0; // told by nobody: the words do without it
    }
  }
  return cellM2 ? (GROUND_KM2 * 1e6) / cellM2 : null;
}

const DEGREE_M = 111_320; // along a meridian, and along the equator

function groundOf(geometry) {
  const ring = geometry?.coordinates?.[0] ?? [];
  if (ring.length < 4) return 0;
  const latitude = ring.reduce((sum, [, y]) => sum + y, 0) / ring.length;
  let twice = 0;
  for (let at = 0; at < ring.length - 1; at += 1) twice += ring[at][0] * ring[at + 1][1] - ring[at + 1][0] * ring[at][1];
  return Math.abs(twice / 2) * DEGREE_M ** 2 * Math.cos((latitude * Math.PI) / 180);
}

// ---- saving ----

const lines = (text) => text.split("\n").map((one) => one.trim()).filter(Boolean);

function asked(fields) {
  const named = (chips) => chips.map((chip) => `${query.collection}/${chip}`);
  const both = (kept, chips) => [...new Set([...(kept ?? []), ...named(chips)])];
  const kept = former?.concept;
  const area = query.area ?? former?.ground.area ?? null;
  return {
    ...settingsOf(former),
    collection: former?.collection ?? query.collection,
    concept: {
      label: fields.label.value.trim(), prompts: lines(fields.prompts.value), negatives: lines(fields.negatives.value),
      liked: both(kept?.liked, query.liked), disliked: both(kept?.disliked, query.disliked), saved: kept?.saved || query.concept || "",
    },
    scenes: source.asked(area),
    ground: { area, ...polygons },
    schedule: when.hours(), deliver: channels.chosen(),
    operating_point: pointOf(fields),
    persistence: { seen: Number(fields.seen.value), of: Number(fields.of.value) },
    least_area_ha: Number(fields.least_area_ha.value), existing: fields.existing.value,
  };
}

/** The share that the cut holds to; cells beside a seed begin no higher than the seed does. */
function pointOf({ aim, value }) {
  const share = Math.round(Number(value.value) * 100) / 10_000;
  const grow = former?.operating_point.grow_quantile ?? GROW;
  const lower = aim.value === "background_quantile" && share < grow ? { grow_quantile: share } : {};
  return { [aim.value]: share, ...(former ? { grow_quantile: grow } : {}), ...lower };
}

/** What a watch has besides what the form asks: kept as it is. */
function settingsOf(watch) {
  const names = ["since", "neighbours", "least_cells", "level", "least_valid", "paused"];
  return Object.fromEntries(names.filter((name) => watch && watch[name] !== undefined).map((name) => [name, watch[name]]));
}

async function save(event) {
  event.preventDefault();
  const fields = event.target.elements;
  byId("watch-wrong").textContent = "";
  try {
    const saved = await ask(`watches/${encodeURIComponent(fields.name.value)}`, { method: "PUT", body: asked(fields) });
    former = null;
    begun = false;
    byId("watch-new").open = false;
    toast(say("watch_saved", { name: saved.name, version: saved.version }), "good");
    visit("watches", { watch: saved.name });
  } catch (problem) {
    byId("watch-wrong").textContent = problem.message;
  }
}
