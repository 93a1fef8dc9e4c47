// The parameters and buffers as a table that can be sorted and searched.

import { histogram } from "./charts.js";
import { formatNumber } from "./viewer/amounts.js";
import { html } from "./viewer/drawing.js";

const MOST_SHOWN = 500; // rows, until the reader searches for fewer

const COLUMNS = [
  { head: "Parameter", of: (row) => row.name, cell: nameCell },
  { head: "Shape", of: (row) => row.numel, cell: (row) => row.shape ?? "?", isNumber: true },
  { head: "Dtype", of: (row) => row.dtype, cell: (row) => row.dtype ?? "?" },
  { head: "Trained", of: (row) => kindOf(row), cell: kindOf },
  { head: "Bytes", of: (row) => row.nbytes, cell: (row) => amount(row.nbytes, "B"), isNumber: true },
  ...["mean", "spread", "low", "high", "norm"].map((key) => ({
    head: { low: "Least", high: "Largest", spread: "Deviation" }[key] ?? key[0].toUpperCase() + key.slice(1),
    of: (row) => row.values?.[key],
    cell: (row) => short(row.values?.[key]),
    isNumber: true,
    isMeasured: true,
  })),
  {
    head: "Zeros",
    of: (row) => row.values?.zeros,
    cell: (row) => (row.values ? `${Number((100 * row.values.zeros).toPrecision(2))} %` : ""),
    isNumber: true,
    isMeasured: true,
  },
  {
    head: "NaN, Inf",
    of: (row) => row.values?.nonfinite,
    cell: (row) => row.values?.nonfinite ?? "",
    isNumber: true,
    isMeasured: true,
    isRare: true,
  },
  {
    head: "Gradient norm",
    of: (row) => row.gradient?.norm,
    cell: (row) => short(row.gradient?.norm),
    isNumber: true,
    isMeasured: true,
  },
  {
    head: "Values",
    cell: (row) => (row.values?.counts.length ? histogram(row.values.counts, row.values.edges, row.name) : ""),
    of: null,
    isMeasured: true,
    has: (row) => row.values?.counts.length,
  },
];

/** Show `rows` as a table in `panel`. `go(path)` shows a module on the graph; null if there is no graph. */
export function showParameters(panel, rows, go) {
  const columns = COLUMNS.filter((column) => !column.isMeasured || rows.some(hasContent(column)));
  const state = { column: null, isFalling: false, query: "" };
  const body = html("tbody");
  const told = html("output", { class: "note" });
  const heads = columns.map((column) => headCell(column, () => sort(column)));
  const sort = (column) => {
    // Numbers start with the largest, words with A; a third click restores the order of the model.
    const first = Boolean(column.isNumber);
    if (state.column !== column) Object.assign(state, { column, isFalling: first });
    else if (state.isFalling === first) state.isFalling = !first;
    else state.column = null;
    draw();
  };
  const draw = () => {
    const found = rows.filter((row) => row.name.toLowerCase().includes(state.query));
    const sorted = state.column ? [...found].sort(by(state.column.of, state.isFalling)) : found;
    body.replaceChildren(...sorted.slice(0, MOST_SHOWN).map((row) => tableRow(row, columns, go)));
    heads.forEach((head, at) => {
      const direction = state.isFalling ? "descending" : "ascending";
      head.setAttribute("aria-sort", columns[at] === state.column ? direction : "none");
    });
    told.textContent = tally(found, rows);
  };
  const query = html("input", { type: "search", placeholder: "name", "aria-label": "show only names with" });
  query.addEventListener("input", () => {
    state.query = query.value.toLowerCase();
    draw();
  });
  const table = html("table", { class: "rows" }, html("thead", {}, html("tr", {}, ...heads)), body);
  panel.replaceChildren(html("div", { class: "told" }, query, told), html("div", { class: "wide" }, table));
  draw();
}

function hasContent(column) {
  return column.has ?? ((row) => (column.isRare ? column.of(row) : (column.of(row) ?? null) !== null));
}

function headCell({ head, of, isNumber }, sort) {
  const label = of ? html("button", { type: "button", onclick: sort }, head) : head;
  return html("th", { scope: "col", class: isNumber ? "number" : null }, label);
}

function tableRow(row, columns, go) {
  const cells = columns.map(({ cell, isNumber }, at) =>
    html(at ? "td" : "th", { class: isNumber ? "number" : null, scope: at ? null : "row" }, cell(row, go)),
  );
  return html("tr", {}, ...cells);
}

/** The name, linked to its module on the graph. */
function nameCell(row, go) {
  const path = row.name.split(".").slice(0, -1).join(".");
  const name = go && path ? html("button", { type: "button", class: "link", onclick: () => go(path) }, row.name) : row.name;
  return html("span", {}, name, ...(row.shared.length ? [html("small", {}, ` also ${row.shared.join(", ")}`)] : []));
}

function kindOf({ role, trainable }) {
  if (role === "buffer") return "buffer";
  return trainable === null ? "?" : trainable ? "yes" : "frozen";
}

function by(of, isFalling) {
  const sign = isFalling ? -1 : 1;
  return (one, other) => {
    const [a, b] = [of(one) ?? null, of(other) ?? null];
    if (a === null || b === null) return (a === null) - (b === null); // unknown values come last
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  };
}

function tally(found, rows) {
  const elements = found.reduce((sum, { numel }) => (typeof numel === "number" ? sum + numel : sum), 0);
  const bytes = found.reduce((sum, { nbytes }) => (typeof nbytes === "number" ? sum + nbytes : sum), 0);
  const some = found.length < rows.length ? ` of ${rows.length.toLocaleString("en-US")}` : "";
  const cut = found.length > MOST_SHOWN ? `, of which ${MOST_SHOWN} are shown` : "";
  const count = `${found.length.toLocaleString("en-US")}${some} tensors${cut}`;
  return `${count}: ${elements.toLocaleString("en-US")} elements, ${formatNumber(bytes, "B")}`;
}

function amount(value, unit) {
  return value === null ? "?" : typeof value === "number" ? formatNumber(value, unit) : value;
}

function short(number) {
  return number === null || number === undefined ? "" : String(Number(number.toPrecision(3)));
}
