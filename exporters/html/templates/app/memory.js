// The memory of inference and of a training step: over time, and by module at the peak.

import { html } from "./viewer/drawing.js";
import { timelinePanel } from "./viewer/timeline.js";

/** Show `uses` in `panel`. `sizes` are the values of the model's symbols; `go` shows a moment on the graph. */
export function showMemory(panel, uses, sizes, go) {
  panel.replaceChildren(...uses.map((use) => section(use, sizes, go)));
}

function section({ title, peak, categories, alive, timeline }, sizes, go) {
  const parts = categories.map(([name, text]) => `${name} ${text}`).join(", ");
  return html(
    "section",
    {},
    html("h2", {}, title),
    html("p", { class: "note" }, html("strong", {}, `${peak} at the peak`), `: ${parts}`),
    ...(timeline ? [timelinePanel(timeline, "B", sizes, go)] : []),
    html("h3", {}, "Alive at the peak, by module"),
    html("table", { class: "rows alive" }, html("tbody", {}, ...alive.map((row) => aliveRow(row, go)))),
  );
}

function aliveRow({ name, text, share }, go) {
  const label = name ? html("button", { type: "button", class: "link", onclick: () => go({ path: name }) }, name) : "the model itself";
  const inside = html("span");
  inside.style.width = `${100 * share}%`;
  return html(
    "tr",
    {},
    html("th", { scope: "row" }, label),
    html("td", { class: "number" }, text),
    html("td", { class: "share" }, html("span", { class: "bar", "aria-hidden": "true" }, inside)),
  );
}
