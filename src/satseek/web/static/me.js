// Who decides and judges: who is logged in, else the name that somebody gives themselves here.
// Knows no server; a server that asks who people are takes no other name.

import { boot, byId, say } from "./elements.js";

const KEPT = "satseek-name";
const LOCAL = "local"; // as the server calls everybody where nobody is asked who they are

const isFree = () => boot.who === LOCAL;
const given = () => (isFree() ? localStorage.getItem(KEPT) ?? "" : "");

/** The name under which findings know them. */
export const me = () => (given() ? `${LOCAL}:${given()}` : boot.who);

/** What goes with a decision to tell whose it is. */
export const signed = (body) => (given() ? { ...body, who: given() } : body);

/** Let a field of the page take the name; where people log in, there is none. */
export function startMe(id, changed) {
  const field = byId(id);
  field.closest("label").hidden = !isFree();
  field.placeholder = say("your_name_none");
  const show = () => { field.value = given(); };
  field.addEventListener("change", () => {
    localStorage.setItem(KEPT, field.value.trim());
    changed();
  });
  field.addEventListener("focus", show);
  show();
}
