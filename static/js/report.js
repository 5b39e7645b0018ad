// A report: draws its figures (<div data-report-figure="URL">) one after another as they come into sight, prints, and in
// the editor shows the text as it will be read. Text that is not saved is not left without a question.

import { getJson } from "./fetching.js";
import { draw } from "./figure.js";
import { toast } from "./toast.js";

const PREVIEW_PAUSE_MS = 500;

async function show(plot) {
  try {
    const answer = await getJson(plot.dataset.reportFigure);
    plot.dataset.path = answer.path;
    plot.dataset.address = answer.asks;
    plot.toggleAttribute("data-frozen", answer.frozen);
    await draw(plot, answer.figure);
  } catch (error) {
    plot.removeAttribute("aria-busy");
    plot.classList.add("missing");
    plot.textContent = error.message;
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    show(target);
  }
}, { rootMargin: "600px" });

const begin = (root) => root.querySelectorAll("[data-report-figure]").forEach((plot) => seen.observe(plot));

/** Draws what nobody has scrolled to yet, so that no page of paper is blank. */
async function printAll() {
  const waiting = [...document.querySelectorAll("[data-report-figure][aria-busy]")];
  waiting.forEach((plot) => seen.unobserve(plot));
  await Promise.all(waiting.map(show));
  print();
}

document.addEventListener("click", (event) => event.target.closest("[data-print]") && printAll());
addEventListener("beforeprint", () => {
  for (const plot of document.querySelectorAll(".js-plotly-plot")) window.Plotly.Plots.resize(plot);
});

// The editor -------------------------------------------------------------------------------------------------------------

const form = document.getElementById("editor");

function edit() {
  const { title, text } = form.elements;
  const preview = document.getElementById("preview");
  const state = form.querySelector("[data-saved-state]");
  const began = title.value + text.value;
  let kept = form.querySelector(".notice.error") === null; // what a refused form shows is not saved
  let timer = null;
  let asked = 0;

  const changed = () => !kept || title.value + text.value !== began;

  async function render() {
    asked += 1;
    const mine = asked;
    const response = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form) }).catch(() => null);
    if (mine !== asked) return;
    if (!response?.ok) {
      state.textContent = response ? await response.text() : "The server does not answer; your text is still here";
      return;
    }
    // Old figures stay until the new ones are there: one with the same address moves into its new place.
    const drawn = new Map([...preview.querySelectorAll(".js-plotly-plot")].map((plot) => [plot.dataset.reportFigure, plot]));
    const fresh = document.createElement("div");
    fresh.innerHTML = await response.text();
    for (const place of fresh.querySelectorAll("[data-report-figure]")) {
      const old = drawn.get(place.dataset.reportFigure);
      if (!old) continue;
      drawn.delete(place.dataset.reportFigure);
      old.id = place.id;
      place.replaceWith(old);
    }
    preview.replaceChildren(...fresh.childNodes);
    preview.querySelectorAll("[data-report-figure][aria-busy]").forEach((plot) => seen.observe(plot));
  }

  form.addEventListener("input", () => {
    state.textContent = changed() ? "not saved yet" : "";
    clearTimeout(timer);
    timer = setTimeout(render, PREVIEW_PAUSE_MS);
  });
  form.addEventListener("submit", () => { kept = true; form.dataset.sent = "1"; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });
  addEventListener("beforeunload", (event) => {
    if (!form.dataset.sent && changed()) event.preventDefault();
  });
  if (document.getElementById("theirs")) toast("Somebody else saved meanwhile: compare before you save");
  render();
}

begin(document);
if (form) edit();
