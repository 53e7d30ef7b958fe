// Two pictures of the same ground → one above the other with a line between them that is moved.
// Knows neither what they show nor where they come from. Where only one is there, or they do not show
// the same ground, they stand side by side.

import { el, say } from "./elements.js";

/**
 * Draw two pictures, each `{src, day, words, bounds}`; null where there is none.
 *
 * `words` is read out instead of the picture; `bounds` are those of its ground, in degrees on Web
 * Mercator: where both are the same, one can lie above the other. `outline` is drawn upon that, where
 * it is given: a GeoJSON (Multi)Polygon.
 */
export function pairOf(before, after, outline = null) {
  const there = [["before", before], ["after", after]];
  if (!before || !after || !isSameGround(before, after)) {
    return el("div", { class: "pair apart" }, ...there.map(([side, one]) => figure(side, one)));
  }
  const line = el("input", {
    type: "range", min: 0, max: 1000, "aria-label": say("swipe"), "aria-valuetext": say("swipe_at", { share: 50 }),
    oninput: ({ target }) => put(box, Number(target.value)),
  });
  line.value = 500;
  const box = el("div", { class: "pair" },
    picture(before, "lower"), picture(after, "upper"), outline && drawn(outline, after.bounds),
    el("div", { class: "swipe" },
      el("span", { class: "swipe-date before" }, before.day), el("span", { class: "swipe-date after" }, after.day),
      el("div", { class: "swipe-line" }), line));
  return box;
}

/** Show the earlier (0) or the later one (1) alone; what is between, both. */
export function swipeTo(box, share) {
  const line = box.querySelector("input");
  if (!line) return;
  line.value = 1000 * (1 - share);
  put(box, Number(line.value));
}

/** How much of the later one is hidden, 0 to 1; null where they stand side by side. */
export const swipedTo = (box) => {
  const line = box.querySelector("input");
  return line && 1 - Number(line.value) / 1000;
};

function put(box, value) {
  const share = `${value / 10}%`;
  box.style.setProperty("--at", share);
  box.querySelector("input").setAttribute("aria-valuetext", say("swipe_at", { share: Math.round(value / 10) }));
}

const isSameGround = (one, other) =>
  Boolean(one.bounds && other.bounds) && one.bounds.every((edge, at) => Math.abs(edge - other.bounds[at]) < 1e-6);

const picture = (one, name) => el("img", { class: name, src: one.src, alt: one.words, decoding: "async" });

const SVG = "http://www.w3.org/2000/svg";

/** A shape in a picture of 1 × 1. */
function drawn(shape, [west, south, east, north]) {
  const height = (lat) => Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
  const at = ([x, y]) => `${(x - west) / (east - west)} ${(height(north) - height(y)) / (height(north) - height(south))}`;
  const parts = shape.type === "Polygon" ? [shape.coordinates] : shape.coordinates;
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", parts.flat().map((ring) => `M${ring.map(at).join("L")}Z`).join(""));
  svg.append(path);
  return svg;
}

const figure = (side, one) => el("figure", {},
  one ? picture(one, "whole") : el("p", { class: "quiet none" }, say("no_picture")),
  el("figcaption", {}, [say(side), one?.day].filter(Boolean).join(" · ")));
