// Samples of places → which there are and how far people are; one of them opened to be judged, or read.
// Knows neither places nor areas: see samples-labelling.js and samples-areas.js.

import { allowed, byId, counted, el, empty, number, say } from "./elements.js";
import { ask, on, place, visit } from "./asking.js";
import { startMe } from "./me.js";
import { showAreas } from "./samples-areas.js";
import { closeLabelling, startLabelling, showPlace } from "./samples-labelling.js";

let opened = 0; // which opening is the latest

export function startSamples() {
  if (!byId("samples")) return;
  startLabelling({ told: drawProgress });
  startMe("samples-me", () => place.at.sample && show());
  on("viewed", (name) => (name === "samples" ? show() : closeLabelling()));
}

async function show() {
  const { sample: name, show: part } = place.at;
  const mine = (opened += 1);
  byId("samples-all").hidden = Boolean(name);
  byId("sample").hidden = !name;
  closeLabelling();
  const box = byId(name ? "sample" : "samples");
  try {
    const told = await ask(name ? `samples/${encodeURIComponent(name)}` : "samples");
    if (mine !== opened) return;
    if (name) await openOne(box, told, part);
    else box.replaceChildren(...(told.samples.length ? told.samples.map(row) : [empty(say("samples_none"), say("samples_none_say"), el("code", {}, "satseek landuse sample NAME --run RUN"))]));
  } catch (problem) {
    if (mine === opened) box.replaceChildren(...(name ? [back()] : []), empty(say("refused"), problem.message));
  }
}

// ---- all of them ----

function row(one) {
  return el("article", { class: "boxed", "data-sample": one.name },
    el("div", { class: "row" }, el("h3", {}, one.name), el("span", { class: "grow" }),
      el("span", { class: "badge" }, one.collection)),
    el("p", { class: "quiet" }, one.subject), ...progress(one),
    el("div", { class: "row" },
      allowed("findings") ? go(one.name, "", "sample_label", one.progress.open || one.progress.contested ? "primary" : "") : null,
      go(one.name, "areas", "sample_areas", "")));
}

const go = (sample, part, words, kind) =>
  el("button", { type: "button", class: kind, onclick: () => visit("samples", { sample, show: part }) }, say(words));

/** How many places count, and how many do not yet, or never will. */
function progress({ progress: far, name }) {
  const bar = el("progress", { max: far.drawn || 1, value: far.drawn - far.open - far.contested, "aria-label": say("sample_progress", { name }) });
  const parts = ["agreed", "open", "contested", "unclear"].filter((key) => far[key] || key === "agreed")
    .map((key) => say(`places_${key}`, { count: number(far[key]) }));
  return [bar, el("p", { class: "quiet" }, [counted(far.drawn, "places_drawn"), ...parts].join(" · "))];
}

// ---- one of them ----

const back = () => el("button", { type: "button", class: "link", onclick: () => visit("samples") }, `‹ ${say("samples_back")}`);

async function openOne(box, one, part) {
  const areas = part === "areas" || !allowed("findings");
  const choice = (key, words, chosen) => el("button", {
    type: "button", class: "small", "aria-pressed": String(chosen), onclick: () => visit("samples", { sample: one.name, show: key }),
  }, say(words));
  const inside = el("div", { class: "stack", id: "sample-part" });
  box.replaceChildren(el("div", { class: "row head" }, back()),
    el("h2", { tabindex: -1 }, one.name), el("p", { class: "quiet" }, `${one.subject} · ${one.collection}`),
    el("div", { id: "sample-progress", class: "stack tight", role: "status" }, ...progress(one)),
    el("div", { class: "choices", role: "group", "aria-label": say("sample_one") },
      allowed("findings") ? choice("", "sample_label", !areas) : null, choice("areas", "sample_areas", areas)),
    inside);
  if (areas) await showAreas(inside, one);
  else await showPlace(inside, one);
}

function drawProgress(one) {
  byId("sample-progress")?.replaceChildren(...progress(one));
}
