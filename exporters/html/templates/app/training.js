// The training: problems in words, and a chart over the steps for each scalar and each metric of layers.

import { lineChart } from "./charts.js";
import { html } from "./viewer/drawing.js";

const ROOT = "."; // the name of the model itself among the layers

/** The tab of a run; `go(path)` shows a module on the graph; null if there is no graph. */
export class TrainingTab {
  constructor(panel, { go, pick }) {
    this.panel = panel;
    this.go = go;
    this.pick = pick;
    this.charts = [];
    this.findings = html("section", { class: "findings", "aria-label": "findings" });
    this.grid = html("div", { class: "cards" });
    panel.replaceChildren(this.findings, this.grid);
  }

  update(run) {
    this.findings.replaceChildren(...this.findingsOf(run));
    const { steps } = run;
    const shared = { steps, pick: this.pick };
    this.charts = steps.length
      ? [
          ...run.scalars.map((scalar) => lineChart({ ...shared, title: scalar.name, unit: scalar.unit, lines: [courseOf(scalar)] })),
          ...run.metrics.map((metric) =>
            lineChart({ ...shared, title: metric.name, note: metric.meaning, lines: layerLines(run, metric) }),
          ),
        ]
      : [];
    const nothing = html("p", { class: "note" }, "Nothing is recorded yet.");
    this.grid.replaceChildren(...(this.charts.length ? this.charts.map(({ element }) => element) : [nothing]));
  }

  mark(at) {
    for (const chart of this.charts) chart.mark(at);
  }

  findingsOf(run) {
    const about = [run.model, run.optimizers.join(", "), `${run.done.toLocaleString("en-US")} steps`, run.state || "not ended"];
    const head = [html("h2", {}, run.name), html("p", { class: "note" }, about.filter((word) => word).join(" · "))];
    if (!run.findings.length) return [...head, html("p", { class: "well" }, "Nothing is wrong, as far as the numbers tell.")];
    const entries = run.findings.map(({ severity, words, layers }) =>
      html("li", { class: severity }, html("strong", {}, severity), ` ${words} `, ...this.links(layers)),
    );
    return [...head, html("ul", {}, ...entries)];
  }

  links(layers) {
    if (!this.go) return [];
    const link = (path) => html("button", { type: "button", class: "link", onclick: () => this.go(path) }, `show ${path}`);
    return layers.slice(0, 1).filter((path) => path !== ROOT).map(link);
  }
}

function courseOf({ name, mean, low, high }) {
  const isSpread = low.some((value, at) => value !== high[at]);
  return { name, values: mean, ...(isSpread ? { low, high } : {}) };
}

function layerLines(run, metric) {
  return run.layers
    .map((name, at) => ({ name: name === ROOT ? "the model itself" : name, values: metric.values[at] ?? [] }))
    .filter(({ values }) => values.some((value) => value !== null));
}
