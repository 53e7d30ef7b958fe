// One finding → its pictures of both dates, what is known of it, and its history.
// Knows no decision: buttons and keys stand in findings-deciding.js.

import { boot, byId, day, el, empty, iconButton, say } from "./elements.js";
import { ask, enter, query, tell } from "./asking.js";
import { actsOf, closeActs, goTo } from "./findings-deciding.js";
import {
  factsOf, flagBadges, historyOf, meanings, scoresOf, stateBadge, titleOf,
} from "./findings-telling.js";
import { pairOf } from "./pair.js";

let asking = null; // id of the finding that is asked for
let ids = []; // of the list, in its order

/** Show a finding; `ids` are those of the list around it, `shapes` its outlines on the map. */
export async function openFinding(id, around) {
  ids = around.ids;
  asking = id;
  const box = byId("finding");
  box.setAttribute("aria-busy", "true");
  try {
    const one = await ask(`findings/${encodeURIComponent(id)}`);
    if (asking !== id) return;
    if (one.collection !== query.collection && boot.collections.includes(one.collection)) enter(one.collection);
    draw(box, one);
    tell("found-one", one);
    around.shapes.frame(one.id);
    box.querySelector("h2").focus({ preventScroll: true });
    box.closest(".view").scrollTop = 0;
  } catch (problem) {
    if (asking !== id) return;
    closeActs();
    box.replaceChildren(back(), empty(say("refused"), problem.message));
  } finally {
    box.removeAttribute("aria-busy");
  }
}

export function closeFinding() {
  asking = null;
  closeActs();
  byId("finding")?.replaceChildren();
}

/** The finding behind (1) or before (-1) the open one; null where there is none. */
function beside(id, step) {
  const at = ids.indexOf(id);
  return at < 0 ? ids[0] ?? null : ids[at + step] ?? null;
}

/** Draw it as it is now. */
function draw(box, one) {
  const pair = pictures(one);
  const around = { pair, beside, redraw: (now) => draw(box, now) };
  box.replaceChildren(
    el("div", { class: "row head" }, back(), el("span", { class: "grow" }),
      step("left", "finding_previous", beside(one.id, -1)), step("right", "finding_next", beside(one.id, 1))),
    el("div", { class: "row" }, el("h2", { tabindex: -1 }, titleOf(one)), el("span", { class: "grow" }), el("span", { class: "row badges" }, ...flagBadges(one), stateBadge(one))),
    pair, scoresOf(one), actsOf(one, around),
    el("dl", { class: "terms" }, ...factsOf(one).flatMap(([term, words]) => [el("dt", {}, term), el("dd", {}, words)])),
    onMap(one), meanings(one),
    el("h3", {}, say("history")), historyOf(one.history));
}

const back = () => el("button", { type: "button", class: "link", onclick: () => goTo(null) }, `‹ ${say("findings_back")}`);

const step = (name, words, id) => iconButton(name, say(words), () => goTo(id), { disabled: !id });

/** The best picture of each date; without any, that none was kept. */
function pictures(one) {
  const best = (side) => {
    const found = one.evidence.find((each) => each.side === side && each.path);
    return found && {
      src: found.path, day: day(found.datetime), bounds: found.bounds,
      words: say("finding_picture", { what: titleOf(one), date: day(found.datetime) }),
    };
  };
  return pairOf(best("before") ?? null, best("after") ?? null, one.footprint);
}

/** Both dates of the place on the map, with the line between. */
function onMap(one) {
  const days = ["before", "after"].map((side) => one.evidence.find((each) => each.side === side)?.datetime?.slice(0, 10));
  if (!one.footprint || days.some((each) => !each) || days[0] === days[1]) return null;
  return el("button", {
    type: "button", onclick: () => tell("compare", { before: days[0], after: days[1] }),
  }, say("compare_on_map"));
}
