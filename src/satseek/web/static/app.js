// Starts the parts of the page and holds what concerns all of them: collection, keys, language, light.
// Knows no details of any part.

import { allowed, boot, byId, counted, day, dialogHead, el, say, toast } from "./elements.js";
import { ask, asks, enter, on, query, readAddress, tell } from "./asking.js";
import { startClasses } from "./classes.js";
import { startCompare } from "./compare.js";
import { startConcepts } from "./concepts.js";
import { startDownload } from "./download.js";
import { startGallery } from "./gallery.js";
import { startJobs } from "./jobs.js";
import { resetLayers, startLayers, toggleHeat } from "./layers.js";
import { showExtent, startMap, stopDrawing } from "./map.js";
import { startOrdering } from "./ordering.js";
import { begin, startQuestion } from "./question.js";
import { showTimeline, startTimeline } from "./timeline.js";
import { openView, show, startViews } from "./views.js";

const MODEL_MS = 4000;

async function start() {
  startKeys();
  startLook();
  readAddress(boot.collections);
  startViews();
  startGallery();
  startQuestion();
  startTimeline();
  startDownload();
  startClasses();
  startConcepts();
  startJobs();
  startOrdering();
  on("say", (words) => toast(words, "plain"));
  on("collection", stock);
  on("stock", restock);
  byId("collection").addEventListener("change", ({ target }) => enter(target.value));
  fillCollections();
  tell("query", query);
  if (!asks()) tell("answer", null);
  await startMap();
  startLayers();
  startCompare();
  const { startMonitoring } = await import("./monitoring.js");
  startMonitoring();
  await stock();
  await begin();
  show();
  document.body.dataset.ready = "true";
  setInterval(followModel, MODEL_MS);
}

function fillCollections() {
  const chosen = byId("collection");
  chosen.replaceChildren(...boot.collections.map((name) => el("option", { value: name }, name)));
  chosen.disabled = boot.collections.length === 0;
  if (query.collection) chosen.value = query.collection;
}

/** Say what the collection amounts to, fit the map to it, and lay its tiles. */
async function stock() {
  byId("note").hidden = true;
  byId("amount").textContent = "";
  if (!query.collection) return;
  byId("collection").value = query.collection;
  try {
    const one = await ask(`collections/${encodeURIComponent(query.collection)}`);
    const span = one.start && [...new Set([day(one.start), day(one.end)])].join(" – ");
    byId("amount").textContent =
      [counted(one.chips, "chips"), counted(one.scenes, "scenes"), span].filter(Boolean).join(" · ");
    showExtent(one.extent);
    resetLayers(one.extent);
    byId("note").textContent = say("no_georeference");
    byId("note").hidden = Boolean(one.extent) || !one.chips;
    await showTimeline();
  } catch (problem) {
    toast(problem.message);
  }
}

/** Look again which collections there are: a job may have made one. */
async function restock() {
  try {
    const { collections } = await ask("collections");
    boot.collections = collections.map((one) => one.name);
    if (!query.collection && boot.collections.length) enter(boot.collections[0]);
    else await stock();
    fillCollections();
  } catch (problem) {
    toast(problem.message);
  }
}

async function followModel() {
  if (document.hidden || !allowed("search")) return;
  const told = await fetch("readyz").then((answer) => answer.json()).catch(() => ({}));
  if (told.model) byId("model").textContent = told.model;
}

// ---- keys ----

const KEYS = {
  "/": () => { openView("search"); byId("words").focus(); byId("words").select(); },
  "?": showKeys,
  g: () => { openView("search"); byId("results").querySelector(".picture[tabindex='0']")?.focus(); },
  m: () => byId("place").querySelector(".map").focus(),
  r: () => byId("draw-rectangle").click(),
  p: () => byId("draw-polygon").click(),
  h: toggleHeat,
  0: () => byId("home").click(),
};

function startKeys() {
  byId("help").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") stopDrawing();
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches?.("input:not([type=range], [type=checkbox]), textarea, select")) return;
    tell("key", event); // the open view may have keys of its own
    if (event.defaultPrevented) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function showKeys() {
  const dialog = byId("keys");
  const rows = [
    ["/", "key_words"], ["g", "key_gallery"], ["← ↑ ↓ →", "key_arrows"], ["Enter", "key_open"],
    ["l  d  s", "key_judge"], ["m", "key_map"], ["r  p", "key_draw"], ["h", "key_heat"],
    ["c  x  a  u", "key_decide"], ["j  k  b  q", "key_findings"], ["1  2  0  u", "key_samples"],
    ["0", "key_home"], ["Esc", "key_escape"], ["?", "key_keys"],
  ];
  dialog.replaceChildren(dialogHead(dialog, "keys-title", say("keys")),
    el("dl", { class: "keys" }, ...rows.flatMap(([key, words]) => [
      el("dt", {}, ...key.split(/\s+/).map((one) => el("kbd", {}, one))), el("dd", {}, say(words))])));
  dialog.showModal();
}

// ---- language and light, remembered ----

function startLook() {
  byId("language").addEventListener("click", () => {
    document.cookie = `satseek-language=${boot.other}; path=/; max-age=31536000; samesite=lax`;
    location.reload();
  });
  byId("dark").addEventListener("click", () => {
    const dark = document.documentElement.classList.toggle("dark");
    localStorage.setItem("satseek-dark", dark ? "1" : "0");
  });
}

start().catch((error) => {
  toast(error.message);
  throw error;
});
