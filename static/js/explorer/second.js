// A second slider, on another path or in another setting: its own ruler and read-outs, linked to the first alpha or free.
// Where both families have the same problems, the two points that are shown are compared on the majority.

import { Ruler } from "./ruler.js";
import { readAlpha } from "./state.js";
import { mcnemar, moved } from "./view.js";
import { alphaText, DASH, element, probability, rate, whole } from "../words.js";

const RATES = [["solved", "solved"], ["optimisation", "too slow"], ["correctness", "wrong"], ["no_answer", "no program"]];

export class Second {
  /** `change(values, options)` takes the second alpha, "" while linked. */
  constructor(root, { change, hovered }) {
    Object.assign(this, { root, change });
    for (const part of ["name", "box", "kind", "linked", "rates", "against", "trouble"]) this[part] = root.querySelector(`[data-part=${part}]`);
    this.readings = RATES.map(([name, words]) => {
      const [value, doubt] = [element("b", ""), element("em", "")];
      this.rates.append(element("span", "", element("span", "label", words), value, doubt));
      return { name, value, doubt };
    });
    this.ruler = new Ruler(root.querySelector(".ruler"), (alpha, committed) => change({ b: alpha }, { commit: committed }), hovered, { keys: false });
    this.linked.addEventListener("change", () => change({ b: this.linked.checked ? null : this.alpha }));
    this.box.addEventListener("change", () => {
      const { alpha, refused } = readAlpha(this.box.value);
      this.box.setAttribute("aria-invalid", String(refused !== ""));
      this.kind.textContent = refused ? `✕ ${refused}` : this.kind.textContent;
      if (!refused) change({ b: alpha });
    });
    this.box.addEventListener("focus", () => this.box.select());
  }

  /** Takes the second family's data, or null for none, and what it is called. */
  show(view, words) {
    this.view = view;
    this.root.hidden = view === null;
    this.name.textContent = words;
    this.said = null;
    if (view) this.ruler.show(view);
  }

  /** `first` and `alpha` are what the first slider shows; `b` the second's own alpha, or null while linked. */
  place(first, alpha, b) {
    const { view } = this;
    if (!view) return;
    this.alpha = b ?? alpha;
    this.linked.checked = b === null;
    const point = view.measuredAt(this.alpha)?.point ?? null;
    const estimate = point ? null : view.estimate(this.alpha);
    const kind = point ? "measured" : estimate ? "estimate" : "not measured";
    this.ruler.place(this.alpha, kind === "not measured" ? "unknown" : kind, `${alphaText(this.alpha)}, ${kind}`);
    if (document.activeElement !== this.box) {
      this.box.value = alphaText(this.alpha);
      this.box.setAttribute("aria-invalid", "false");
    }
    this.kind.textContent = kind;
    for (const { name, value, doubt } of this.readings) {
      const [mean, half] = point ? point.rates[name] : [estimate?.rates[name] ?? null, null];
      value.textContent = rate(mean);
      doubt.textContent = point ? `${half === null ? "" : `± ${rate(half)} `}(n = ${whole(point.n)})` : estimate ? "estimate" : "";
      doubt.className = estimate ? "guess" : "";
    }
    const mine = first.measuredAt(alpha);
    const key = `${mine?.reference} ${view.measuredAt(this.alpha)?.reference}`;
    if (key !== this.said) this.#compare(first, mine, view.measuredAt(this.alpha));
    this.said = key;
  }

  #compare(first, mine, other) {
    const [value, note] = ["b", "em"].map((name) => this.against.querySelector(name));
    const found = mine && other ? moved(first, mine, this.view, other) : null;
    if (!found || !found.compared) {
      value.textContent = DASH;
      note.textContent = mine && other ? "no problem in common" : "both must be measured";
      return;
    }
    value.replaceChildren(element("span", "up", `+${whole(found.won)}`), " ", element("span", "down", `−${whole(found.lost)}`));
    note.textContent = `${whole(found.compared - found.won - found.lost)} unchanged · McNemar p ${probability(mcnemar(found.won, found.lost))}`;
    this.against.title = `Problems that the second point solves in the majority of its samples and the first does not, the other way round, and neither; of ${whole(found.compared)}. McNemar's exact test of one pair chosen by hand, not adjusted.`;
  }
}
