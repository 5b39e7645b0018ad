// The command palette: Ctrl+K or ⌘K, or <button data-palette>. Pages and actions are the links and buttons that the page
// itself offers, so nobody is offered what they may not do; studies, checkpoints, problems, runs and reports come from
// the server by name. Arrows choose, Enter opens, Esc closes.

const PAUSE_MS = 120;
const LINES = 40;

let dialog = null;
let input = null;
let list = null;
let local = [];
let items = [];
let at = 0;
let asked = 0;
let timer = null;
let before = null;

function build() {
  dialog = document.createElement("dialog");
  dialog.className = "palette";
  dialog.setAttribute("aria-label", "Go to a page or a thing by name");
  dialog.innerHTML = `<input type="search" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list"
    autocomplete="off" spellcheck="false" placeholder="${document.body.dataset.person ? "Page, study, checkpoint, problem, run or action" : "Page or action"}" aria-label="Name">
    <div role="listbox" id="palette-list" aria-label="Found" tabindex="-1"></div>
    <p class="palette-foot"><span aria-live="polite" data-found></span><span class="fill"></span><span><kbd>↑</kbd> <kbd>↓</kbd> choose &nbsp;<kbd>Enter</kbd> open &nbsp;<kbd>Esc</kbd> close</span></p>`;
  document.body.append(dialog);
  input = dialog.querySelector("input");
  list = dialog.querySelector("[role=listbox]");
  input.addEventListener("input", search);
  dialog.addEventListener("keydown", key);
  dialog.addEventListener("close", () => before?.focus?.());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
    const line = event.target.closest("[role=option]");
    if (line) take(Number(line.dataset.at), event);
  });
}

/** What the page offers: its tabs, its menus, its theme. */
function offered() {
  const words = (link) => [...link.childNodes].filter((node) => node.nodeName !== "SMALL").map((node) => node.textContent).join("").replace(/\s+/g, " ").trim();
  const detail = (link) => link.querySelector("small")?.textContent.trim() ?? "";
  const links = (selector, kind) => [...document.querySelectorAll(selector)].map((link) => ({ kind, name: words(link), detail: kind === "page" ? "" : detail(link), address: link.href }));
  const theme = (choice) => ({ kind: "action", name: `Theme: ${choice}`, detail: "", act: () => document.dispatchEvent(new CustomEvent("theme:choose", { detail: choice })) });
  const found = [
    ...links("nav.tabs a", "page"),
    ...links(".crumbs a", "page"),
    ...links(".top details.menu > div > a", "action"),
    ...links("main .page-head a.button, main .empty a.button", "action"),
    ...["light", "dark", "system"].map(theme),
    { kind: "action", name: "Keyboard help", detail: "", act: () => document.getElementById("help")?.showModal() },
  ];
  const leads = ({ name, address, act }) => name && (address || act); // what a share link does not show has no address
  return found.filter((one, index) => leads(one) && found.findIndex((other) => other.name === one.name && other.address === one.address) === index);
}

/** Every word must be in the name or the detail; names that begin with the words come first. */
function matching(words) {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  return local
    .filter(({ name, detail }) => parts.every((part) => `${name} ${detail}`.toLowerCase().includes(part)))
    .sort((a, b) => Number(b.name.toLowerCase().startsWith(parts[0] ?? "")) - Number(a.name.toLowerCase().startsWith(parts[0] ?? "")));
}

function search() {
  asked += 1;
  const mine = asked;
  const words = input.value.trim();
  show(matching(words));
  clearTimeout(timer);
  if (!document.body.dataset.person) return;
  timer = setTimeout(async () => {
    const { study } = document.body.dataset;
    const address = study ? `/studies/${study}/palette.json` : "/palette.json";
    const response = await fetch(`${address}?q=${encodeURIComponent(words)}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (mine !== asked) return;
    if (!response?.ok) {
      say("The server could not be asked; only what this page offers is listed");
      return;
    }
    const found = (await response.json()).items;
    if (mine === asked) show([...matching(words), ...found]);
  }, PAUSE_MS);
}

function show(found) {
  const chosen = items[at];
  items = found.slice(0, LINES);
  const same = items.findIndex((one) => chosen && one.name === chosen.name && one.address === chosen.address);
  at = Math.max(same, 0);
  list.replaceChildren(...items.map(line));
  say(items.length ? "" : "Nothing is called so");
  mark();
}

function say(words) {
  dialog.querySelector("[data-found]").textContent = words;
}

function line({ kind, name, detail }, index) {
  const made = Object.assign(document.createElement("div"), { id: `palette-${index}` });
  made.setAttribute("role", "option");
  made.dataset.at = index;
  for (const [className, text] of [["kind", kind], ["name", name], ["detail", detail]]) made.append(Object.assign(document.createElement("span"), { className, textContent: text }));
  return made;
}

function mark() {
  [...list.children].forEach((child, index) => child.setAttribute("aria-selected", String(index === at)));
  if (items.length) input.setAttribute("aria-activedescendant", `palette-${at}`); else input.removeAttribute("aria-activedescendant");
  list.children[at]?.scrollIntoView({ block: "nearest" });
}

function key(event) {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
  if (event.key in steps && items.length) {
    event.preventDefault();
    at = Math.min(Math.max(at + steps[event.key], 0), items.length - 1);
    mark();
  } else if (event.key === "Escape") {
    // A search field would only empty itself.
    event.preventDefault();
    dialog.close();
  } else if (event.key === "Enter") {
    event.preventDefault();
    take(at, event);
  }
}

function take(index, event) {
  const item = items[index];
  if (!item) return;
  dialog.close();
  if (item.act) item.act();
  else if (event.ctrlKey || event.metaKey) window.open(item.address, "_blank", "noopener");
  else location.assign(item.address);
}

function open() {
  if (!dialog) build();
  if (dialog.open || document.querySelector("dialog[open]")) return;
  before = document.activeElement;
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
  local = offered();
  input.value = "";
  at = 0;
  items = [];
  dialog.showModal();
  search();
  input.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (dialog?.open) dialog.close(); else open();
});
document.addEventListener("click", (event) => event.target.closest("[data-palette]") && open());
