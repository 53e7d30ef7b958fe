// An answer → a gallery of cards in step with the map, and one hit large.
// Knows no server: what is pressed changes the query.

import { byId, counted, day, dialogHead, el, empty, icon, iconButton, say } from "./elements.js";
import {
  asks, change, found, hasMore, judge, more, on, query, similar, tell, thumbnail,
} from "./asking.js";
import { isSavable } from "./concepts.js";

const CARD_PX = 320; // twice the width of a card, so that sharp screens stay sharp
const LARGE_PX = 1024;

const cards = new Map(); // chip → its card
let shown = []; // hits, best first
let lit = null;

export function startGallery() {
  on("busy", (busy) => byId("results").classList.toggle("busy", busy));
  on("answer", show);
  on("refusal", refuse);
  on("light", light);
  on("reveal", reveal);
  on("open", open);
  const results = byId("results");
  results.addEventListener("keydown", steer);
  results.addEventListener("mouseover", (event) => point(event.target));
  results.addEventListener("focusin", (event) => point(event.target));
  results.addEventListener("error", askAgain, true);
}

function show(answer) {
  const results = byId("results");
  const before = new Map(cards);
  cards.clear();
  shown = answer?.hits ?? [];
  lit = null;
  if (!answer) {
    results.replaceChildren(welcome());
  } else if (!shown.length) {
    results.replaceChildren(nothing());
  } else {
    const list = el("ul", { class: "grid", role: "list", "aria-label": say("hits_label") });
    for (const hit of shown) list.append(card(hit, before.get(hit.chip)));
    results.replaceChildren(list);
    if (hasMore(answer)) {
      results.append(el("button", { type: "button", class: "more", onclick: more }, say("more")));
    }
    list.querySelector(".picture").tabIndex = 0;
  }
  draw(answer);
}

// ---- above the gallery ----

function draw(answer) {
  const status = byId("status");
  status.replaceChildren();
  if (!answer) return;
  const facts = say("found_by", {
    model: `${answer.model.name}@${answer.model.version}`, plan: answer.plan,
    ms: Math.max(1, Math.round(answer.seconds * 1000)),
  });
  status.append(el("b", { title: facts }, counted(answer.hits.length, "hits")));
  if (answer.hits.length) status.append(
    el("button", { type: "button", class: "link", onclick: explain }, say("scores_link")),
    el("span", { class: "grow" }),
    ...(isSavable() ? [iconButton("saved", say("save_title"), () => tell("save"))] : []),
    el("button", { type: "button", class: "small", onclick: () => tell("download") },
      icon("download"), say("download")),
  );
  const notes = [answer.translated && say("translated", { words: answer.translated }),
    answer.weight === 0 && say("weight_0"), ...answer.warnings].filter(Boolean);
  status.append(...notes.map((words) => el("p", { class: "remark" }, words)));
}

const KINDS = ["percentile", "cosine", "match"];

/** A score with the digits that mean something. */
export function shownScore(kind, value) {
  if (kind === "percentile") return (Math.floor(value * 10) / 10).toFixed(1); // 99.97 is not all
  if (kind === "cosine") return value.toFixed(3);
  return Number(value.toPrecision(2)).toString();
}

function scores(hit) {
  const list = el("dl", { class: "scores" });
  for (const kind of KINDS.filter((one) => one in hit.scores)) {
    list.append(el("div", { title: say(`explain_${kind}`) },
      el("dt", {}, say(kind)), el("dd", {}, shownScore(kind, hit.scores[kind]))));
  }
  return list;
}

function explain() {
  const dialog = byId("scores");
  const kinds = new Set(shown.flatMap((hit) => Object.keys(hit.scores)));
  const parts = KINDS.filter((kind) => kinds.has(kind)).map((kind) =>
    [el("dt", {}, say(kind)), el("dd", {}, say(`explain_${kind}`))]);
  if (!kinds.has("match")) parts.push([el("dt", {}, say("no_match")), el("dd", {}, say("explain_no_match"))]);
  dialog.replaceChildren(dialogHead(dialog, "scores-title", say("scores_title")),
    el("p", {}, say("scores_say")), el("dl", { class: "terms" }, ...parts.flat()));
  dialog.showModal();
}

// ---- cards ----

