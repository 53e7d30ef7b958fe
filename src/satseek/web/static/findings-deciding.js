// What a person decides of an open finding → the finding, moved on, and the next one.
// Knows no more of the server than that it may refuse: somebody else was faster, or may do more.

import { boot, el, say, toast } from "./elements.js";
import { ask, on, place, tell, visit } from "./asking.js";
import { me, signed } from "./me.js";
import { swipedTo, swipeTo } from "./pair.js";

const DEEDS = ["confirm", "reject", "close", "assign", "release", "reopen"]; // in the order of their buttons
const KEYS = { confirm: "c", reject: "x", assign: "a", release: "u", close: "d", reopen: "o" };
const LEADS_ON = new Set(["confirm", "reject", "close", "release"]);
const REASONS = ["cloud", "poor", "season", "known", "allowed", "other"];

let open = null; // {one, deeds, words, reasons} and what was told of it: what is open
let queued = false; // whether it came from the queue: then the next one comes from there, too

export function startDeciding() {
  on("key", press);
  on("next-finding", () => { queued = true; });
  on("viewed", () => { if (!place.at.finding) queued = false; });
}

export const closeActs = () => { open = null; };

export const goTo = (id) => visit("findings", { ...place.at, finding: id ?? "" });

/**
 * Buttons, the field for words, and what the keys do.
 *
 * `around` tells of the page: `pair` of pictures, `beside(id, step)` of the list, `redraw(one)`.
 */
export function actsOf(one, around) {
  if (!boot.scopes.includes("findings")) {
    open = { one, ...around };
    return el("p", { class: "quiet" }, say("findings_look_only"));
  }
  const others = one.state === "assigned" && one.assignee !== me();
  const mine = one.state === "assigned" && !others;
  const deeds = others ? ["assign", "release"] : DEEDS.filter((deed) => one.may.includes(deed) && !(mine && deed === "assign"));
  const words = el("textarea", { id: "finding-words", rows: 2, maxlength: 2000, onkeydown: inWords });
  const reasons = el("div", { class: "reasons", hidden: true, role: "group", "aria-label": say("reason_ask") });
  open = { one, ...around, words, reasons, deeds };
  reasons.append(el("p", {}, say("reason_ask")), ...REASONS.map((key, at) => el("button", {
    type: "button", class: "small", onclick: () => rejectFor(key),
  }, el("kbd", {}, String(at + 1)), say(`reason_${key}`))));
  return el("section", { class: "stack acting", "aria-label": say("decide") },
    others ? el("p", { class: "remark" }, say("with_somebody", { who: one.assignee })) : null,
    el("div", { class: "row deeds" }, ...deeds.map(button)),
    reasons,
    el("label", {}, say("finding_words"), words),
    el("div", { class: "row" },
      el("button", { type: "button", class: "small", onclick: () => act("comment") }, say("do_comment")),
      el("span", { class: "grow" }), el("span", { class: "quiet help" }, say("findings_keys"))));
}

const button = (deed) => el("button", {
  type: "button", class: deed === "confirm" ? "primary" : "", "data-deed": deed, onclick: () => act(deed),
}, say(`finding_do_${deed}`), el("kbd", {}, KEYS[deed]));

// ---- keys ----

function press(event) {
  if (!open || place.view !== "findings") return;
  const doing = doingOf(event.key);
  if (!doing) return;
  event.preventDefault();
  doing();
}

function doingOf(key) {
  if (open.reasons && !open.reasons.hidden) {
    if (key === "Escape") return () => { open.reasons.hidden = true; };
    const reason = REASONS[Number(key) - 1];
    if (reason) return () => rejectFor(reason);
  }
  const moves = { j: () => go(1), k: () => go(-1), b: blink, q: () => goTo(null) };
  if (key in moves) return moves[key];
  if (key === "n" && open.words) return () => open.words.focus();
  const deed = open.deeds?.find((one) => KEYS[one] === key);
  return deed && (() => act(deed));
}

function go(step) {
  const id = open.beside(open.one.id, step);
  if (id) goTo(id);
}

/** One date, then the other, in the same place: what changed moves. */
function blink() {
  const at = swipedTo(open.pair);
  if (at !== null) swipeTo(open.pair, at === 1 ? 0 : 1);
}

/** In the field: Escape leaves it, so that keys act again; Ctrl and Enter keep the note. */
function inWords(event) {
  if (event.key === "Escape") event.target.blur();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) act("comment");
}

// ---- deciding ----

function rejectFor(key) {
  if (key === "other") {
    open.words.focus();
    open.reasons.hidden = true;
    toast(say("reason_words"), "plain");
    return;
  }
  open.words.value = say(`reason_${key}`);
  act("reject");
}

async function act(deed) {
  const { one, words, reasons, sent } = open;
  if (sent) return; // a key held down decides once
  const comment = words.value.trim();
  if (deed === "reject" && !comment) {
    reasons.hidden = false;
    reasons.querySelector("button").focus();
    return;
  }
  if (deed === "comment" && !comment) {
    words.focus();
    return;
  }
  open.sent = true;
  const onwards = LEADS_ON.has(deed) ? open.beside(one.id, 1) : null;
  try {
    const body = signed({ comment, revision: one.revision, ...(deed === "assign" && { assignee: me() }) });
    const now = await ask(`findings/${one.id}/${deed}`, { method: "POST", body });
    tell("found-one", now);
    toast(say(`done_${deed}`, { what: one.label }), "good");
    await leadOn(deed, now, onwards);
  } catch (problem) {
    await reload(one.id, problem);
  }
}

/** What is decided makes room for the next: of the queue, or of the list. */
async function leadOn(deed, now, onwards) {
  if (LEADS_ON.has(deed) && queued) tell("next-finding");
  else if (LEADS_ON.has(deed)) goTo(onwards);
  else await reload(now.id);
}

/** Show it as it is by now; where a decision was refused, say why. */
async function reload(id, problem = null) {
  if (problem) toast(problem.status === 409 ? say("somebody_faster", { detail: problem.message }) : problem.message);
  try {
    const now = await ask(`findings/${id}`);
    if (open?.one.id !== id) return;
    const kept = open.words?.value ?? "";
    open.redraw(now);
    if (problem && open.words) open.words.value = kept;
    tell("found-one", now);
  } catch (again) {
    toast(again.message);
    if (open) open.sent = false; // as it stands it may be decided once more
  }
}
