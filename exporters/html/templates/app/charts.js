// Charts of numbers over steps, in SVG: axes, one line or many, and a cursor. Nothing here depends on runs.

import { formatNumber } from "./viewer/amounts.js";
import { html, svg } from "./viewer/drawing.js";

const [WIDTH, HEIGHT] = [560, 190];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 12, 8, 22];
const MOST_NAMED = 8; // lines that are all in the legend; of more, the first, the middle and the last are
const LEAST_ROOM = 0.2; // the span of an axis, at least, as a share of its numbers
const WIDEST_LINEAR = 50; // from the least to the largest positive number; beyond, decades are drawn

/** Whether a value of the log is a finite number: others are words, or null. */
export function isNumber(value) {
  return typeof value === "number";
}

/**
 * Make a chart of `lines`, `{name, values, low, high}`, over `steps`; `low` and `high` draw a band and are optional. Return
 * `{element, mark}`: `mark(at)` moves the cursor, and `pick(at)` is called with the index of the step that the reader clicks.
 */
export function lineChart({ title, note = "", unit = "", steps, lines, pick }) {
  const axis = scaleOf(lines, unit);
  const across = (step) => LEFT + ((WIDTH - LEFT - RIGHT) * (step - steps[0])) / (steps.at(-1) - steps[0] || 1);
  const x = (at) => across(steps[at]);
  const y = (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * Math.min(1, Math.max(0, axis.share(value)));
  const [words, cursor] = [html("output"), svg("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor" })];
  const paths = lines.map((line, at) => drawLine(line, x, y, lineColor(at, lines.length)));
  const chart = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "lines", role: "img", "aria-label": `${title} over steps` },
    ...valueAxis(axis, y, unit),
    ...stepAxis(steps, across),
    ...lines.filter((line) => line.low).map((line, at) => band(line, x, y, lineColor(at, lines.length))),
    ...paths,
    cursor,
  );
  const state = { at: steps.length - 1, nearest: null };
  const tell = (at, nearest = null) => {
    const shown = nearest ?? (lines.length === 1 ? 0 : null);
    words.textContent = shown === null ? `step ${steps[at]}` : lineWords(lines[shown], steps[at], at, unit, lines.length);
    paths.forEach((path, number) => path.classList.toggle("near", number === nearest));
  };
  const place = (event) => {
    const box = chart.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top].map((length) => (length * WIDTH) / box.width);
    const at = nearestOf(steps.map((_, number) => Math.abs(x(number) - px)));
    const gaps = lines.map(({ values }) => (isNumber(values[at]) ? Math.abs(y(values[at]) - py) : Infinity));
    return [at, lines.length > 1 && Math.min(...gaps) < Infinity ? nearestOf(gaps) : null];
  };
  chart.addEventListener("pointermove", (event) => tell(...place(event)));
  chart.addEventListener("pointerleave", () => tell(state.at));
  chart.addEventListener("click", (event) => pick(place(event)[0]));
  const mark = (at) => {
    state.at = at;
    for (const side of ["x1", "x2"]) cursor.setAttribute(side, x(at));
    tell(at);
  };
  mark(state.at);
  const heading = html("h3", {}, title, ...(note ? [html("small", {}, ` ${note}`)] : []));
  const element = html("figure", { class: "card" }, heading, words, chart, ...legendOf(lines));
  return { element, mark };
}

/** Draw the counts of a histogram as a small picture. */
export function histogram(counts, edges, name) {
  const most = Math.max(...counts);
  const bars = counts.map((count, at) => {
    const height = count ? Math.max(1, (22 * count) / most) : 0;
    return `M${at} 24v${-height}h1v${height}z`;
  });
  const words = `${name}: ${counts.length} bins from ${formatNumber(edges[0])} to ${formatNumber(edges[1])}`;
  const title = svg("title");
  title.textContent = words;
  const box = { viewBox: `0 0 ${counts.length} 24`, preserveAspectRatio: "none", role: "img", "aria-label": words };
  return svg("svg", { ...box, class: "histogram" }, title, svg("path", { d: bars.join("") }));
}

// Scales --------------------------------------------------------------------------------------------------------------

function scaleOf(lines, unit) {
  const numbers = lines.flatMap(({ values, low = [], high = [] }) => [...values, ...low, ...high]).filter(isNumber);
  if (!numbers.length) return linear(0, 1, unit);
  const [least, most] = [minimum(numbers), maximum(numbers)];
  const positive = numbers.filter((number) => number > 0);
  const smallest = minimum(positive);
  const isWide = positive.length > numbers.length / 2 && most > WIDEST_LINEAR * smallest;
  if (least >= 0 && isWide) return decades(smallest, most);
  return linear(least >= 0 && least < most / 2 ? 0 : least, most, unit);
}

/** A logarithmic scale; 0 is at its lower end. */
function decades(low, high) {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const apart = Math.max(1, Math.ceil((to - from) / 5));
  const ticks = [];
  for (let power = from; power <= to; power += apart) ticks.push(10 ** power);
  return { ticks, share: (value) => (value > 0 ? (Math.log10(value) - from) / (to - from) : 0) };
}

