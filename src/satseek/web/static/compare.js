// Two days → two layers of tiles with a line between them that is moved.
// Knows the days of the collection and the map, no search.

import { byId, el, empty, say } from "./elements.js";
import { on, tell } from "./asking.js";
import { theMap, tiles } from "./map.js";
import { days } from "./timeline.js";
import { view } from "./views.js";

let pair = null; // {before, after}: days chosen
let layers = [];

export function startCompare() {
  on("viewed", (name) => (name === "compare" ? begin() : end()));
  on("compare", (chosen) => { pair = chosen; tell("view", "compare"); });
  on("days", () => { pair = null; if (view() === "compare") begin(); });
  slider().addEventListener("input", clip);
}

const slider = () => byId("swipe").querySelector("input");

function begin() {
  const box = byId("compare");
  end();
  if (days.length < 2) {
    box.replaceChildren(empty(say("compare_not"), say("compare_not_say")));
    return;
  }
  pair ??= { before: days[0].day, after: days.at(-1).day };
  box.replaceChildren(chooser("before"), chooser("after"), el("p", { class: "quiet" }, say("compare_how")));
  show();
}

function chooser(which) {
  const choose = el("select", {
    id: `compare-${which}`, onchange: ({ target }) => { pair[which] = target.value; show(); },
  }, ...days.map((one) => el("option", { value: one.day }, one.day)));
  choose.value = pair[which];
  return el("label", {}, say(which), choose);
}

function show() {
  for (const layer of layers) layer.remove();
  layers = ["before", "after"].map((which) =>
    tiles("scenes/tiles", { start: pair[which], end: pair[which] }, which).addTo(theMap()));
  byId("swipe-before").textContent = pair.before;
  byId("swipe-after").textContent = pair.after;
  byId("swipe").hidden = false;
  document.body.classList.add("comparing");
  theMap().on("move zoomend resize", clip);
  clip();
}

function end() {
  for (const layer of layers) layer.remove();
  layers = [];
  byId("swipe").hidden = true;
  document.body.classList.remove("comparing");
  theMap().off("move zoomend resize", clip);
}

/** Cut both panes along the line, in the map's own pixels. */
function clip() {
  const map = theMap();
  const { x: width, y: height } = map.getSize();
  const at = (width * slider().value) / 1000;
  const origin = map.containerPointToLayerPoint([0, 0]);
  const cut = (left, right) => {
    const [x1, x2] = [origin.x + left, origin.x + right];
    const [y1, y2] = [origin.y, origin.y + height];
    return `polygon(${x1}px ${y1}px, ${x2}px ${y1}px, ${x2}px ${y2}px, ${x1}px ${y2}px)`;
  };
  map.getPane("before").style.clipPath = cut(0, at);
  map.getPane("after").style.clipPath = cut(at, width);
  byId("swipe").style.setProperty("--at", `${at}px`);
}
