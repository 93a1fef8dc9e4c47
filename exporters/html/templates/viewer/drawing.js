// Placed scenes as SVG. Every word of a model is set as text, never as markup.

import { innerCorner } from "./placing.js";

const SVG = "http://www.w3.org/2000/svg";
const LINE = 12; // from one line of words to the next
const STACK = 3; // how far the copies of a folded box stick out from under it

/** An SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An HTML element; `attributes` may hold listeners as `onclick`. */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The tip of every arrow of a page, to be put into its SVG once. */
export function arrowTip(id) {
  const tip = {
    id,
    viewBox: "0 0 6 6",
    refX: 6,
    refY: 3,
    markerWidth: 7,
    markerHeight: 7,
    markerUnits: "userSpaceOnUse",
  };
  return svg(
    "defs",
    {},
    svg("marker", { ...tip, orient: "auto" }, svg("path", { d: "M0 0.6L6 3L0 5.4Z", class: "tip" })),
  );
}

/** A placed scene; `paint` gives the colours of a node, `{fill, text}` or `{hue}`, or null where its kind colours it. */
export function drawScene(node, placed, { level, paint, colors, tip }) {
  const { scene } = node;
  const group = svg("g", level ? { role: "group" } : {});
  scene.shapes.forEach((shape, at) => {
    const where = placed.shapes[at];
    const child = node.children[at];
    const element = child
      ? drawItem(child, where, { level, hue: colors[shape.kind] ?? colors.other, ...paint(child) })
      : drawEnd(shape, where, colors, node);
    if (where.inner) {
      const [x, y] = innerCorner(shape, where);
      const inner = drawScene(child, where.inner, { level: level + 1, paint, colors, tip });
      inner.setAttribute("transform", `translate(${x} ${y})`);
      element.append(inner);
    }
    group.append(element);
  });
  scene.arrows.forEach((arrow, at) => group.append(...drawArrow(arrow, placed.arrows[at], node, tip)));
  // Over the arrows that enter the frames, so that these do not strike the words out.
  const open = node.children.filter((child) => child && placed.shapes[child.number].inner);
  group.append(...open.map((child) => headOf(child, placed.shapes[child.number])));
  return group;
}

/** An operation or a module: a box that is closed, or a frame around what is in it. */
function drawItem(node, where, { level, hue, fill, text }) {
  const { shape } = node;
  const isOpen = Boolean(where.inner);
  const kind = isOpen ? "frame" : shape.form;
  const element = svg("g", {
    class: `item ${kind}${fill ? " heated" : ""}`,
    role: "treeitem",
    tabindex: -1,
    "data-key": node.key,
    "aria-level": level + 1,
    "aria-label": [shape.title, ...shape.lines].join(", "),
    ...(node.scene ? { "aria-expanded": isOpen } : {}),
  });
  element.style.setProperty("--hue", hue);
  if (fill) {
    element.style.setProperty("--fill", fill);
    element.style.setProperty("--text", text);
  }
  if (shape.times > 1 && !isOpen)
    element.append(rectangle({ ...where, x: where.x + STACK, y: where.y + STACK }, "under"));
  element.append(rectangle(where, "box"));
  if (!isOpen) element.append(...wordsOf(shape, where));
  if (!isOpen && node.scene) element.append(toggle(where, isOpen, shape));
  return element;
}

/** What comes in, goes out, or is drawn elsewhere in full. */
function drawEnd(shape, where, colors, node) {
  const name = shape.form === "value" && node.parent ? "port" : shape.form;
  const element = svg("g", { class: `end ${name}` }, rectangle(where, "box"), ...wordsOf(shape, where));
  element.style.setProperty("--hue", colors[shape.kind] ?? colors.other);
  return element;
}

function rectangle({ x, y, width, height }, name) {
  const corner = { x: x - width / 2, y: y - height / 2 };
  return svg("rect", { ...corner, width, height, rx: 5, class: name });
}

/** Title and lines in the middle of a box, no wider than it. */
function wordsOf(shape, { x, y, width, height }) {
  const texts = [shape.title, ...shape.lines];
  const top = y - height / 2 + (height - (texts.length * LINE + 2)) / 2;
  return texts.map((text, at) =>
    fitted(text, x, top + 10.5 + at * LINE + (at ? 1.5 : 0), width - 8, at ? "line" : "title"),
  );
}

/** Title and lines at the upper left of a frame, and what closes it. */
function headOf(node, where) {
  const [left, top] = [where.x - where.width / 2 + 26, where.y - where.height / 2];
  const texts = [node.shape.title, ...node.shape.lines].map((text, at) =>
    fitted(text, left, top + 16 + at * 13, where.width - 34, at ? "line" : "title"),
  );
  const head = { class: "head", "data-key": node.key, "aria-hidden": "true" };
  return svg("g", head, ...texts, toggle(where, true, node.shape));
}

/** Text that is pressed together where the reader's font is wider than the one it was laid out for. */
function fitted(text, x, y, room, name) {
  const element = svg("text", { x, y, class: name, "data-room": room });
  element.textContent = text;
  return element;
}

/** Press together what is too wide; after the page has the elements, and all are measured before any is changed. */
export function fitTexts(root) {
  const texts = [...root.querySelectorAll("text[data-room]")];
  const wide = texts.filter((text) => text.getComputedTextLength() > Number(text.dataset.room));
  for (const text of wide) {
    text.setAttribute("textLength", text.dataset.room);
    text.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
}

/** The sign that opens and closes a box: + or −, at the left of its title. */
function toggle({ x, y, width, height }, isOpen, shape) {
  const [cx, cy] = isOpen ? [x - width / 2 + 13, y - height / 2 + 12] : [x - width / 2 + 9, y - height / 2 + 9];
  const size = 4;
  const cross = `M${cx - size} ${cy}H${cx + size}${isOpen ? "" : `M${cx} ${cy - size}V${cy + size}`}`;
  const name = isOpen ? `close ${shape.title}` : `open ${shape.title}`;
  const title = svg("title");
  title.textContent = name;
  return svg("g", { class: "toggle" }, title, svg("circle", { cx, cy, r: 7 }), svg("path", { d: cross }));
}

function drawArrow(arrow, { path, tails, fan, label }, node, tip) {
  const title = svg("title");
  title.textContent = arrow.types.join("\n");
  const ends = { "data-from": keyIn(node, arrow.from), "data-to": keyIn(node, arrow.to) };
  const plain = { class: "arrow", ...ends };
  const headed = { ...plain, "marker-end": `url(#${tip})` };
  const lines = [
    ...tails.map((line) => svg("path", { d: line, ...plain })),
    svg("path", { d: path, ...(fan.length ? plain : headed) }),
    ...fan.map((line) => svg("path", { d: line, ...headed })),
  ];
  // A wide line that cannot be seen, for the pointer to find.
  const parts = [...lines, svg("path", { d: path, class: "reach" }, title)];
  if (!label) return parts;
  const text = svg("text", { x: label[0], y: label[1] + 3, class: "label" });
  text.textContent = arrow.label;
  return [...parts, text];
}

function keyIn(node, number) {
  return [...node.route, number].join("/");
}
