// A click on a mark that names a problem opens it, where the figure says where problems are (data-problem="/.../SLUG/").
// Saving a figure is the business of figure_export.js, on every page.

for (const plot of document.querySelectorAll("[data-problem]")) {
  plot.addEventListener("drawn", () => {
    plot.on("plotly_click", ({ points }) => {
      const slug = points[0]?.customdata;
      if (slug && plot.dataset.problem) location.assign(plot.dataset.problem.replace("SLUG", encodeURIComponent(slug)));
    });
  }, { once: true });
}
