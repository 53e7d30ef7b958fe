// Collections and models of this server → what a person may see of them, and do.
// Knows no search. What somebody may not do is not shown.

import { allowed, byId, counted, day, dialogHead, el, empty, number, say, toast } from "./elements.js";
import { ask, enter, on, place, query, tell, visit } from "./asking.js";
import { terms } from "./tables.js";

export const view = () => place.view;

export function startViews() {
  for (const one of document.querySelectorAll("[data-scope]")) {
    if (!allowed(one.dataset.scope)) one.remove();
  }
  byId("rail").addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button) openView(button.dataset.view);
  });
  byId("index")?.addEventListener("submit", submitIndex);
  on("view", (name) => openView(name));
  on("visited", show);
}

const LOADS = { collections: () => showCollections(), models: () => showModels() };

/** Open a view, and something in it: `at` stands in the address. */
export const openView = (name, at = {}) => visit(name, at);

/** Show the view that the address names; one that is not there, or not allowed, is the search. */
export function show() {
  const sections = [...document.querySelectorAll(".view")];
  if (!sections.some((one) => one.dataset.view === place.view)
    || !byId("rail").querySelector(`[data-view="${CSS.escape(place.view)}"]`)) Object.assign(place, { view: "search", at: {} });
  const name = place.view;
  for (const button of byId("rail").children) {
    if (button.dataset.view === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  for (const section of sections) section.hidden = section.dataset.view !== name;
  byId("rail").querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "nearest" });
  tell("viewed", name);
  LOADS[name]?.();
}

/** Fill an element with what a route tells; what goes wrong stands there instead. */
async function fill(id, load) {
  try {
    byId(id).replaceChildren(...(await load()));
  } catch (problem) {
    byId(id).replaceChildren(empty(say("refused"), problem.message));
  }
}

// ---- collections ----

const showCollections = () => fill("collections", async () => {
  const into = byId("index")?.elements.collection;
  if (into && !into.value) into.value = query.collection ?? "";
  const { collections } = await ask("collections");
  if (!collections.length) {
    return [empty(say("no_collection"), say("no_collection_say"), el("code", {}, "satseek index FOLDER"))];
  }
  return collections.map(collectionBox);
});

function collectionBox(one) {
  const here = one.name === query.collection;
  const span = one.start ? [day(one.start), day(one.end)] : [say("no_date")];
  const facts = [
    [say("chips_label"), number(one.chips)], [say("scenes_label"), number(one.scenes)],
    [say("dates"), [...new Set(span)].join(" – ")], [say("model"), `${one.model.name}@${one.model.version}`],
  ];
  return el("article", { class: "boxed", "data-collection": one.name },
    el("div", { class: "row" }, el("h3", {}, one.name), el("span", { class: "grow" }),
      here ? el("span", { class: "badge" }, say("in_use"))
        : el("button", { type: "button", onclick: () => { enter(one.name); openView("search"); } }, say("search_here"))),
    terms(facts),
    one.searchable ? null : el("p", { class: "wrong" }, say("not_searchable")),
    one.refusals ? refusals(one) : null);
}

function refusals(one) {
  const list = el("ul", { class: "plain" });
  const more = el("details", {}, el("summary", {}, counted(one.refusals, "refused_files")), list);
  more.addEventListener("toggle", async () => {
    if (!more.open || list.children.length) return;
    try {
      const told = await ask(`collections/${encodeURIComponent(one.name)}/refusals?limit=100`);
      list.append(...told.refusals.map((file) => {
        const name = file.path.split(/[/\\]/).pop();
        return el("li", {}, el("b", {}, name), ` ${file.reason.replace(`${name}: `, "")}`);
      }));
    } catch (problem) {
      toast(problem.message);
    }
  });
  return more;
}

async function submitIndex(event) {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.target));
  try {
    const job = await ask("jobs", { method: "POST", body: { task: "index", ...fields } });
    event.target.reset();
    toast(say("job_taken", { id: job.id.slice(-6) }), "good");
    openView("jobs");
  } catch (problem) {
    toast(problem.message);
  }
}

// ---- models ----

const showModels = () => fill("models", async () => {
  const { models, in_force: inForce, pinned } = await ask("models");
  const said = pinned ? [el("p", { class: "quiet" }, say("pinned"))] : [];
  return [...said, ...models.map((one) => modelBox(one, { inForce, pinned }))];
});

function modelBox(one, { inForce, pinned }) {
  const now = inForce.endsWith(`@${one.version}`);
  const facts = [
    [say("version"), one.version], [say("precision"), one.precision],
    [say("size"), `${(one.bytes / 1e6).toFixed(1)} MB`], [say("gate"), say(`gate_${one.gate}`)],
  ];
  return el("article", { class: "boxed", "data-model": one.ref },
    el("div", { class: "row" }, el("h3", {}, one.name), el("span", { class: "grow" }),
      now ? el("span", { class: "badge done" }, say("in_force")) : null),
    terms(facts),
    el("div", { class: "row" },
      el("button", { type: "button", onclick: () => showCard(one.ref) }, say("card")),
      now || pinned ? null : el("button", { type: "button", onclick: () => activate(one) }, say("activate"))));
}

async function showCard(ref) {
  try {
    const { card, gate } = await ask(`models/${encodeURIComponent(ref)}`);
    const dialog = byId("keys");
    const facts = [
      [say("training_data"), card.training_data || "–"],
      ...Object.entries(card.licences).map(([part, words]) => [say("licence_of", { part }), words]),
      [say("image_size"), `${card.image_size} px`], [say("dim"), String(card.dim)],
      ...Object.entries(card.accuracy).map(([name, value]) => [name, String(value)]),
      [say("gate"), say(`gate_${gate}`)],
    ];
    dialog.replaceChildren(dialogHead(dialog, "keys-title", `${card.name}@${card.version}`), terms(facts));
    dialog.showModal();
  } catch (problem) {
    toast(problem.message);
  }
}

async function activate(one) {
  try {
    await ask(`models/${encodeURIComponent(one.ref)}/activate`, { method: "POST" });
    toast(say("activated", { ref: one.ref }), "good");
    setTimeout(() => { tell("stock"); if (view() === "models") showModels(); }, 2500);
  } catch (problem) {
    toast(problem.message);
  }
}

