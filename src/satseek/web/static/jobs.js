// Jobs of this server → how far each is, what it said and left, and a way to end it.
// Knows no task: what a job is called stands in the table of words. Boxes are changed in place, so
// that whoever is on a button with the keyboard stays there.

import { byId, counted, el, empty, number, say, toast } from "./elements.js";
import { ask, on, sent, tell } from "./asking.js";
import { size } from "./tables.js";

const BUSY_MS = 1500;
const IDLE_MS = 10_000;
const SHOWN = 50;
const LOG_LINES = 200;
const ENDED = new Set(["done", "failed", "cancelled"]);

const boxes = new Map(); // id → its box
let timer = 0;
let shown = false;

export function startJobs() {
  on("viewed", (name) => {
    shown = name === "jobs";
    clearTimeout(timer);
    if (shown) showJobs();
  });
  on("jobs", () => shown && showJobs());
}

async function showJobs() {
  clearTimeout(timer);
  let busy = false;
  try {
    const { jobs } = await ask(`jobs?limit=${SHOWN}`);
    busy = jobs.some((one) => !ENDED.has(one.state));
    draw(jobs);
  } catch (problem) {
    boxes.clear();
    byId("jobs").replaceChildren(empty(say("refused"), problem.message));
  }
  if (shown) later(busy ? BUSY_MS : IDLE_MS);
}

/** Look again after a while; nobody asks for what nobody sees. */
function later(ms) {
  timer = setTimeout(() => (document.hidden ? later(ms) : showJobs()), ms);
}

function draw(jobs) {
  const place = byId("jobs");
  if (!jobs.length) {
    boxes.clear();
    place.replaceChildren(empty(say("no_jobs"), say("no_jobs_say")));
    return;
  }
  const wanted = new Set(jobs.map((one) => one.id));
  for (const [id, box] of boxes) {
    if (wanted.has(id)) continue;
    box.element.remove();
    boxes.delete(id);
  }
  if (!boxes.size) place.replaceChildren();
  let ended = false;
  jobs.forEach((one, at) => {
    const before = boxes.get(one.id);
    const box = before ?? jobBox(one);
    ended = (before && tellsEnd(before.state, one)) || ended;
    boxes.set(one.id, box);
    box.update(one);
    if (place.children[at] !== box.element) place.insertBefore(box.element, place.children[at] ?? null);
  });
  if (ended) tell("stock");
}

/** Say aloud that a job has ended; gives whether it has. */
function tellsEnd(state, one) {
  if (state === one.state || !ENDED.has(one.state)) return false;
  byId("jobs-said").textContent = `${jobTitle(one)}: ${say(`state_${one.state}`)}`;
  return true;
}

/** What a job, or a schedule, does. */
export const jobTitle = (one) =>
  say(`task_${one.task}`, { collection: one.collection || one.parameters.folder || one.parameters.model || "" });

// ---- one job ----

/** Show a job where it was ordered, until it has ended; `ended` is given it then. */
export function follow(id, spot, ended) {
  let box = null;
  let over = false;
  look();
  return () => { over = true; };

  async function look() {
    try {
      const one = await ask(`jobs/${encodeURIComponent(id)}`);
      if (over) return;
      box ??= jobBox(one);
      if (box.element.parentElement !== spot) spot.replaceChildren(box.element);
      box.update(one);
      if (ENDED.has(one.state)) ended(one);
      else setTimeout(() => over || look(), BUSY_MS);
    } catch (problem) {
      if (!over) spot.replaceChildren(empty(say("refused"), problem.message));
    }
  }
}

function jobBox(one) {
  const title = jobTitle(one);
  const badge = el("span", { class: "badge" });
  const bar = el("progress", { "aria-label": title });
  const facts = el("p", { class: "quiet" });
  const error = el("p", { class: "wrong" });
  const files = el("ul", { class: "plain" });
  const end = el("button", { type: "button", onclick: () => cancel(one.id) }, say("cancel_job"));
  const log = logBox(one);
  const element = el("article", { class: "boxed job", "data-job": one.id },
    el("div", { class: "row" }, el("h3", {}, title), el("span", { class: "grow" }), badge),
    bar, facts, error, files, log.element, el("div", { class: "row" }, end));
  const box = { element, state: one.state, update };
  return box;

  function update(now) {
    const open = !ENDED.has(now.state);
    box.state = now.state;
    element.dataset.state = now.state;
    put(badge, say(now.cancelling ? "cancelling" : `state_${now.state}`));
    badge.className = `badge ${now.state}`;
    measure(bar, now, open);
    put(facts, told(now, open));
    put(error, now.error ?? "");
    error.hidden = !now.error;
    listFiles(files, now);
    end.parentElement.hidden = !open || now.cancelling;
    log.update(now);
  }
}

