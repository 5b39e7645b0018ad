// The select of the baseline: every measured point of the view, and checkpoints that stand elsewhere.

/** Fills the select and chooses what the address names; a = 0, its default, where that is not offered. */
export function offerBaselines(select, view, chosen) {
  const offered = view.evaluations.filter((one) => one.point || one.alpha === 0);
  const options = offered.map((one) => new Option(view.nameOf(one), one.alpha === 0 ? "" : view.keyOf(one)));
  if (!offered.some((one) => one.alpha === 0)) options.unshift(new Option("a = 0", ""));
  const others = view.elsewhere.filter(([reference]) => !offered.some((one) => one.checkpoint === reference));
  if (others.length) {
    const group = Object.assign(document.createElement("optgroup"), { label: "on another path" });
    group.append(...others.map(([reference, name]) => new Option(name, reference)));
    options.push(group);
  }
  select.replaceChildren(...options);
  const named = view.named(chosen);
  select.value = named && named.alpha !== 0 ? view.keyOf(named) : chosen;
  if (select.selectedIndex < 0) select.value = "";
}
