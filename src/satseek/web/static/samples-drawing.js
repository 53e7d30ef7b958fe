// A run of land use that is open → a sample of its map, drawn by a job, to be judged by people.
// Knows neither places nor areas.

import { allowed, el, NAME, say, toast } from "./elements.js";
import { ask, filled, place, visit } from "./asking.js";
import { follow } from "./jobs.js";

let stop = () => {}; // ends following a job

export const leaveDrawing = () => stop();

/** The form, for whoever may draw. */
export function drawingPart(run) {
  if (!allowed("jobs") || !allowed("classify") || !run.dates.length) return null;
  const job = el("div", { id: "sample-job" });
  const choice = (name, values, chosen) => {
    const made = el("select", { name }, ...values.map(([value, words]) => el("option", { value }, words)));
    made.value = chosen;
    return made;
  };
  const number = (name, more) => el("input", { name, type: "number", step: 1, ...more });
  const since = choice("since", [], "");
  const date = choice("date", run.dates.map((one) => [one, one]), run.dates.at(-1));
  const earlier = () => since.replaceChildren(...["", ...run.dates.filter((one) => one < date.value)].map((one) =>
    el("option", { value: one }, one || say("sample_since_none"))));
  date.addEventListener("change", earlier);
  earlier();
  const labelled = (words, field) => el("label", {}, say(words), field);
  const form = el("form", { class: "stack", id: "sample-order" },
    el("p", { class: "quiet" }, say("sample_new_say")),
    labelled("sample_name", el("input", {
      name: "name", required: true, maxlength: 64, autocomplete: "off", spellcheck: "false", pattern: NAME, title: say("name_rule"),
    })),
    el("div", { class: "pairs" }, labelled("sample_date", date), labelled("sample_since", since),
      labelled("sample_size", number("size", { min: 2 })), labelled("sample_opinions", number("opinions", { min: 1, max: 9, value: 1, required: true }))),
    el("details", {}, el("summary", {}, say("more_settings")), el("div", { class: "pairs" },
      labelled("sample_least", number("least", { min: 0, value: 50, required: true })),
      labelled("sample_rule", choice("rule", ["proportional", "equal", "neyman"].map((one) => [one, say(`rule_${one}`)]), "proportional")),
      labelled("sample_unit", choice("unit", ["cell", "point"].map((one) => [one, say(`unit_${one}`)]), "cell")),
      labelled("sample_seed", number("seed", { min: 0, value: 0, required: true })))),
    el("button", { class: "primary", type: "submit" }, say("sample_go")));
  const box = el("details", { class: "boxed", id: "sample-new" }, el("summary", {}, say("sample_new")), form);
  form.addEventListener("submit", (event) => order(event, run, box, job));
  return el("div", { class: "stack" }, box, job);
}

async function order(event, run, box, spot) {
  event.preventDefault();
  const given = filled(Object.fromEntries(new FormData(event.target)));
  for (const name of ["size", "opinions", "least", "seed"]) if (name in given) given[name] = Number(given[name]);
  try {
    const job = await ask("samples", { method: "POST", body: { collection: run.collection, run: run.name, ...given } });
    box.open = false;
    toast(say("job_taken", { id: job.id.slice(-6) }), "good");
    stop();
    stop = follow(job.id, spot, (one) => {
      if (one.state === "done" && place.view === "landuse" && place.at.run === run.name) visit("samples", { sample: one.result.name });
    });
  } catch (problem) {
    toast(problem.message);
  }
}