function card(hit, before) {
  if (before?.dataset.said === said(hit)) {
    before.querySelector(".rank").textContent = hit.rank;
    before.querySelector(".picture").setAttribute("aria-label", shownLarge(hit));
    before.classList.remove("lit");
    cards.set(hit.chip, before);
    return before;
  }
  const picture = el("button", {
    type: "button", class: "picture", tabindex: -1,
    "aria-label": shownLarge(hit),
    onclick: () => open(hit.chip),
  }, el("img", { src: thumbnail(hit.chip, CARD_PX), alt: "", loading: "lazy", decoding: "async" }));
  const made = el("li", { class: "card", "data-chip": hit.chip, "data-said": said(hit) },
    picture, el("span", { class: "rank" }, String(hit.rank)),
    el("div", { class: "acts" },
      act("similar", "similar_long", () => similar(hit.chip)),
      act("like", "like_long", () => judge(hit.chip, "liked")),
      act("dislike", "dislike_long", () => judge(hit.chip, "disliked"))),
    el("div", { class: "facts" },
      el("div", { class: "when" }, el("span", {}, day(hit.datetime)),
        el("span", { class: "scene", title: hit.chip }, hit.scene)),
      scores(hit)));
  cards.set(hit.chip, made);
  return made;
}

const shownLarge = (hit) => say("show_large", { rank: hit.rank, date: day(hit.datetime) });

// A card may be kept where everything that it says but its rank is the same.
const said = (hit) => JSON.stringify([query.collection, hit.scores]);

const act = (name, words, press) =>
  iconButton(name, say(words), (event) => { event.stopPropagation(); press(); }, { tabindex: -1 });

// ---- in step with the map ----

const chipOf = (target) => target.closest?.(".card")?.dataset.chip;

function point(target) {
  const chip = chipOf(target);
  if (chip) tell("light", chip);
}

function light(chip) {
  if (chip === lit) return;
  cards.get(lit)?.classList.remove("lit");
  cards.get(chip)?.classList.add("lit");
  lit = chip;
}

function reveal(chip) {
  const smooth = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  cards.get(chip)?.scrollIntoView({ behavior: smooth, block: "nearest" });
  rove(cards.get(chip)?.querySelector(".picture"), false);
}

// ---- keyboard: arrows move, letters judge ----

const pictures = () => [...byId("results").querySelectorAll(".picture")];

function rove(picture, focus = true) {
  if (!picture) return;
  for (const one of pictures()) one.tabIndex = -1;
  for (const one of byId("results").querySelectorAll(".acts button")) one.tabIndex = -1;
  picture.tabIndex = 0;
  for (const one of picture.parentElement.querySelectorAll(".acts button")) one.tabIndex = 0;
  if (focus) picture.focus();
}