/** Change a text only where it is another one: nothing is read out twice. */
function put(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

function measure(bar, one, open) {
  const { done, total } = one.progress;
  bar.hidden = !open;
  bar.max = total || 1;
  if (total && one.state === "running") bar.value = done;
  else bar.removeAttribute("value");
}

function told(one, open) {
  const { done, total, note, seconds_left: left } = one.progress;
  const waits = one.not_before && one.state === "queued" ? say("not_before", { moment: moment(one.not_before) }) : say("job_waits");
  const amount = total ? `${number(done)} / ${number(total)}` : waits;
  const result = one.result ?? {};
  return [
    open ? amount : moment(one.finished ?? one.created),
    left !== null && open && say("time_left", { time: duration(left) }),
    open && note,
    one.attempts > 1 && say("attempt", { count: one.attempts }),
    one.schedule && say("by_schedule", { name: one.schedule }),
    result.chips !== undefined && counted(result.chips, "chips"),
    result.rows !== undefined && counted(result.rows, "rows"),
    typeof result.refusals === "number" && result.refusals > 0 && counted(result.refusals, "refused_files"),
  ].filter(Boolean).join(" · ");
}

/** A moment in the person's own time zone. */
export const moment = (text) => {
  const at = new Date(text);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
};

function duration(seconds) {
  const sizes = [[172_800, 86_400, "days"], [7200, 3600, "hours"], [100, 60, "minutes"]];
  const [, size, unit] = sizes.find(([from]) => seconds >= from) ?? [0, 1, "seconds"];
  return say(`time_${unit}`, { count: number(Math.max(1, Math.round(seconds / size))) });
}

function listFiles(place, one) {
  const files = one.result?.files ?? [];
  place.hidden = !files.length;
  if (place.children.length === files.length) return;
  place.replaceChildren(...files.map((file) => {
    const path = `v1/jobs/${one.id}/files/${encodeURIComponent(file.name)}`;
    return el("li", {}, el("a", { href: path, download: file.name }, file.name), ` ${size(file.bytes)}`);
  }));
}

// ---- the end of what it logged: asked for once somebody opens it, and while it grows ----

function logBox(one) {
  const text = el("pre", { class: "log", tabindex: 0, role: "region", "aria-label": say("log_of", { job: jobTitle(one) }) });
  const element = el("details", {}, el("summary", {}, say("log")), text);
  let read = "";
  let now = one;
  element.addEventListener("toggle", () => element.open && load());
  return { element, update };

  function update(next) {
    now = next;
    if (element.open && read !== "whole") load();
  }

  async function load() {
    const whole = ENDED.has(now.state);
    try {
      const answer = await sent(`jobs/${one.id}/log?lines=${LOG_LINES}`);
      const lines = (await answer.text()).split("\n").filter(Boolean);
      const words = lines.map(plainly).join("\n") || say("log_empty");
      const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 4;
      put(text, words);
      if (atEnd) text.scrollTop = text.scrollHeight;
      read = whole ? "whole" : "part";
    } catch (problem) {
      put(text, problem.message);
    }
  }
}

/** `{"time": …, "event": "indexed", "chips": 4}` → `17:32:03 indexed chips=4`; other lines as they are. */
function plainly(line) {
  try {
    const { time, event, level, logger: _, ...pairs } = JSON.parse(line);
    const at = moment(time).slice(11) + time.slice(16, 19);
    const more = Object.entries(pairs).map(([name, value]) => `${name}=${value}`);
    return [at, level === "info" ? "" : level, event, ...more].filter(Boolean).join(" ");
  } catch {
    return line;
  }
}

async function cancel(id) {
  try {
    await ask(`jobs/${id}/cancel`, { method: "POST" });
  } catch (problem) {
    toast(problem.message);
  }
  showJobs();
}
