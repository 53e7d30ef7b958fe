// One parcel → why its light is what it is, what covers it, its neighbours, pictures and claim sheet.
// Knows no map and no table.

import { boot, byId, day, el, iconButton, lead, number, say } from "./elements.js";
import { place, thumbnail, visit } from "./asking.js";
import { gradeWords, lightBadge } from "./damage-lights.js";
import { pairOf } from "./pair.js";
import { calledIn, hectares, percent, terms } from "./tables.js";
import { openView } from "./views.js";

const PICTURE_PX = 640;

let at = 0; // which of its pairs of pictures is shown
let shown = ""; // id of the parcel that they are of

/** Draw a parcel; nothing where none is open. `beside` gives the id before (-1) or behind (1) it. */
export function drawParcel(spot, parcel, { assessment, beside }) {
  if (!parcel) {
    shown = "";
    spot.replaceChildren();
    return;
  }
  const one = parcel.properties;
  const stepped = document.activeElement?.dataset.step;
  const anew = shown !== String(parcel.id);
  if (anew) [shown, at] = [String(parcel.id), 0];
  const step = (name, words, by) => {
    const id = beside(by);
    return iconButton(name, say(words), () => visit("damage", { ...place.at, parcel: id }), { disabled: id === undefined, "data-step": by });
  };
  spot.replaceChildren(el("article", { class: "boxed", "data-open": parcel.id },
    el("div", { class: "row head" }, el("h3", {}, say("parcel_named", { id: parcel.id })), lightBadge(one.light), el("span", { class: "grow" }),
      step("left", "parcel_previous", -1), step("right", "parcel_next", 1),
      iconButton("close", say("close"), () => visit("damage", { ...place.at, parcel: "" }))),
    ...reasons(one),
    el("div", { id: "parcel-pictures" }),
    terms(factsOf(one, assessment)), classesOf(one, assessment),
    el("div", { class: "row" }, ...sheets(one, assessment),
      el("button", {
        type: "button", onclick: () => openView("findings", { source: assessment.name, kind: "damage" }),
      }, say("to_findings")))));
  drawPictures(one, assessment);
  const again = spot.querySelector(`[data-step="${stepped}"]:not(:disabled)`);
  if (again) again.focus({ preventScroll: true });
  else if (anew) lead(spot.querySelector("h3"));
}

/** Why its light is what it is: each reason a line, the weightiest first. */
const reasons = (one) => one.reasons.map((told) =>
  el("p", { class: told.lack ? "remark" : "" }, told[boot.language.slice(0, 2)] ?? told.en));

function factsOf(one, assessment) {
  const signed = (share) => (Math.abs(share) < 0.005 ? "±0 %" : `${share > 0 ? "+" : "−"}${percent(Math.abs(share))}`);
  const dates = [one.date_before, one.date_after].filter(Boolean).map(day).join(" → ");
  return [
    [say("affected_share"), `${percent(one.affected_share)} (${hectares(one.affected_ha)} ha)`],
    [say("grade"), gradeWords(one.grade)],
    [say("area_measured"), `${hectares(one.area_ha)} ha`],
    [say("insured_area"), one.insured_ha === null || one.insured_ha === undefined ? say("not_told") : `${hectares(one.insured_ha)} ha`],
    [say("seen_share"), [one.seen_before, one.seen_after].filter((share) => typeof share === "number").map((share) => percent(share)).join(" → ")],
    [say("dates"), dates || say("no_date")],
    [say("policy"), one.policy || "–"], [say("crop"), one.crop || "–"], [say("district"), one.district || "–"],
    [say("neighbours"), typeof one.difference === "number" ? say("neighbours_say", {
      own: signed(one.change), count: number(one.neighbours), neighbours: signed(one.neighbours_change), difference: signed(one.difference),
    }) : say(assessment.mode === "mono" ? "neighbours_mono" : "neighbours_none")],
  ];
}

/** What covers it after the event, as far as it was seen: the largest first. */
function classesOf(one, assessment) {
  const rows = assessment.labels.map((label) => [label, one[`share_${label.name}`] ?? 0])
    .filter(([, share]) => share >= 0.005).sort(([, a], [, b]) => b - a);
  if (!rows.length) return "";
  return el("table", { class: "shares", "aria-label": say("covered_by") }, el("tbody", {}, ...rows.map(([label, share]) => el("tr", {},
    el("th", { scope: "row" }, calledIn(label), el("span", { class: "quiet" }, ` ${say(`label_${label.state ?? "sound"}`)}`)),
    el("td", {}, el("span", { class: "bar", style: `--share:${(100 * share).toFixed(1)}%` }), percent(share))))));
}

function sheets(one, assessment) {
  if (!one.policy || !assessment.claims.has(one.policy)) return [];
  return assessment.sheets.map((form) => el("a", {
    href: `v1/assessments/${encodeURIComponent(assessment.name)}/sheets/${encodeURIComponent(one.policy)}?form=${form}`,
    target: "_blank", rel: "noopener", class: "button",
  }, say("claim_sheet", { form: form.toUpperCase() })));
}

// ---- pictures: chips of both moments, cell by cell, the most telling first ----

function drawPictures(one, assessment) {
  const spot = byId("parcel-pictures");
  const pairs = pairsOf(one, assessment);
  if (!pairs.length) return spot.replaceChildren(el("p", { class: "quiet" }, say("no_picture")));
  at = Math.min(at, pairs.length - 1);
  const turn = (by) => { at = (at + by + pairs.length) % pairs.length; drawPictures(one, assessment); };
  return spot.replaceChildren(pairOf(pairs[at].before, pairs[at].after), pairs.length > 1 ? el("div", { class: "row" },
    iconButton("left", say("picture_previous"), () => turn(-1)),
    el("span", { class: "quiet" }, say("picture_at", { at: at + 1, count: pairs.length })),
    iconButton("right", say("picture_next"), () => turn(1))) : "");
}

function pairsOf(one, assessment) {
  const chips = (side) => [one[`chips_${side}`] ?? []].flat().filter(Boolean);
  const cell = (chip) => chip.slice(chip.lastIndexOf("/") + 1);
  const cells = [...new Set([...chips("after"), ...chips("before")].map(cell))];
  const picture = (side, of) => {
    const chip = chips(side).find((each) => cell(each) === of);
    return chip && {
      src: thumbnail(chip, PICTURE_PX, one[`collection_${side}`] || assessment.collection),
      day: day(one[`date_${side}`]), words: say("picture_of", { chip }), bounds: [0],
    };
  };
  return cells.map((of) => ({ before: picture("before", of) ?? null, after: picture("after", of) ?? null }));
}
