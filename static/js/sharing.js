// Sharing and saving the view one looks at: <button data-opens="share-dialog"> opens a dialog, which sends the address of
// the page as it is now. And on a page that a share link opened: what the link pins cannot be changed, what it does not
// show is no link, and when it is revoked the page is gone.

import { toast } from "./toast.js";

const by = (id) => document.getElementById(id);

// Dialogs -------------------------------------------------------------------------------------------------------------

function open(dialog, opener) {
  const form = dialog.querySelector("form");
  form.hidden = false;
  dialog.querySelector("[data-made]")?.setAttribute("hidden", "");
  refuse(form, "");
  if (form.elements.address) form.elements.address.value = location.pathname + location.search;
  if (opener.dataset.action) form.action = opener.dataset.action;
  for (const [name, value] of [["name", opener.dataset.fillName], ["note", opener.dataset.fillNote]]) {
    if (value !== undefined) form.elements[name].value = value;
  }
  dialog.showModal();
}

function refuse(form, words) {
  const line = form.querySelector("[data-refused]");
  line.textContent = words;
  line.hidden = words === "";
}

const sent = {
  share(dialog, { address, embed }) {
    by("share-address").value = address;
    by("share-frame").value = `<iframe src="${embed}" width="100%" height="900" style="border:0" loading="lazy"></iframe>`;
    dialog.querySelector("form").hidden = true;
    dialog.querySelector("[data-made]").hidden = false;
    by("share-address").select();
  },
  save(dialog, { address, said }) {
    dialog.close();
    toast(said);
    location.assign(address);
  },
};

async function send(form) {
  const dialog = form.closest("dialog");
  const button = form.querySelector("button.main");
  button.disabled = true;
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const answer = await response.json();
    if (response.ok) sent[form.dataset.send](dialog, answer);
    else refuse(form, answer.error);
  } catch {
    refuse(form, "The server did not answer. Try again.");
  }
  button.disabled = false;
}

document.addEventListener("click", ({ target }) => {
  const opener = target.closest("[data-opens]");
  if (opener) open(by(opener.dataset.opens), opener);
  if (target.closest("dialog [data-close]")) target.closest("dialog").close();
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-send]")) return;
  event.preventDefault();
  send(event.target);
});

// A change that can be undone: <form data-undo="address"> is sent, and the toast offers the way back. ---------------------

async function post(address, fields) {
  const response = await fetch(address, { method: "POST", body: fields, headers: { Accept: "application/json" } });
  if (response.ok) return;
  const answer = await response.json().catch(() => ({}));
  throw new Error(answer.error ?? "The server refused. Reload the page and try again.");
}

async function change(form) {
  const part = form.closest("[data-reread]")?.id;
  const [there, back] = [new FormData(form), new FormData(form)];
  if (form.dataset.backRole) back.set("role", form.dataset.backRole);
  try {
    await post(form.action, there);
    toast(form.dataset.said, { undo: async () => { await post(form.dataset.undo, back); reread(part); } });
  } catch (error) {
    toast(error.message);
  }
  reread(part);
}

/** Reads a list again where it stands. */
function reread(part) {
  if (part) window.htmx.ajax("GET", location.pathname + location.search, { source: `#${part}`, target: `#${part}`, swap: "outerHTML" });
  else location.reload();
}

document.addEventListener("submit", (event) => {
  // What one cannot take back oneself is asked first.
  if (event.target.dataset.ask && !window.confirm(event.target.dataset.ask)) event.preventDefault();
  if (!event.target.matches("[data-undo]")) return;
  event.preventDefault();
  change(event.target);
});
document.addEventListener("change", ({ target }) => {
  if (target.form?.matches("[data-on-change]")) target.form.requestSubmit();
});

// A page that a share link opened --------------------------------------------------------------------------------------

const free = document.body.dataset.free?.split(" ");

/** The part of an address that the link pins, to be compared. */
function pinnedOf({ search }) {
  return [...new URLSearchParams(search)].filter(([name, value]) => value && !free.includes(name)).map(String).sort().join("&");
}

function refused(address) {
  const url = new URL(address, document.baseURI);
  return url.origin === location.origin && !(url.pathname === location.pathname && pinnedOf(url) === pinnedOf(location));
}

/** Fields of what the link pins are shown and not to be changed; addresses that it does not show are plain text, also
 * those of rows and of marks. */
function fix(root) {
  for (const field of root.querySelectorAll("form input[name], form select[name], form textarea[name]")) {
    if (!free.includes(field.name) && field.type !== "hidden") field.disabled = true;
  }
  for (const name of ["href", "data-href", "data-problem"]) {
    for (const one of root.querySelectorAll(`[${name}]`)) if (refused(one.getAttribute(name))) one.removeAttribute(name);
  }
}

if (free) {
  const content = by("content");
  let due = null;
  fix(content);
  new MutationObserver(() => { due ??= setTimeout(() => { due = null; fix(content); }, 200); }).observe(content, { childList: true, subtree: true });
  document.body.addEventListener("live:refused", () => location.reload());
}

// A saved view: once the page has another state, it shows the data of now, and says so. ------------------------------------

const line = document.querySelector("[data-saved-query]");

function tell() {
  const kept = new URLSearchParams(line.dataset.savedQuery);
  const decide = (query) => [...query].filter(([name, value]) => value && !name.startsWith("@") && !line.dataset.free.split(" ").includes(name)).map(String).sort().join("&");
  const own = decide(kept) === decide(new URLSearchParams(location.search));
  for (const words of line.querySelectorAll("[data-when-pinned]")) words.hidden = !own;
  for (const words of line.querySelectorAll("[data-when-live]")) words.hidden = own;
}

if (line) document.addEventListener("view:asked", tell);
