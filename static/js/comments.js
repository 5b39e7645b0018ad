// Comments of a study: numbered marks on the plots at the points they are about, on the ruler at their alpha and in the
// strip at their problem, and a drawer to read and write them. The page itself is not touched: it tells where it is by
// "explorer:at", its plots by "drawn", and "comments:go" asks it to show what a comment is about. `c` opens the drawer.

import { toast } from "./toast.js";
import { typing } from "./typing.js";
import { alphaText, element } from "./words.js";

const drawer = document.getElementById("comments");
const list = drawer.querySelector("[data-comments-list]");
const form = drawer.querySelector("[data-comments-form]");
const about = form.elements.about;
const opener = document.querySelector("[data-comments]");
const [root, body, rows] = ["strip", "strip-body", "strip-rows"].map((name) => document.getElementById(name));
const strip = root && { root, body, rows };
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
  const when = element("time", "muted", new Date(comment.created).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }));
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

/** Has the page show what a comment is about; a page that cannot leads to the explorer. */
function go(comment) {
  if (!document.dispatchEvent(new CustomEvent("comments:go", { detail: comment, cancelable: true }))) return;
  const address = new URLSearchParams();
  if (comment.alpha !== null) address.set("a", String(comment.alpha));
  if (comment.problem) address.set("problem", comment.problem);
  location.assign(`${drawer.dataset.explorer}?${address}`);
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
  made.dataset.of = JSON.stringify(found.map(({ id, number, edited }) => [id, number, edited]));
  made.style.left = `${left.toFixed(1)}px`;
  made.style.top = `${top.toFixed(1)}px`;
  made.title = found.map((comment) => `${comment.author}: ${comment.text.slice(0, 120)}`).join("\n");
  made.setAttribute("aria-label", `${found.length === 1 ? `Comment ${found[0].number}` : `${found.length} comments`} about ${found[0].about}`);
  made.addEventListener("click", () => { show(true); point(found[0]); });
  return made;
}

/** Puts marks into the layer above an element. One that stands there already is moved, so that a hand or the focus on it
 * stays on it. */
function lay(parent, badges) {
  let layer = parent.querySelector(":scope > .comment-marks");
  if (!layer) parent.append(layer = element("div", "comment-marks"));
  const known = new Map();
  for (const one of [...layer.children]) {
    if (known.has(one.dataset.of)) one.remove();
    else known.set(one.dataset.of, one);
  }
  const kept = badges.map((made) => {
    const old = known.get(made.dataset.of);
    if (!old) return made;
    known.delete(made.dataset.of);
    old.style.cssText = made.style.cssText;
    return old;
  });
  for (const gone of known.values()) gone.remove();
  kept.forEach((one, place) => layer.children[place] === one || layer.insertBefore(one, layer.children[place] ?? null));
}

function grouped(key) {
  const found = new Map();
  for (const comment of comments) if (key(comment) !== null) found.set(key(comment), [...(found.get(key(comment)) ?? []), comment]);
  return found;
}

/** The evaluation that a mark stands for: a plot whose marks have other keys says so in `references`. */
const evaluationOf = (plot, key) => (plot.references ? plot.references.get(key) : key);

/** Beside the marks of a plot, where Plotly drew them. */
function markPlot(plot) {
  const frame = plot.parentElement;
  if (!plot._fullData || !frame) return;
  const about = grouped((comment) => comment.evaluation);
  const badges = [];
  for (const trace of about.size ? plot._fullData : []) {
    if (!trace.meta?.marks || !Array.isArray(trace.customdata)) continue;
    const drawn = plot.querySelectorAll(`.trace${trace.uid} .points path.point`);
    trace.customdata.forEach((key, index) => {
      const found = about.get(evaluationOf(plot, key));
      const box = found && drawn[index]?.getBoundingClientRect();
      if (!box?.width) return;
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      const [paper, around] = [plot.getBoundingClientRect(), frame.getBoundingClientRect()];
      const { l, t, w, h } = plot._fullLayout._size;
      const inside = x >= paper.x + l && x <= paper.x + l + w && y >= paper.y + t && y <= paper.y + t + h;
      if (inside) badges.push(badge(found, x - around.x - 15, y - around.y - 15));
    });
  }
  lay(frame, badges);
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
  lay(ruler, badges);
}

/** Beside the names of the strip's problems: a layer above the rows, which are options and may hold no button. */
function markStrip() {
  if (!strip) return;
  const about = grouped((comment) => comment.problem);
  const sight = strip.body.getBoundingClientRect();
  const frame = strip.root.getBoundingClientRect();
  const badges = [];
  const rows = [...strip.rows.children].sort((one, other) => one.getBoundingClientRect().y - other.getBoundingClientRect().y);
  for (const row of rows) {
    const found = about.get(row.dataset.slug);
    row.classList.toggle("commented", found !== undefined);
    row.title = found ? (found.length === 1 ? "1 comment" : `${found.length} comments`) : "";
    const box = found && row.firstElementChild.getBoundingClientRect();
    const middle = box && box.y + box.height / 2;
    if (box && middle > sight.y && middle < sight.bottom) badges.push(badge(found, box.right - frame.x - 14, middle - frame.y));
  }
  lay(strip.root, badges);
}

function mark() {
  for (const plot of document.querySelectorAll(".js-plotly-plot")) markPlot(plot);
  markRuler();
  markStrip();
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
      if (typeof key === "string" && here.alpha === null) { here = { alpha: null, reference: evaluationOf(target, key) }; offer(); }
    });
    new ResizeObserver(() => soon(mark)).observe(target);
  }
  soon(mark);
}, true);
const thumb = document.getElementById("thumb");
if (thumb) new MutationObserver(() => soon(markRuler)).observe(thumb, { attributes: true, attributeFilter: ["aria-valuemin", "aria-valuemax"] });
if (strip) {
  let due = false;
  // A row that scrolls takes its mark along at once.
  const follow = () => { due ||= Boolean(requestAnimationFrame(() => { due = false; markStrip(); })); };
  strip.body.addEventListener("scroll", follow, { passive: true });
  new MutationObserver(follow).observe(strip.rows, { childList: true });
  new ResizeObserver(follow).observe(strip.root);
}

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
