// What colours the things that are seen: their kind, a number, or a word that sorts them (a dtype, a phase of training).

import { formatNumber } from "./amounts.js";
import { html } from "./drawing.js";

/**
 * How to colour `nodes`, all that is seen and closed: `paint` gives `{fill, text}` or `{hue}` of a node, or null for that
 * of its kind, and `legend` says what the colours mean. `choice` is null for kinds, a metric, or a sort of `data.sorts`.
 */
export function colouring(choice, nodes, data) {
  if (choice === null) return { paint: () => null, legend: [kindLegend(nodes, data.colors)] };
  if (choice.range) return inRange(choice, nodes, data.heat);
  return choice.at ? byNumber(choice, nodes, data.heat) : bySort(choice, nodes);
}

function byNumber({ label, unit, adds, at }, nodes, ramp) {
  const amounts = new Map(nodes.map((node) => [node, at(node)]));
  const most = Math.max(0, ...[...amounts.values()].filter((amount) => amount !== null));
  const paint = (node) => {
    const amount = amounts.get(node) ?? null;
    if (amount === null || most === 0) return null;
    const [fill, text] = ramp[Math.round((Math.max(0, amount) / most) * (ramp.length - 1))];
    return { fill, text };
  };
  const words = `${label}${adds ? ", all copies together" : ""}: 0`;
  return { paint, legend: [words, rampOf(ramp), most > 0 ? formatNumber(most, unit) : "not known"] };
}

/** By a number on a fixed scale, so that one moment can be compared with another; in decades where `isLog`. */
function inRange({ label, unit, at, range: { low, high, isLog } }, nodes, ramp) {
  const closed = new Set(nodes);
  const share = isLog
    ? (number) => Math.log(number / low) / Math.log(high / low)
    : (number) => (number - low) / (high - low);
  const paint = (node) => {
    const number = closed.has(node) ? at(node) : null;
    if (number === null) return null;
    const place = high > low ? Math.min(1, Math.max(0, share(number))) : 1;
    const [fill, text] = ramp[Math.round((Number.isNaN(place) ? 1 : place) * (ramp.length - 1))];
    return { fill, text };
  };
  return { paint, legend: [`${label}: ${formatNumber(low, unit)}`, rampOf(ramp), formatNumber(high, unit)] };
}

function rampOf(ramp) {
  const scale = html("span", { class: "ramp", "aria-hidden": "true" });
  scale.style.background = `linear-gradient(to right, ${ramp.map(([fill]) => fill).join(", ")})`;
  return scale;
}

function bySort({ label, names, colors }, nodes) {
  const colorOf = (name) => colors[names.indexOf(name)];
  const seen = new Set(nodes.map((node) => node.shape.sorts?.[label]));
  const legend = names.filter((name) => seen.has(name)).map((name) => entry(colorOf(name), name));
  return {
    paint: (node) => (node.shape.sorts?.[label] ? { hue: colorOf(node.shape.sorts[label]) } : null),
    legend: [html("ul", {}, ...legend)],
  };
}

function kindLegend(nodes, colors) {
  const kinds = new Set(nodes.map((node) => node.shape.kind));
  const known = Object.keys(colors).filter((kind) => kinds.has(kind));
  return html("ul", {}, ...known.map((kind) => entry(colors[kind], kind)));
}

function entry(color, name) {
  const swatch = html("span", { class: "swatch", "aria-hidden": "true" });
  swatch.style.background = color;
  return html("li", {}, swatch, name);
}
