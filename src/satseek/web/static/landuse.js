// Runs of land use on this server → a list, and the one that is open.
// Knows no map and no form: one run stands in landuse-one.js, asking for one in landuse-order.js.

import { byId, counted, el, empty, lead, say } from "./elements.js";
import { ask, on, place, visit } from "./asking.js";
import { follow, moment } from "./jobs.js";
import { closeRun, openRun, startRun } from "./landuse-one.js";
import { drawOrder, startOrder } from "./landuse-order.js";
import { hectares } from "./tables.js";

let stop = () => {}; // ends following a job
let opened; // the one that is open, or was last

export function startLanduse() {
  startRun();
  on("viewed", (name) => {
    stop();
    if (name === "landuse") show();
    else closeRun();
  });
  startOrder();
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
  await Promise.all([list(), drawOrder()]);
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
