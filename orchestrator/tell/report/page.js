// Draws every chart of the page into its figure. Says in the chart's place what went wrong, if anything does.
(async function () {
  "use strict";
  const root = document.documentElement;
  const page = JSON.parse(document.getElementById("chart-data").textContent);
  const options = { renderer: "svg", actions: false, config: page.config };
  let failed = 0;
  for (const [name, spec] of Object.entries(page.charts)) {
    const box = document.getElementById("chart-" + name);
    try {
      await vegaEmbed(box, spec, options);
    } catch (error) {
      failed += 1;
      box.textContent = "This chart could not be drawn: " + error.message;
      box.className = "chart-error";
      console.error(name, error);
    }
  }
  root.dataset.charts = failed ? "failed" : "drawn";
})();
