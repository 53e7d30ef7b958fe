// A drawn place → pictures of it at each date, its surroundings on the map, and what somebody says it is.
// Does not know what the map says of it: nobody who judges is told.

import { boot, byId, day, el, empty, say, toast } from "./elements.js";
import { ask, enter, on, place as visited, query, visit } from "./asking.js";
import { theMap, tiles } from "./map.js";
import { me, signed } from "./me.js";
import { outlines } from "./outlines.js";

const KEYS = [..."123456789qwertyiop"]; // of the labels, in their order; `0` and `u` are taken
const CANNOT_TELL = "cannot tell";
const CHANGE = " → "; // between what it was and what it is; what stayed has one label
const AROUND = 3; // the map shows so many times the place on each side
const POINT = 0.02; // of the cell's width: half of the mark at a point

let open = null; // {box, sample, one}: the sample and the place that is looked at
let behind = []; // ids of the places answered here, the last one last
let shapes = null;
let ground = null; // tiles of the day that the map shows
let told = () => {};

export function startLabelling(listeners) {
  told = listeners.told;
  shapes = outlines("samples", { kind: () => "place", tip: () => say("place_here"), press: () => {} });
  on("key", press);
  on("days", () => open?.one && showGround(open.one)); // its collection was entered
}

export function closeLabelling() {
  open = null;
  ground?.remove();
  ground = null;
  shapes?.show([]);
}

/** Show the next place that this person can say something of. */
export async function showPlace(box, sample) {
  if (open?.sample.name !== sample.name) behind = [];
  open = { box, sample, one: null, turn: 0 };
  await draw(() => ask(`${pathOf(sample)}/next`, { method: "POST", body: signed({}) }));
}

const pathOf = (sample) => `samples/${encodeURIComponent(sample.name)}`;
const placePath = (id) => `${pathOf(open.sample)}/places/${encodeURIComponent(id)}`;

async function draw(find) {
  const mine = open;
  const turn = (mine.turn += 1);
  const late = () => mine !== open || turn !== mine.turn;
  mine.one = null; // nothing is said of a place that is no longer, or not yet, in sight
  mine.box.setAttribute("aria-busy", "true");
  try {
    const one = await find();
    if (late()) return;
    Object.assign(mine, { one, was: null });
    mine.box.replaceChildren(...(one ? parts(one) : [done()]));
    if (one) showGround(one);
    else shapes.show([]);
  } catch (problem) {
    if (!late()) mine.box.replaceChildren(empty(say("refused"), problem.message));
  } finally {
    if (!late()) mine.box.removeAttribute("aria-busy");
  }
}

const done = () => empty(say("sample_done"), say("sample_done_say"),
  el("button", { type: "button", class: "primary", onclick: () => visit("samples", { sample: open.sample.name, show: "areas" }) }, say("sample_areas")),
  undoButton());

function parts(one) {
  const words = el("input", { id: "place-words", maxlength: 2000, autocomplete: "off", onkeydown: leave });
  words.value = one.answer?.comment ?? "";
  return [
    el("div", { class: `dates of-${Math.min(one.pictures.length, 4)}` }, ...one.pictures.map((each) => figure(one, each))),
    one.answer ? el("p", { class: "remark" }, say("place_said", { label: spoken(one.answer.label) })) : null,
    el("section", { class: "stack acting", "aria-label": say("place_ask") },
      el("h3", {}, say(isChange() ? "place_ask_change" : one.point ? "place_ask_point" : "place_ask")), answers(one),
      el("label", {}, say("place_words"), words),
      el("div", { class: "row" }, undoButton(), el("span", { class: "grow" }), el("span", { class: "quiet help" }, say("samples_keys")))),
  ].filter(Boolean);
}

// ---- what it looks like ----

function figure(one, each) {
  const date = day(each.datetime);
  const gone = () => el("p", { class: "quiet none" }, say("picture_gone"));
  const shown = each.datetime || each.mark
    ? el("img", { src: each.path, alt: say("place_picture", { date }), decoding: "async", onerror: ({ target }) => target.parentElement.replaceChildren(gone()) })
    : gone();
  const press = each.datetime && one.footprint
    ? el("button", { type: "button", class: "link", "aria-pressed": "false", "data-day": date, onclick: () => showDay(date) }, date)
    : el("span", {}, date);
  return el("figure", {}, el("div", { class: "marked" }, shown, each.mark ? mark(each.mark) : null), el("figcaption", {}, press));
}

/** What is to be judged within a picture: a frame around the cell, or a cross at the point. */
function mark([left, top, right, bottom]) {
  const share = (value) => `${(100 * value).toFixed(2)}%`;
  const point = left === right && top === bottom;
  const size = point ? "" : `width:${share(right - left)};height:${share(bottom - top)}`;
  return el("i", { class: point ? "cross" : "frame", style: `left:${share(left)};top:${share(top)};${size}` });
}

/** The place with what lies around it, on the map, as it was on its last day. */
function showGround(one) {
  const { collection } = open.sample;
  if (collection !== query.collection && boot.collections.includes(collection)) enter(collection);
  if (!one.footprint) return;
  const cell = L.geoJSON(one.footprint).getBounds();
  shapes.show([{ id: one.id, geometry: one.footprint }, ...(one.point ? [{ id: "point", geometry: diamond(one.point, cell) }] : [])]);
  theMap().fitBounds(cell.pad(AROUND), { animate: false });
  const last = one.pictures.filter((each) => each.datetime).at(-1);
  if (last) showDay(day(last.datetime));
}

