// Which findings → a report of them, written by a job, and the way to read it.
// Knows no finding.

import { boot, el, say, toast } from "./elements.js";
import { ask } from "./asking.js";
import { follow } from "./jobs.js";

/**
 * Fields and a button that have a report written.
 *
 * @param asked gives the job's parameters when it is pressed; what the fields say comes on top.
 * @param extra a further field: `{ name, words }` of a box to tick, or null.
 */
export function reportBox(asked, extra = null) {
  let stop = () => {}; // ends following the job of this box
  const form = el("select", { name: "form", "aria-label": say("report_form") },
    ...["html", "pdf"].map((one) => el("option", { value: one }, one.toUpperCase())));
  const tick = extra && el("input", { type: "checkbox", name: extra.name });
  const spot = el("div", { class: "stack", "aria-live": "polite" });
  const go = el("button", { type: "button", onclick: () => order({ ...asked(), form: form.value, ...(tick ? { [extra.name]: tick.checked } : {}) }) }, say("report_write"));
  return el("div", { class: "stack report-order" },
    tick && el("label", { class: "switch" }, tick, ` ${extra.words}`),
    el("div", { class: "row" }, go, form), spot);

  async function order(body) {
    stop();
    try {
      const job = await ask("jobs", { method: "POST", body: { task: "report", language: boot.language.slice(0, 2), ...body } });
      const box = el("div");
      spot.replaceChildren(box);
      stop = follow(job.id, box, (one) => one.state === "done" && spot.append(link(one)));
    } catch (problem) {
      toast(problem.message);
    }
  }
}

const link = (one) => el("p", {}, el("a", {
  href: `v1/reports/${one.id}/${encodeURIComponent(one.result.file)}`, target: "_blank", rel: "noopener",
}, say("report_read")));