function steer(event) {
  const chip = chipOf(event.target);
  if (!chip || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = pictures();
  const at = all.findIndex((one) => chipOf(one) === chip);
  const columns = all.filter((one) => one.offsetTop === all[0].offsetTop
    && one.parentElement.offsetTop === all[0].parentElement.offsetTop).length;
  const steps = {
    ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns,
    Home: -at, End: all.length - 1 - at,
  };
  const acts = { s: () => similar(chip), l: () => judge(chip, "liked"), d: () => judge(chip, "disliked") };
  if (event.key in steps) {
    event.preventDefault();
    rove(all[Math.max(0, Math.min(all.length - 1, at + steps[event.key]))]);
  } else if (event.key in acts) {
    event.preventDefault();
    acts[event.key]();
  }
}

// ---- one hit large ----

function open(chip) {
  const at = shown.findIndex((hit) => hit.chip === chip);
  if (at < 0) return;
  const hit = shown[at];
  const dialog = byId("detail");
  const step = (by) => open(shown[(at + by + shown.length) % shown.length].chip);
  const leave = (then) => () => { dialog.close(); then(hit.chip); };
  const path = `v1/collections/${encodeURIComponent(query.collection)}/chips/${encodeURI(hit.chip)}`;
  dialog.replaceChildren(
    dialogHead(dialog, "detail-title", say("hit", { rank: hit.rank })),
    el("div", { class: "large" },
      iconButton("left", say("previous"), () => step(-1)),
      el("img", { src: thumbnail(chip, LARGE_PX), alt: say("picture_of", { chip }) }),
      iconButton("right", say("next"), () => step(1))),
    scores(hit),
    el("dl", { class: "terms" }, ...facts(hit).flatMap(([term, words]) =>
      [el("dt", {}, term), el("dd", {}, words)])),
    el("div", { class: "row" },
      el("button", { type: "button", class: "primary", onclick: leave(similar) }, say("similar")),
      el("button", { type: "button", onclick: leave((one) => tell("focus", one)) }, say("on_map")),
      el("span", { class: "grow" }),
      el("a", { href: path, target: "_blank", rel: "noopener" }, say("chip_geojson"))),
  );
  dialog.onkeydown = (event) => {
    if (event.key === "ArrowRight") step(1);
    if (event.key === "ArrowLeft") step(-1);
  };
  if (!dialog.open) dialog.showModal();
  tell("light", chip);
}

function facts(hit) {
  const place = hit.footprint ? centre(hit.footprint) : say("no_place");
  return [
    [say("acquired"), day(hit.datetime)],
    [say("scene"), hit.scene],
    [say("cell"), hit.cell],
    [say("measured"), `${Math.round(100 * hit.valid_fraction)} %`],
    [say("centre"), place],
  ];
}

function centre(footprint) {
  const ring = footprint.type === "Polygon" ? footprint.coordinates[0] : footprint.coordinates[0][0];
  const middle = (axis) => {
    const values = ring.map((point) => point[axis]);
    return ((Math.min(...values) + Math.max(...values)) / 2).toFixed(5);
  };
  return `${middle(1)}, ${middle(0)}`;
}

// ---- where no hits are ----

function welcome() {
  if (!query.collection) {
    return empty(say("no_collection"), say("no_collection_say"), el("code", {}, "satseek index FOLDER"),
      say("no_collection_demo"), el("code", {}, "satseek demo run"), el("code", {}, "satseek --data-dir demo/data serve"));
  }
  const example = (words) => el("button", {
    type: "button", class: "example", onclick: () => change({ text: words }),
  }, icon("search"), words);
  const step = (name, title, words) => el("li", {}, icon(name), el("div", {}, el("b", {}, title), el("span", {}, words)));
  return el("div", { class: "welcome" },
    el("h2", {}, say("welcome")), el("p", {}, say("welcome_say")),
    el("div", { class: "examples" }, ...[1, 2, 3].map((at) => example(say(`example_${at}`)))),
    el("ul", { class: "steps", role: "list" },
      step("rectangle", say("step_area"), say("step_area_say")),
      step("jobs", say("step_dates"), say("step_dates_say")),
      step("image", say("step_image"), say("step_image_say")),
      step("like", say("step_judge"), say("step_judge_say"))),
    el("p", { class: "quiet" }, say("welcome_keys")));
}

function nothing() {
  const reasons = [query.area && say("the_area"), (query.start || query.end) && say("the_dates")].filter(Boolean);
  if (!reasons.length) {
    return empty(say("nothing"), say("nothing_chips"), el("code", {}, `satseek index FOLDER -c ${query.collection}`));
  }
  return empty(say("nothing"), say("nothing_within", { what: reasons.join(say("and")) }),
    el("button", { type: "button", onclick: () => change({ area: null, start: "", end: "" }) }, say("lift")));
}

function refuse(problem) {
  if (found.answer && problem.status === 429) {
    tell("say", problem.message);
    return;
  }
  cards.clear();
  shown = [];
  byId("status").replaceChildren();
  const again = problem.status === 401
    ? el("button", { type: "button", class: "primary", onclick: () => location.reload() }, say("login_again"))
    : el("button", { type: "button", onclick: () => change({}) }, say("try_again"));
  const refusal = empty(say("refused"), problem.message, asks() ? again : null);
  refusal.setAttribute("role", "alert");
  byId("results").replaceChildren(refusal);
}

// A thumbnail refused because the server is busy is asked for again; any other failure stays.
async function askAgain({ target }) {
  const of = target.closest?.(".card");
  if (target.tagName !== "IMG" || !of) return;
  const tries = Number(target.dataset.tries ?? 0);
  const address = target.getAttribute("src");
  const { status } = await fetch(address).catch(() => ({ status: 0 }));
  if ((status === 429 || status === 0) && tries < 6) {
    target.dataset.tries = tries + 1;
    setTimeout(() => { target.src = ""; target.src = address; }, 300 * (tries + 1));
  } else if (status >= 400 && status !== 429) {
    of.classList.add("unreadable");
    of.querySelector(".picture").dataset.words = say("unreadable");
  }
}

