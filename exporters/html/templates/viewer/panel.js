// The panel of details: what is known of the thing that is selected, or of the model where nothing is.

import { exactly, formatNumber, numberOf, share } from "./amounts.js";
import { html } from "./drawing.js";
import { together } from "./tree.js";

const MOST_LISTED = 40;

/** The details of a node. `go` shows another node; `around` are what it reads from and what reads it. */
export function nodePanel(node, { metrics, sizes, around, go }) {
  const { shape } = node;
  return [
    html("h2", {}, shape.title),
    html("p", { class: "path" }, node.path || "the model itself"),
    facts([
      ["Operation", shape.op],
      ["Module", shape.module],
      [
        "Stands for",
        node.copies > 1 ? `${node.copies.toLocaleString("en-US")} equal ones, of which the first is shown` : null,
      ],
      [
        "Operations",
        shape.operations ? `${shape.operations.toLocaleString("en-US")}${shape.times > 1 ? " each" : ""}` : null,
      ],
      ["Phase", shape.phase && shape.phase !== "forward" ? shape.phase : null],
      ["Source", shape.source],
    ]),
    amountTable(node, metrics, sizes),
    typeList("Reads", shape.reads),
    typeList(
      "Makes",
      (shape.makes ?? []).map((type) => ["", type]),
    ),
    section("Attributes", facts(Object.entries(shape.attributes ?? {}))),
    section(
      "Kernels",
      list(shape.kernels ?? [], (kernel) => html("code", {}, kernel)),
    ),
    section(
      "Comes from",
      list(around.before, (other) => link(other, go)),
    ),
    section(
      "Goes to",
      list(around.after, (other) => link(other, go)),
    ),
  ].filter((part) => part);
}

/** The model as a whole: what it is, its totals, and what was not counted. */
export function modelPanel(data, sizes) {
  const unknown = data.metrics
    .filter(({ unknown: counts }) => Object.keys(counts).length)
    .map(({ label, unknown: counts }) => [label, tally(counts)]);
  const all = data.metrics.length ? html("p", {}, "nothing: there is a rule for every operator") : null;
  return [
    html("h2", {}, data.name),
    facts(data.about),
    section("Totals", totals(data, sizes)),
    section("Not counted", facts(unknown) ?? all),
    section("Keys", keys()),
  ].filter((part) => part);
}

function tally(counts) {
  return Object.entries(counts)
    .map(([op, times]) => `${op} × ${times}`)
    .join(", ");
}

function totals(data, sizes) {
  return facts(
    data.metrics.map(({ label, unit, total, timed }) => {
      const number = numberOf(total, sizes);
      const parts = [formatNumber(number, unit), exactly(total, unit, sizes), total?.formula];
      return [timed ? `${label}, peak` : label, parts.filter((part) => part).join("\n")];
    }),
  );
}

function keys() {
  return facts([
    ["↑ ↓", "along the arrows"],
    ["← →", "to what is drawn beside it"],
    ["Enter", "open or close"],
    ["f", "show this module alone"],
    ["Esc", "let go, then back to the whole"],
    ["/", "search"],
    ["[ ]", "show less, show more"],
    ["+ − 0", "zoom, fit"],
  ]);
}

/** One row a metric: the number, its share of the whole, all its digits, and the formula where sizes are symbols. */
function amountTable(node, metrics, sizes) {
  const of = (amount) => numberOf(amount, sizes);
  const rows = metrics.flatMap((metric, at) => {
    const amount = node.shape.amounts[at];
    if (amount === null || amount === undefined) return [];
    const all = together(node, metric, at, of);
    const isMany = node.copies > 1 && metric.adds;
    const part = isMany ? all : of(amount);
    const whole = share(part, of(metric.total));
    const notes = [
      exactly(amount, metric.unit, sizes),
      amount.formula ? `= ${amount.formula}` : "",
      isMany ? `${formatNumber(all, metric.unit)} in all ${node.copies.toLocaleString("en-US")} copies` : "",
    ].filter((note) => note);
    return [
      html(
        "tr",
        {},
        html("th", { scope: "row" }, metric.label),
        html(
          "td",
          { class: "number" },
          formatNumber(of(amount), metric.unit),
          ...notes.map((note) => html("small", {}, note)),
        ),
        html("td", { class: "share" }, whole, ...(whole ? [bar(part / of(metric.total))] : [])),
      ),
    ];
  });
  if (!rows.length) return null;
  const head = ["", "", "of the model"].map((word) => html("th", { scope: "col" }, word));
  return html("table", { class: "amounts" }, html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...rows));
}

function bar(part) {
  const inside = html("span");
  inside.style.width = `${Math.min(100, Math.max(0, 100 * part))}%`;
  return html("span", { class: "bar", "aria-hidden": "true" }, inside);
}

function typeList(name, types = []) {
  return section(
    name,
    list(types, ([argument, type]) => html("span", {}, argument ? `${argument}: ` : "", html("code", {}, type))),
  );
}

function section(name, content) {
  return content ? html("section", {}, html("h3", {}, name), content) : null;
}

function facts(rows) {
  const known = rows.filter(([, text]) => text !== null && text !== undefined && text !== "");
  if (!known.length) return null;
  return html("dl", {}, ...known.flatMap(([name, text]) => [html("dt", {}, name), html("dd", {}, text)]));
}

function list(entries, write) {
  if (!entries.length) return null;
  const more = entries.length - MOST_LISTED;
  const items = entries.slice(0, MOST_LISTED).map((entry) => html("li", {}, write(entry)));
  return html("ul", {}, ...items, ...(more > 0 ? [html("li", {}, `and ${more} more`)] : []));
}

function link(node, go) {
  return html("button", { type: "button", class: "link", onclick: () => go(node) }, node.shape.title);
}
