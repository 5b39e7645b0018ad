// Comments of a study: numbered marks on the plots at the points they are about and on the ruler at their alpha, and a
// drawer to read and write them. The page itself is not touched: it tells where it is by "explorer:at", its plots by
// "drawn", and is moved by its address. `c` opens the drawer.

import { toast } from "./toast.js";
import { typing } from "./typing.js";
import { alphaText, element } from "./words.js";

const drawer = document.getElementById("comments");
const list = drawer.querySelector("[data-comments-list]");
const form = drawer.querySelector("[data-comments-form]");
const about = form.elements.about;
const opener = document.querySelector("[data-comments]");
const SOON_MS = 150;
let comments = [];
let here = { alpha: null, reference: null };
let editing = null;
let lit = null;

// Reading and writing --------------------------------------------------------------------------------------------------

async function ask(address, fields = null) {
  let body;
  if (fields) {
    body = new FormData();
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
  }
  const response = await fetch(address, { method: fields ? "POST" : "GET", body, headers: { Accept: "application/json" } })
    .catch(() => { throw new Error("The server cannot be reached. Try again."); });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `The server answered ${response.status}. Reload the page.`);
  take(answer.comments);
}

const one = (comment, verb = "") => drawer.dataset.one.replace("/0/", `/${comment.id}/${verb ? `${verb}/` : ""}`);

function take(fresh) {
  comments = fresh;
  for (const count of document.querySelectorAll("[data-comments-count]")) count.textContent = comments.length || "";
  drawer.querySelector("[data-comments-none]").hidden = comments.length > 0;
  list.replaceChildren(...comments.map(item));
  mark();
}

function item(comment) {
  const place = element("button", "quiet comment-about", comment.about);
  place.type = "button";
  place.disabled = comment.alpha === null && !comment.problem;
  place.addEventListener("click", () => go(comment));
  const when = element("time", "muted", new Date(comment.created).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  when.dateTime = comment.created;
  const head = element("p", "comment-head small", element("span", "comment-mark", String(comment.number)), element("b", "", comment.author), when);
  if (comment.edited) head.append(element("span", "muted", "edited"));
  const made = element("li", "comment", head, place, element("p", "comment-text", comment.text));
  made.id = `comment-${comment.id}`;
  if (comment.own || comment.may_delete) made.append(actions(comment));
  return made;
}

function actions(comment) {
  const row = element("p", "row small");
  const button = (words, act) => {
    const made = element("button", "quiet", words);
    made.type = "button";
    made.addEventListener("click", act);
    row.append(made);
  };
  if (comment.own) button("Edit", () => edit(comment));
  if (comment.may_delete) button("Delete", () => remove(comment));
  return row;
}

async function remove(comment) {
  try {
    await ask(one(comment, "delete"), {});
    toast("The comment is deleted.", { undo: () => ask(one(comment, "restore"), {}) });
  } catch (error) {
    toast(error.message, { grave: true });
  }
}

function edit(comment) {
  editing = comment;
  form.elements.text.value = comment.text;
  about.disabled = true;
  drawer.querySelector("[data-comments-cancel]").hidden = false;
  form.querySelector("button.main").textContent = "Change it";
  form.elements.text.focus();
}

function leave() {
  editing = null;
  form.reset();
  about.disabled = false;
  drawer.querySelector("[data-comments-cancel]").hidden = true;
  form.querySelector("button.main").textContent = "Comment";
  refuse("");
  offer();
}

function refuse(words) {
  const line = form.querySelector("[data-refused]");
  line.textContent = words;
  line.hidden = words === "";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button.main");
  button.disabled = true;
  try {
    const text = form.elements.text.value;
    if (editing) await ask(one(editing), { text });
    else await ask(drawer.dataset.address, { text, ...anchors()[about.value]?.fields });
    leave();
    list.lastElementChild?.scrollIntoView({ block: "nearest" });
  } catch (error) {
    refuse(error.message);
  }
  button.disabled = false;
});
drawer.querySelector("[data-comments-cancel]").addEventListener("click", leave);

// Where a comment can stand --------------------------------------------------------------------------------------------

function anchors() {
  const found = {};
  const problem = new URLSearchParams(location.search).get("problem");
  if (here.reference) found.point = { words: here.alpha === null ? "the point last clicked" : `the point at a = ${alphaText(here.alpha)}`, fields: { evaluation: here.reference } };
  if (here.alpha !== null) found.alpha = { words: `a = ${alphaText(here.alpha)}`, fields: { alpha: here.alpha } };
  if (problem) found.problem = { words: problem, fields: { problem } };
  found.study = { words: "the study", fields: {} };
  return found;
}

function offer() {
  if (drawer.hidden || editing) return;
  const before = about.value;
  const found = anchors();
  about.replaceChildren(...Object.entries(found).map(([key, { words }]) => new Option(words, key)));
  if (before in found) about.value = before;
}

/** Moves the page to what a comment is about, as a new entry of its history. */
function go(comment) {
  const address = new URLSearchParams(location.search);
  if (comment.alpha !== null) address.set("a", String(comment.alpha));
  if (comment.problem) address.set("problem", comment.problem);
  history.pushState(null, "", `?${address}`);
  dispatchEvent(new PopStateEvent("popstate"));
}

