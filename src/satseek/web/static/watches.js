// Watches of this server → which there are, whether they run, what they told, and ways to change that.
// Knows neither their form nor what one of them found: watches-form.js and watches-one.js do.

import { allowed, byId, counted, el, empty, lead, say, toast } from "./elements.js";
import { ask, on, place, visit } from "./asking.js";
import { follow, moment } from "./jobs.js";
import { sureButton } from "./tables.js";
import { openView } from "./views.js";
import { startForm } from "./watches-form.js";
import { closeWatch, openWatch, startWatch } from "./watches-one.js";

let stop = () => {}; // ends following a job
let opened; // the one that is open, or was last

export function startWatches() {
  startForm();
  startWatch();
  on("viewed", (name) => {
    stop();
    if (name === "watches") show();
    else closeWatch();
  });
}

async function show() {
  const { watch } = place.at;
  const left = opened;
  opened = watch;
  byId("watches-all").hidden = Boolean(watch);
  byId("watch").hidden = !watch;
  if (watch) return openWatch(watch);
  closeWatch();
  await list();
  if (left && !byId("watch-new")?.open) lead(byId("watches").querySelector(`[data-watch="${CSS.escape(left)}"] button`));
  return null;
}

async function list() {
  try {
    const { watches } = await ask("watches?limit=200");
    byId("watches").replaceChildren(...(watches.length ? watches.map(box) : [empty(say("no_watches"), say("no_watches_say"))]));
  } catch (problem) {
    byId("watches").replaceChildren(empty(say("refused"), problem.message));
  }
}

function box(one) {
  const spot = el("div");
  return el("article", { class: "boxed", "data-watch": one.name },
    el("div", { class: "row" }, el("h3", {}, one.name), el("span", { class: "grow" }), ...newOnes(one), stateOf(one)),
    el("p", {}, [one.concept.label, ...one.concept.prompts].join(" · ")),
    el("p", { class: "quiet" }, factsOf(one).join(" · ")),
    spot,
    el("div", { class: "row" },
      el("button", { type: "button", onclick: () => visit("watches", { watch: one.name }) }, say("open")),
      ...acts(one, { spot, done: list })));
}

/** How many alerts of it are new: a way to the queue. */
function newOnes(one) {
  const waiting = one.findings.new ?? 0;
  if (!waiting) return [];
  return [el("button", {
    type: "button", class: "link", onclick: () => openView("findings", { source: one.name, kind: "watch" }),
  }, counted(waiting, "alerts_new"))];
}

export function stateOf(one) {
  const state = one.paused ? "paused" : one.schedule ? "active" : "hand";
  return el("span", { class: `badge ${state === "active" ? "running" : ""}`, "data-state": state }, say(`watch_${state}`));
}

/** When it runs next, when it ran last, and what it has looked at. */
export const factsOf = (one) => [
  one.collection,
  !one.paused && one.next?.length ? say("next_at", { moment: moment(one.next[0]) }) : null,
  one.last_run ? say("last_at", { moment: moment(one.last_run.at) }) : say("never_run"),
  counted(one.scenes_looked_at, "scenes_looked"),
].filter(Boolean);

/**
 * Buttons that run, pause and resume a watch.
 *
 * @param spot where the job that runs it is shown; `done` is called when something has changed.
 */
export function acts(one, { spot, done }) {
  if (!allowed("jobs")) return [];
  const path = `watches/${encodeURIComponent(one.name)}`;
  const post = (what, body) => ask(`${path}/${what}`, { method: "POST", body });
  const told = (act) => async () => {
    try {
      await act();
    } catch (problem) {
      toast(problem.message);
    }
  };
  const run = told(async () => {
    const job = await post("run", {});
    stop();
    stop = follow(job.id, spot, (ended) => ended.state === "done" && done());
  });
  const turn = told(async () => { await post(one.paused ? "resume" : "pause"); done(); });
  const remove = told(async () => { await ask(path, { method: "DELETE" }); visit("watches"); });
  return [
    el("button", { type: "button", onclick: run }, say("watch_run")),
    one.schedule ? el("button", { type: "button", onclick: turn }, say(one.paused ? "watch_resume" : "watch_pause")) : null,
    sureButton(say("watch_remove"), say("watch_remove_sure"), remove),
  ].filter(Boolean);
}
