// Saves the figures of a page: <button data-save="ID" data-as="svg|png|csv">. The CSV is the figure's own `table`, which the
// server sends with it. A click on a mark that names a problem opens it, where the figure says where problems are
// (data-problem="/.../SLUG/").

const SIZE = { width: 900, height: 560 };

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function csv(rows) {
  const quoted = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  return rows.map((row) => row.map((value) => quoted(String(value ?? ""))).join(",")).join("\n") + "\n";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-save]");
  if (!button) return;
  const plot = document.getElementById(button.dataset.save);
  const name = `${location.pathname.split("/").filter(Boolean).slice(1).join("-")}-${button.dataset.save}`;
  button.closest("details").open = false;
  if (!plot.figure) return;
  if (button.dataset.as === "csv") save(`${name}.csv`, "text/csv", csv(plot.figure.table));
  else window.Plotly.downloadImage(plot, { format: button.dataset.as, filename: name, ...SIZE, scale: button.dataset.as === "png" ? 2 : 1 });
});

for (const plot of document.querySelectorAll("[data-problem]")) {
  plot.addEventListener("drawn", () => {
    plot.on("plotly_click", ({ points }) => {
      const slug = points[0]?.customdata;
      if (slug) location.assign(plot.dataset.problem.replace("SLUG", encodeURIComponent(slug)));
    });
  }, { once: true });
}
