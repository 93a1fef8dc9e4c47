// The bar with the slider: the step and the metric of layers to show, for the graph and the charts.

import { isNumber } from "./charts.js";
import { formatNumber } from "./viewer/amounts.js";
import { html } from "./viewer/drawing.js";

const WIDEST_LINEAR = 50; // beyond, colours go by decades

/** The bar in `element`; `changed(run, at, metric, isNews)` is called for each chosen step, and for each update of the run. */
export class StepBar {
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
    this.slider = html("input", { type: "range", min: 0, step: 1, "aria-label": "training step" });
    this.metric = html("select", { onchange: () => this.tell() });
    this.words = html("output");
    this.slider.addEventListener("input", () => this.tell());
    element.replaceChildren(
      html("label", {}, html("span", {}, "layers by "), this.metric),
      html("label", { class: "slide" }, html("span", {}, "step "), this.slider),
      this.words,
    );
  }

  get at() {
    return Number(this.slider.value);
  }

  /** Take the newest data of the run; a slider at the last step follows to the new last one. */
  update(run) {
    const [wasLast, step] = [this.run === undefined || this.at === this.run.steps.length - 1, this.run?.steps[this.at]];
    this.run = run;
    const last = Math.max(0, run.steps.length - 1);
    const same = run.steps.findIndex((other) => other >= step);
    this.slider.max = last;
    this.slider.value = wasLast || same < 0 ? last : same;
    const names = run.metrics.map(({ name }) => name);
    if (names.join() !== [...this.metric.options].map(({ value }) => value).join()) {
      const before = this.metric.value;
      this.metric.replaceChildren(...names.map((name) => html("option", { value: name }, name)));
      this.metric.value = names.includes(before) ? before : (names[0] ?? "");
    }
    this.tell(true);
  }

  go(at) {
    this.slider.value = at;
    this.tell();
  }

  tell(isNews = false) {
    const { run, at } = this;
    if (!run.steps.length) return;
    const scalars = run.scalars.filter(({ unit }) => !unit).slice(0, 3);
    const told = scalars.map(({ name, mean, unit }) => `${name} ${written(mean[at], unit)}`);
    this.words.textContent = [`${run.steps[at].toLocaleString("en-US")} of ${run.done.toLocaleString("en-US")}`, ...told].join(" · ");
    this.slider.setAttribute("aria-valuetext", `step ${run.steps[at]}`);
    this.changed(run, at, run.metrics.find(({ name }) => name === this.metric.value) ?? null, isNews);
  }
}

function written(value, unit) {
  return value === null ? "–" : isNumber(value) ? formatNumber(value, unit) : value;
}

/** The colours of the graph: the metric of every layer at a step, on one scale for all steps. */
export function overlayOf(run, at, metric) {
  const all = metric.values.flat().filter(isNumber);
  if (!all.length) return { label: metric.name, amounts: {} };
  const positive = all.filter((number) => number > 0);
  const least = (numbers) => numbers.reduce((low, number) => Math.min(low, number), Infinity);
  const most = all.reduce((high, number) => Math.max(high, number), -Infinity);
  const isLog = positive.length > 0 && least(all) >= 0 && most > WIDEST_LINEAR * least(positive);
  const known = run.layers.map((name, layer) => [name, metric.values[layer][at]]).filter(([, value]) => value !== null);
  return {
    label: metric.name,
    // A value that is not finite has the colour of the largest.
    amounts: Object.fromEntries(known.map(([name, value]) => [name, isNumber(value) ? value : most])),
    range: { low: isLog ? least(positive) : Math.min(0, least(all)), high: most, isLog },
  };
}