document.addEventListener("explorer:at", ({ detail }) => {
  if (detail.alpha === here.alpha && detail.reference === here.reference) return;
  here = detail;
  soon(offer);
});

// Marks ----------------------------------------------------------------------------------------------------------------

function badge(found, left, top) {
  const made = element("button", "comment-mark", found.length === 1 ? String(found[0].number) : `${found[0].number}+`);
  made.type = "button";
  made.style.left = `${left.toFixed(1)}px`;
  made.style.top = `${top.toFixed(1)}px`;
  made.title = found.map((comment) => `${comment.author}: ${comment.text.slice(0, 120)}`).join("\n");
  made.setAttribute("aria-label", `${found.length === 1 ? `Comment ${found[0].number}` : `${found.length} comments`} about ${found[0].about}`);
  made.addEventListener("click", () => { show(true); point(found[0]); });
  return made;
}

function layer(parent) {
  const known = parent.querySelector(":scope > .comment-marks");
  if (known) return known;
  const made = element("div", "comment-marks");
  parent.append(made);
  return made;
}

function grouped(key) {
  const found = new Map();
  for (const comment of comments) if (key(comment) !== null) found.set(key(comment), [...(found.get(key(comment)) ?? []), comment]);
  return found;
}

/** Above the marks of a plot whose `customdata` is what comments are about. */
function markPlot(plot) {
  const layout = plot._fullLayout;
  if (!layout?.xaxis?._length || !plot.parentElement) return;
  const about = grouped((comment) => comment.evaluation);
  const badges = [];
  for (const trace of plot.data) {
    if (!trace.meta?.marks || !Array.isArray(trace.customdata)) continue;
    trace.customdata.forEach((key, index) => {
      if (!about.has(key)) return;
      const { xaxis, yaxis } = layout;
      const left = xaxis._offset + xaxis.d2p(trace.x[index]);
      const top = yaxis._offset + yaxis.d2p(trace.y[index]);
      if (left >= xaxis._offset && left <= xaxis._offset + xaxis._length && top >= yaxis._offset && top <= yaxis._offset + yaxis._length) badges.push(badge(about.get(key), left - 15, top - 15));
    });
  }
  layer(plot.parentElement).replaceChildren(...badges);
}

/** Under the ruler, at alphas. */
function markRuler() {
  const [ruler, thumb] = [document.getElementById("ruler"), document.getElementById("thumb")];
  if (!ruler) return;
  const [low, high] = [Number(thumb.getAttribute("aria-valuemin")), Number(thumb.getAttribute("aria-valuemax"))];
  const ticks = document.getElementById("ticks");
  const badges = [...grouped((comment) => (comment.evaluation || comment.problem ? null : comment.alpha))]
    .filter(([alpha]) => alpha >= low && alpha <= high)
    .map(([alpha, found]) => badge(found, ticks.offsetLeft + (alpha - low) / (high - low) * ticks.clientWidth, 0));
  layer(ruler).replaceChildren(...badges);
}

function mark() {
  for (const plot of document.querySelectorAll(".js-plotly-plot")) markPlot(plot);
  markRuler();
}

/** Runs `work` once when the page has rested. */
const waiting = new Map();
function soon(work) {
  clearTimeout(waiting.get(work));
  waiting.set(work, setTimeout(work, SOON_MS));
}

const bound = new WeakSet();
document.addEventListener("drawn", ({ target }) => {
  if (!bound.has(target)) {
    bound.add(target);
    target.on("plotly_relayout", () => soon(mark));
    target.on("plotly_click", ({ points }) => {
      const key = points[0]?.customdata;
      if (typeof key === "string" && here.alpha === null) { here = { alpha: null, reference: key }; offer(); }
    });
    new ResizeObserver(() => soon(mark)).observe(target);
  }
  soon(mark);
}, true);
const thumb = document.getElementById("thumb");
if (thumb) new MutationObserver(() => soon(markRuler)).observe(thumb, { attributes: true, attributeFilter: ["aria-valuemin", "aria-valuemax"] });

// The drawer -----------------------------------------------------------------------------------------------------------

function show(open) {
  drawer.hidden = !open;
  opener?.setAttribute("aria-expanded", String(open));
  document.body.classList.toggle("with-comments", open);
  if (open) offer();
}

/** Brings one comment into view and lights it. */
function point(comment) {
  const shown = document.getElementById(`comment-${comment.id}`);
  lit?.classList.remove("current");
  lit = shown;
  shown?.classList.add("current");
  shown?.scrollIntoView({ block: "nearest" });
}

opener?.addEventListener("click", () => show(drawer.hidden));
drawer.querySelector("[data-comments-close]").addEventListener("click", () => { show(false); opener?.focus(); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "c" && !event.defaultPrevented) show(drawer.hidden);
});
drawer.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  show(false);
  opener?.focus();
});

const read = () => ask(drawer.dataset.address).catch((error) => toast(`The comments could not be read: ${error.message}`, { grave: true }));
document.body.addEventListener("live:comment", () => { if (!editing) soon(read); });
read();
