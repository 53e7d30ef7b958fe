// Hectares of each class at each date → a chart of lines; intervals stand at dates that were sampled.
// Knows no server. Colours are those of the map; what they are stands in the legend beside it.

import { say } from "./elements.js";
import { calledIn, hectares } from "./tables.js";

const WIDE = 380;
const HIGH = 190;
const EDGE = { left: 44, right: 12, top: 12, bottom: 24 };
const NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * Draw the areas of a run.
 *
 * @param run with `classes`, `dates`, and `areas` in the order of the dates.
 * @param intervals `{date, name, mid, low, high}` each, in hectares: what a sample says.
 */
export function areaChart(run, intervals = []) {
  const moments = run.dates.map((date) => Date.parse(date.length === 4 ? `${date}-07-01` : date));
  const most = Math.max(...run.areas.flatMap((at) => Object.values(at.area_ha)), ...intervals.map((one) => one.high), 1);
  const top = niceTop(most);
  const [first, last] = [Math.min(...moments), Math.max(...moments)];
  const across = WIDE - EDGE.left - EDGE.right;
  const down = HIGH - EDGE.top - EDGE.bottom;
  const x = (at) => EDGE.left + (first === last ? across / 2 : (across * (moments[at] - first)) / (last - first));
  const y = (ha) => EDGE.top + down * (1 - ha / top);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "chart", role: "img", "aria-label": say("chart_label") });
  for (const ha of [0, top / 2, top]) {
    drawing.append(svg("line", { x1: EDGE.left, x2: WIDE - EDGE.right, y1: y(ha), y2: y(ha), class: "grid-line" }),
      svg("text", { x: EDGE.left - 6, y: y(ha) + 4, class: "axis end" }, hectares(ha)));
  }
  drawing.append(...datesBelow(run.dates, x));
  for (const one of run.classes) {
    const points = run.areas.map((at, index) => [x(index), y(at.area_ha[one.name] ?? 0)]);
    const title = () => svg("title", {}, calledIn(one));
    drawing.append(svg("polyline", { points: points.join(" "), stroke: one.colour, class: "series" }, title()),
      ...points.map(([cx, cy]) => svg("circle", { cx, cy, r: 3.2, fill: one.colour, class: "point" }, title())));
  }
  drawing.append(...intervals.map((one) => whisker(one, x(run.dates.indexOf(one.date)), y)));
  return drawing;
}

function whisker({ name, mid, low, high }, at, y) {
  const made = svg("g", { class: "whisker" }, svg("title", {}, `${name}: ${hectares(mid)} (${hectares(low)} – ${hectares(high)}) ha`),
    svg("line", { x1: at, x2: at, y1: y(low), y2: y(high) }));
  for (const ha of [low, high]) made.append(svg("line", { x1: at - 4, x2: at + 4, y1: y(ha), y2: y(ha) }));
  made.append(svg("circle", { cx: at, cy: y(mid), r: 2.4 }));
  return made;
}

/** As many dates as have room below the chart, the first and the last among them. */
function datesBelow(dates, x) {
  const every = Math.ceil(dates.length / 5);
  const last = dates.length - 1;
  return dates.flatMap((date, at) => {
    if (at !== last && (at % every || (at && last - at < every))) return [];
    const side = last === 0 ? "" : at === 0 ? "start" : at === last ? "end" : "";
    return [svg("text", { x: x(at), y: HIGH - 6, class: `axis ${side}` }, date)];
  });
}

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((times) => times * power).find((top) => top >= value);
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