function diamond([x, y], cell) {
  const [dx, dy] = [POINT * (cell.getEast() - cell.getWest()), POINT * (cell.getNorth() - cell.getSouth())];
  return { type: "Polygon", coordinates: [[[x - dx, y], [x, y - dy], [x + dx, y], [x, y + dy], [x - dx, y]]] };
}

function showDay(date) {
  ground?.remove();
  ground = tiles("scenes/tiles", { start: date, end: date }, "imagery").addTo(theMap());
  for (const one of byId("sample").querySelectorAll("[data-day]")) one.setAttribute("aria-pressed", String(one.dataset.day === date));
}

// ---- what somebody says ----

const spoken = (label) => (label === CANNOT_TELL ? say("cannot_tell") : label);

/** What may be said, in one step, or in two where a change is to be judged. */
function choices() {
  const { labels } = open.sample;
  return labels.some((one) => one.includes(CHANGE)) ? labels.filter((one) => !one.includes(CHANGE)) : labels;
}

const isChange = () => choices().length < open.sample.labels.length;

/** What was said of it before, as what it was and what it is. */
const saidBefore = (one) => {
  const label = one.answer?.label ?? "";
  const [from, to] = label.split(CHANGE);
  return isChange() ? [from, to ?? from] : [label];
};

function answers(one) {
  const said = saidBefore(one);
  const group = (step, words) => el("div", { class: "labels", "data-step": step, role: "group", "aria-label": words },
    isChange() ? el("p", { class: "quiet" }, words) : null,
    ...choices().map((label, at) => choice(label, KEYS[at], said[step] === label, () => choose(step, label))));
  const groups = isChange() ? [group(0, say("place_was")), group(1, say("place_is"))]
    : open.sample.labels.length ? [group(0, say("place_ask"))] : [free()];
  return el("div", { class: "stack" }, el("div", { class: isChange() ? "twice" : "" }, ...groups),
    el("div", { class: "labels" }, choice(CANNOT_TELL, "0", one.answer?.label === CANNOT_TELL, () => answer(CANNOT_TELL))));
}

const choice = (label, key, chosen, press) => el("button", {
  type: "button", "data-label": label, "aria-pressed": String(chosen), onclick: press,
}, key ? el("kbd", {}, key) : null, spoken(label));

const free = () => el("form", { class: "row", onsubmit: (event) => {
  event.preventDefault();
  answer(event.target.elements.label.value.trim());
} }, el("input", { name: "label", required: true, maxlength: 200, "aria-label": say("place_ask") }), el("button", { class: "primary" }, say("place_say")));

/** Take a class: of a change first what it was, then what it is. */
function choose(step, label) {
  if (!isChange()) return answer(label);
  if (step === 0) {
    open.was = label;
    for (const one of open.box.querySelectorAll("[data-step='0'] button")) one.setAttribute("aria-pressed", String(one.dataset.label === label));
    open.box.querySelector("[data-step='1'] button").focus();
    return null;
  }
  const was = open.was ?? saidBefore(open.one)[0];
  if (!was) return toast(say("place_was_first"), "plain");
  return answer(was === label ? label : `${was}${CHANGE}${label}`);
}

async function answer(label) {
  const { one, sample } = open;
  if (!one || open.sent) return;
  const mine = open;
  mine.sent = true; // a key held down says it once
  try {
    const comment = byId("place-words").value.trim();
    await ask(`${placePath(one.id)}/answers`, { method: "POST", body: signed({ label, comment }) });
    behind = [...behind.filter((id) => id !== one.id), one.id];
    if (mine !== open) return;
    ask(pathOf(sample)).then((now) => told(now), () => {});
    mine.sent = false;
    await draw(() => ask(`${pathOf(sample)}/next`, { method: "POST", body: signed({}) }));
  } catch (problem) {
    mine.sent = false;
    toast(problem.message);
  }
}

const undoButton = () => el("button", {
  type: "button", class: "small", id: "place-undo", disabled: !behind.length, onclick: undo,
}, say("place_undo"), el("kbd", {}, "u"));

/** Look at the last one again: another answer takes the place of the first. */
function undo() {
  const id = behind.at(-1);
  if (!id) return;
  behind = behind.slice(0, -1);
  draw(() => ask(`${placePath(id)}?who=${encodeURIComponent(me())}`));
}

// ---- keys ----

function press(event) {
  if (!open || visited.view !== "samples") return;
  const label = choices()[KEYS.indexOf(event.key)];
  const doing = {
    0: open.one && (() => answer(CANNOT_TELL)),
    u: undo,
    n: open.one && (() => byId("place-words").focus()),
  }[event.key] ?? (open.one && label !== undefined ? () => choose(open.was ? 1 : 0, label) : null);
  if (!doing) return;
  event.preventDefault();
  if (!event.repeat) doing();
}

function leave(event) {
  if (event.key === "Escape") event.target.blur();
}
