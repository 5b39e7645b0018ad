// Light or dark, chosen before the first paint: a stored choice, else the system's. Loaded as a classic script in <head>.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const apply = () => {
    document.documentElement.dataset.theme = stored() ?? (dark.matches ? "dark" : "light");
    document.dispatchEvent(new CustomEvent("theme:changed"));
  };
  const flip = () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", next); } catch { /* a private window keeps no choice */ }
    apply();
  };
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === "theme" && apply());
  document.addEventListener("click", (event) => event.target.closest("[data-theme-switch]") && flip());
  document.addEventListener("theme:flip", flip);
})();