/** A linear scale between round numbers; a nearly constant line is in the middle. */
function linear(low, high, unit) {
  const room = Math.max(high - low, LEAST_ROOM * Math.max(Math.abs(low), Math.abs(high))) || 1;
  const slack = (room - (high - low)) / 2;
  const floor = low >= 0 ? Math.max(0, low - slack) : low - slack;
  const apart = roundedUp(room / 4, unit);
  const from = Math.floor(floor / apart) * apart;
  const to = Math.max(from + apart, Math.ceil((high + slack) / apart) * apart);
  const count = Math.round((to - from) / apart);
  const ticks = Array.from({ length: count + 1 }, (_, at) => Number((from + at * apart).toPrecision(8)));
  return { ticks, share: (value) => (value - from) / (to - from) };
}

/** Round up to 1, 2 or 5 times a power of ten; bytes in the unit that they are written in. */
function roundedUp(number, unit = "") {
  const base = unit === "B" && number > 0 ? 1024 ** Math.max(0, Math.floor(Math.log2(number) / 10)) : 1;
  const power = 10 ** Math.floor(Math.log10(number / base));
  return base * power * [1, 2, 5, 10].find((size) => size * power >= number / base);
}

function minimum(numbers) {
  return numbers.reduce((least, number) => Math.min(least, number), Infinity);
}

function maximum(numbers) {
  return numbers.reduce((most, number) => Math.max(most, number), -Infinity);
}

function nearestOf(distances) {
  return distances.reduce((best, distance, at) => (distance < distances[best] ? at : best), 0);
}

// Drawing -------------------------------------------------------------------------------------------------------------

function valueAxis({ ticks }, y, unit) {
  const short = ticks.map((tick) => formatNumber(tick, unit));
  const words = unit || new Set(short).size === short.length ? short : ticks.map(String);
  return ticks.flatMap((tick, at) => {
    const label = svg("text", { x: LEFT - 6, y: y(tick) + 3.5, class: "tick value" });
    label.textContent = words[at];
    return [svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "grid" }), label];
  });
}

/** Label the first step, the last one, and round ones between. */
function stepAxis(steps, across) {
  const [first, last] = [steps[0], steps.at(-1)];
  const apart = Math.max(1, roundedUp((last - first) / 6 || 1));
  const between = [];
  for (let step = Math.ceil(first / apart) * apart; step < last; step += apart)
    if (step - first > 0.6 * apart && last - step > 0.6 * apart) between.push(step);
  return [...new Set([first, ...between, last])].map((step) => {
    const label = svg("text", { x: across(step), y: HEIGHT - 7, class: "tick step" });
    label.textContent = step.toLocaleString("en-US");
    if (step === last && last > first) label.classList.add("last");
    return label;
  });
}

/** Draw a line with gaps where there is no number; a single number is a dot. */
function drawLine({ values }, x, y, color) {
  const points = values.map((value, at) => (isNumber(value) ? `${x(at).toFixed(1)} ${y(value).toFixed(1)}` : null));
  const d = points
    .map((point, at) => (point === null ? "" : `${at && points[at - 1] !== null ? "L" : "M"}${point}`))
    .join("");
  const path = svg("path", { d: `${d}${values.length === 1 ? "h0.01" : ""}`, class: "line" });
  path.style.stroke = color;
  return path;
}

/** Draw a band from the least to the largest number since the sample before. */
function band({ low, high }, x, y, color) {
  const known = low.map((_, at) => at).filter((at) => isNumber(low[at]) && isNumber(high[at]));
  const top = known.map((at) => `${x(at).toFixed(1)} ${y(high[at]).toFixed(1)}`);
  const bottom = known.map((at) => `${x(at).toFixed(1)} ${y(low[at]).toFixed(1)}`).reverse();
  const path = svg("path", { d: known.length ? `M${[...top, ...bottom].join("L")}Z` : "", class: "band" });
  path.style.fill = color;
  return path;
}

/** Mix the colour of a line between the colours of the first and the last. */
function lineColor(at, count) {
  if (count === 1) return "var(--accent)";
  return `color-mix(in oklch longer hue, var(--last) ${Math.round((100 * at) / (count - 1))}%, var(--first))`;
}

function lineWords({ name, values }, step, at, unit, count) {
  const value = values[at];
  const told = value === null || value === undefined ? "no number" : isNumber(value) ? formatNumber(value, unit) : value;
  return `step ${step}: ${count > 1 ? `${name} ` : ""}${told}`;
}

function legendOf(lines) {
  if (lines.length < 2) return [];
  const named = lines.map(({ name }, at) => [name, lineColor(at, lines.length)]);
  const shown = lines.length <= MOST_NAMED ? named : [named[0], named.at(Math.floor(lines.length / 2)), named.at(-1)];
  const entries = shown.map(([name, color]) => {
    const swatch = html("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = color;
    return html("li", {}, swatch, name);
  });
  const rest = lines.length - shown.length;
  return [html("ul", { class: "legend" }, ...entries, ...(rest ? [html("li", {}, `and ${rest} between`)] : []))];
}
