// Paper has no disclosure to click.
addEventListener("beforeprint", function () {
  "use strict";
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
});

// Draws every chart of the page into its figure. Says in the chart's place what went wrong, if anything does.
(async function () {
  "use strict";
  const root = document.documentElement;
  const page = JSON.parse(document.getElementById("chart-data").textContent);
  let failed = 0;
  for (const [name, spec] of Object.entries(page.charts)) {
    const box = document.getElementById("chart-" + name);
    // Names of candidates may take a third of a narrow chart; their numbers come first.
    const labelLimit = Math.min(page.config.axis.labelLimit, box.clientWidth / 3);
    const config = { ...page.config, axis: { ...page.config.axis, labelLimit } };
    try {
      await vegaEmbed(box, spec, { renderer: "svg", actions: false, config });
    } catch (error) {
      failed += 1;
      box.textContent = "This chart could not be drawn: " + error.message;
      box.className = "chart-error";
      console.error(name, error);
    }
  }
  root.dataset.charts = failed ? "failed" : "drawn";
})();
