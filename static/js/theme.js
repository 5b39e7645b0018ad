// Light, dark or as the system has it, chosen before the first paint. Loaded as a classic script in <head>. The switch
// (data-theme-switch) and the key t go round: from the system's to the other, then the one it has, then the system's.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const SIGNS = { light: "☀", dark: "☾", system: "◐" };
  const system = () => (dark.matches ? "dark" : "light");
  const stored = () => {
    try {
      const kept = localStorage.getItem("theme");
      return kept === "light" || kept === "dark" ? kept : "system";
    } catch { return "system"; }
  };
  let choice = stored();

  function label() {
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.textContent = SIGNS[choice];
      button.title = `Theme: ${choice === "system" ? "as the system has it" : choice}`;
      button.setAttribute("aria-label", button.title);
    }
  }
  function apply() {
    document.documentElement.dataset.theme = choice === "system" ? system() : choice;
    label();
    document.dispatchEvent(new CustomEvent("theme:changed"));
  }
  function choose(next) {
    choice = next;
    try {
      if (next === "system") localStorage.removeItem("theme"); else localStorage.setItem("theme", next);
    } catch { /* a private window keeps no choice */ }
    apply();
  }
  function flip() {
    const other = system() === "dark" ? "light" : "dark";
    choose({ system: other, [other]: system(), [system()]: "system" }[choice]);
  }
  apply();
  document.addEventListener("DOMContentLoaded", label);
  dark.addEventListener("change", apply);
  addEventListener("storage", (event) => { if (event.key === "theme") { choice = stored(); apply(); } });
  document.addEventListener("click", (event) => event.target.closest("[data-theme-switch]") && flip());
  document.addEventListener("theme:flip", flip);
  document.addEventListener("theme:choose", (event) => choose(event.detail));
})();
