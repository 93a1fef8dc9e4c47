// Memory over the steps of a run: one area a category, the peak marked; a step leads to the operation that runs then.

import { formatNumber, numberOf } from "./amounts.js";
import { html, svg } from "./drawing.js";

const HEIGHT = 96;
// Okabe and Ito's hues, which stay apart for most colour-blind readers.
const HUES = {
  parameter: "#0072b2",
  buffer: "#56b4e9",
  input: "#0f766e",
  constant: "#94a3b8",
  activation: "#e69f00",
  saved: "#d55e00",
  temporary: "#b8a200",
  gradient: "#b4578c",
  optimizer: "#6f5bb5",
};

/** The timeline of a model; `go` is called with the moment that is chosen. */
export function timelinePanel(timeline, unit, sizes, go) {
  const courses = timeline.categories.map(({ name, amounts }) => {
    const numbers = amounts.map((amount) => numberOf(amount, sizes) ?? 0);
    // What never changes, as weights, would press the rest flat: it is drawn when asked for.
    return { name, numbers, isShown: numbers.some((bytes) => bytes !== numbers[0]) };
  });
  const totals = timeline.steps.map((_, at) => courses.reduce((sum, { numbers }) => sum + numbers[at], 0));
  const peak = totals.indexOf(Math.max(...totals));
  const [chart, words, picture, cursor] = [buildChart(timeline), html("output"), svg("g"), mark(peak, "cursor")];
  chart.append(picture, mark(peak, "peak"), cursor);
  let now = peak;
  const tell = (at) => {
    now = Math.min(totals.length - 1, Math.max(0, at));
    words.textContent = momentWords(timeline, courses, totals, now, unit, peak);
    chart.setAttribute("aria-valuenow", timeline.steps[now]);
    chart.setAttribute("aria-valuetext", words.textContent);
    cursor.setAttribute("transform", `translate(${now - peak} 0)`);
  };
  const draw = () => picture.replaceChildren(...areas(courses.filter((course) => course.isShown)));
  const pointed = (event) => {
    const box = chart.getBoundingClientRect();
    return Math.floor(((event.clientX - box.left) / box.width) * totals.length);
  };
  chart.addEventListener("pointermove", (event) => tell(pointed(event)));
  chart.addEventListener("pointerleave", () => tell(peak));
  chart.addEventListener("click", (event) => {
    tell(pointed(event));
    go(timeline.moments[now]);
  });
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (step) tell(now + step);
    else if (event.key === "Home") tell(peak);
    else if (event.key === "Enter") go(timeline.moments[now]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  draw();
  tell(peak);
  const legend = html("ul", { class: "legend" }, ...courses.map((course) => legendEntry(course, draw)));
  return html("div", { class: "timeline" }, html("div", { class: "told" }, words, legend), chart);
}

function buildChart(timeline) {
  return svg("svg", {
    viewBox: `0 0 ${timeline.steps.length} ${HEIGHT}`,
    preserveAspectRatio: "none",
    class: "chart",
    role: "slider",
    tabindex: 0,
    "aria-label": "memory at each step; Enter shows the operation that runs then",
    "aria-valuemin": 0,
    "aria-valuemax": timeline.last,
  });
}

function momentWords(timeline, courses, totals, at, unit, peak) {
  const { name, kernel, phase } = timeline.moments[at];
  const parts = courses
    .filter(({ numbers }) => numbers[at] > 0)
    .map((c) => `${c.name} ${formatNumber(c.numbers[at], unit)}`);
  const when = `step ${timeline.steps[at].toLocaleString("en-US")} of ${timeline.last.toLocaleString("en-US")}`;
  const what = `${name}, ${kernel}${phase === "forward" ? "" : `, ${phase}`}`;
  return `${at === peak ? "peak " : ""}${formatNumber(totals[at], unit)} (${parts.join(", ")}) at ${when}: ${what}`;
}

/** The categories on top of each other, as steps: a kernel holds its memory from its beginning to its end. */
function areas(courses) {
  const below = courses[0]?.numbers.map(() => 0) ?? [];
  const highest = Math.max(...below.map((_, at) => courses.reduce((sum, { numbers }) => sum + numbers[at], 0)));
  const y = (bytes) => HEIGHT - ((HEIGHT - 6) * bytes) / (highest || 1);
  return courses.map(({ name, numbers }) => {
    const floor = [...below];
    numbers.forEach((bytes, at) => (below[at] += bytes));
    const top = below.map((bytes, at) => `${at} ${y(bytes).toFixed(1)}L${at + 1} ${y(bytes).toFixed(1)}`);
    const bottom = floor.map((bytes, at) => `${at + 1} ${y(bytes).toFixed(1)}L${at} ${y(bytes).toFixed(1)}`).reverse();
    const area = svg("path", { d: `M${top.join("L")}L${bottom.join("L")}Z`, class: "area" });
    area.style.fill = HUES[name] ?? HUES.constant;
    return area;
  });
}

function mark(at, name) {
  return svg("line", { x1: at + 0.5, x2: at + 0.5, y1: 0, y2: HEIGHT, class: name });
}

/** A category, drawn or not at the press of its name. */
function legendEntry(course, draw) {
  const swatch = html("span", { class: "swatch", "aria-hidden": "true" });
  swatch.style.background = HUES[course.name] ?? HUES.constant;
  const button = html(
    "button",
    { type: "button", "aria-pressed": course.isShown, title: "draw it or not" },
    swatch,
    course.name,
  );
  button.addEventListener("click", () => {
    course.isShown = !course.isShown;
    button.setAttribute("aria-pressed", course.isShown);
    draw();
  });
  return html("li", {}, button);
}
