// Days on which scenes were acquired → a slider with two ends, and the query's dates.
// Knows neither the map nor the search.

import { byId, counted, el, say } from "./elements.js";
import { ask, change, collectionPath, on, query, tell } from "./asking.js";

export let days = []; // [{day, scenes}], the earliest first
let ends = null; // the two inputs
const SHOWN = 240; // more bars than that are thinner than a line

export async function showTimeline() {
  days = [];
  ends = null;
  const bar = byId("timeline");
  bar.hidden = true;
  const of = query.collection;
  const told = of ? (await ask(`${collectionPath()}/dates`)).dates : [];
  if (of !== query.collection) return; // another one was entered meanwhile, and is asked about
  days = told;
  tell("days", days);
  if (!days.length) return;
  bar.hidden = false;
  draw();
  tell("timeline");
}

function draw() {
  const bar = byId("timeline");
  if (days.length === 1) {
    ends = null;
    bar.replaceChildren(el("span", { class: "span" }, say("one_day", { day: days[0].day })));
    return;
  }
  const last = days.length - 1;
  const end = (name, value) => el("input", {
    type: "range", min: 0, max: last, value, "aria-label": say(name), class: name,
    oninput: () => preview(name), onchange: commit,
  });
  ends = { first: end("first_day", 0), last: end("last_day", last) };
  bar.replaceChildren(
    el("output", { class: "span", id: "span" }),
    el("div", { class: "slider" }, el("div", { class: "bars" }, ...bars(last)),
      el("div", { class: "track" }, el("div", { class: "chosen" })), ends.first, ends.last),
    el("button", { type: "button", class: "small", id: "any-date", onclick: () => change({ start: "", end: "" }) },
      say("any_date")));
  follow();
}

function bars(last) {
  const most = Math.max(...days.map((one) => one.scenes));
  const every = Math.ceil(days.length / SHOWN);
  return days.filter((_, at) => at % every === 0 || at === last).map((one) => {
    const left = (100 * days.indexOf(one)) / last;
    const height = 25 + (75 * one.scenes) / most;
    return el("i", {
      style: `left:${left}%;height:${height}%`, "data-day": one.day,
      title: `${one.day} · ${counted(one.scenes, "scenes")}`,
    });
  });
}

export function startTimeline() {
  on("query", follow);
}

/** Put the slider where the query's dates are. */
function follow() {
  if (!ends) return;
  const first = query.start ? days.findIndex((one) => one.day >= query.start) : 0;
  const last = query.end ? days.findLastIndex((one) => one.day <= query.end) : days.length - 1;
  ends.first.value = first < 0 ? days.length - 1 : first;
  ends.last.value = last < 0 ? 0 : last;
  mark();
}

/** One end never passes the other: it pushes it. */
function preview(moved) {
  const [first, last] = [Number(ends.first.value), Number(ends.last.value)];
  if (first > last) (moved === "first_day" ? ends.last : ends.first).value = moved === "first_day" ? first : last;
  mark();
}

function mark() {
  const [first, last] = [Number(ends.first.value), Number(ends.last.value)];
  const [start, end] = [days[first].day, days[last].day];
  byId("span").textContent = start === end ? start : `${start} – ${end}`;
  for (const one of [ends.first, ends.last]) one.setAttribute("aria-valuetext", days[one.value].day);
  const share = (at) => (100 * at) / (days.length - 1);
  const chosen = byId("timeline").querySelector(".chosen");
  chosen.style.left = `${share(first)}%`;
  chosen.style.right = `${100 - share(last)}%`;
  for (const bar of byId("timeline").querySelectorAll(".bars i")) {
    bar.classList.toggle("off", bar.dataset.day < start || bar.dataset.day > end);
  }
  byId("any-date").disabled = !query.start && !query.end && first === 0 && last === days.length - 1;
}

function commit() {
  const [first, last] = [Number(ends.first.value), Number(ends.last.value)];
  change({
    start: first === 0 ? "" : days[first].day,
    end: last === days.length - 1 ? "" : days[last].day,
  });
}
