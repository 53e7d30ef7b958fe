// Assessments of this server → a list, and the one that is open. Asking for one: damage-order.js.
// Knows neither parcels nor their lights: damage-one.js does.

import { byId, counted, el, empty, lead, say } from "./elements.js";
import { ask, on, place, visit } from "./asking.js";
import { closeAssessment, openAssessment, startAssessment } from "./damage-one.js";
import { hazardWords, lightBadge, LIGHTS } from "./damage-lights.js";
import { drawOrder, startOrder } from "./damage-order.js";
import { follow, moment } from "./jobs.js";
import { hectares, percent } from "./tables.js";

let stop = () => {}; // ends following a job
let opened; // the one that is open, or was last

export function startDamage() {
  startOrder();
  startAssessment();
  on("viewed", (name) => {
    stop();
    if (name === "damage") show();
    else closeAssessment();
  });
}

async function show() {
  const { assessment, job } = place.at;
  const left = opened;
  opened = assessment;
  byId("damage-all").hidden = Boolean(assessment);
  byId("assessment").hidden = !assessment;
  if (assessment) return openAssessment(assessment);
  closeAssessment();
  byId("damage-job").replaceChildren();
  if (job) stop = follow(job, byId("damage-job"), ended);
  await Promise.all([list(), drawOrder()]);
  if (left) lead(byId("assessments").querySelector(`[data-assessment="${CSS.escape(left)}"] button`));
  return null;
}

/** Open what a job has made; what went wrong stands in its box. */
function ended(job) {
  if (place.view !== "damage" || place.at.job !== job.id) return;
  if (job.state === "done" && job.result?.name) visit("damage", { assessment: job.result.name });
  else list();
}

async function list() {
  try {
    const { assessments } = await ask("assessments?limit=200");
    byId("assessments").replaceChildren(...(assessments.length ? assessments.map(box)
      : [empty(say("no_assessments"), say("no_assessments_say"))]));
  } catch (problem) {
    byId("assessments").replaceChildren(empty(say("refused"), problem.message));
  }
}

const box = (one) => el("article", { class: "boxed", "data-assessment": one.name },
  el("div", { class: "row" }, el("h3", {}, one.name), el("span", { class: "grow" }),
    el("button", { type: "button", onclick: () => visit("damage", { assessment: one.name }) }, say("open"))),
  el("div", { class: "row" }, ...LIGHTS.filter((light) => one.lights[light]).map((light) => lightBadge(light, one.lights[light]))),
  el("p", {}, say("affected_of", {
    ha: hectares(one.affected_ha), share: percent(one.affected_share), parcels: counted(one.parcels, "parcels_count"),
  })),
  el("p", { class: "quiet" }, [hazardWords(one.hazard), one.event, one.collection, say("run_made", { moment: moment(one.made_at) })]
    .filter(Boolean).join(" · ")));
