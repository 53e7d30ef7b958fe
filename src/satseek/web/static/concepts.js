// What is asked → a concept saved under a name; a saved one → a question.
// Knows no scores. Whoever may not change collections may ask concepts, but not save them.

import { allowed, byId, dialogHead, el, empty, iconButton, NAME, say, toast } from "./elements.js";
import { ask, change, on, query, tell } from "./asking.js";

export function startConcepts() {
  on("viewed", (name) => name === "saved" && show());
  on("save", openDialog);
}

/** Whether what is asked can be saved: words and chips can, an image cannot. */
export const isSavable = () =>
  allowed("collections") && !query.image && !query.concept && Boolean(query.text.trim() || query.liked.length);

function openDialog() {
  const dialog = byId("download");
  const name = el("input", {
    required: true, maxlength: 64, pattern: NAME, title: say("name_rule"), autocomplete: "off",
    spellcheck: "false", value: query.text.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 64),
  });
  const form = el("form", { class: "stack" },
    dialogHead(dialog, "download-title", say("save_title")),
    el("p", { class: "quiet" }, say("save_say")),
    el("label", {}, say("name"), name),
    el("div", { class: "row" }, el("span", { class: "grow" }), el("button", { class: "primary", type: "submit" }, say("save"))));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await save(name.value.trim())) dialog.close();
  });
  dialog.replaceChildren(form);
  dialog.showModal();
  name.select();
}

async function save(name) {
  const named = (chips) => chips.map((chip) => `${query.collection}/${chip}`);
  const body = {
    prompts: query.text.trim() ? [query.text.trim()] : [],
    liked: named(query.liked), disliked: named(query.disliked),
  };
  try {
    const saved = await ask(`concepts/${encodeURIComponent(name)}`, { method: "PUT", body });
    toast(say("saved_as", { name: saved.name, version: saved.version }), "good");
    return true;
  } catch (problem) {
    toast(problem.message);
    return false;
  }
}

async function show() {
  try {
    const { concepts } = await ask("concepts");
    byId("concepts").replaceChildren(...(concepts.length ? concepts.map(box)
      : [empty(say("no_concepts"), say("no_concepts_say"))]));
  } catch (problem) {
    byId("concepts").replaceChildren(empty(say("refused"), problem.message));
  }
}

function box(one) {
  const clicks = [[one.liked, "clicks_liked"], [one.disliked, "clicks_disliked"]]
    .filter(([chips]) => chips.length).map(([chips, key]) => say(key, { count: chips.length }));
  const search = () => {
    change({ concept: one.name, text: "", image: null, imageName: "", liked: [], disliked: [] });
    tell("view", "search");
  };
  return el("article", { class: "boxed", "data-concept": one.name },
    el("div", { class: "row" }, el("h3", {}, one.name), el("span", { class: "badge" }, say("version_n", { version: one.version })),
      el("span", { class: "grow" }), el("button", { type: "button", onclick: search }, say("go")),
      allowed("collections") ? iconButton("close", say("remove", { what: one.name }), () => remove(one.name)) : null),
    el("p", { class: "quiet" }, [...one.prompts, ...clicks].join(" · ")));
}

async function remove(name) {
  try {
    await ask(`concepts/${encodeURIComponent(name)}`, { method: "DELETE" });
  } catch (problem) {
    toast(problem.message);
  }
  show();
}
