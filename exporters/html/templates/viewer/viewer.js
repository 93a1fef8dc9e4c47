// The viewer of a model: a component that fills the element it is mounted in and keeps to it.
//
// What is shown follows from a small state: which boxes are open, which box is looked at alone, what is selected, which
// number colours. Every change goes through `Viewer.change`, which draws anew; only selection does without.

import { numberOf } from "./amounts.js";
import { colouring } from "./colouring.js";
import { arrowTip, drawScene, fitTexts, html, svg } from "./drawing.js";
import { SearchBox } from "./finding.js";
import { Mover } from "./moving.js";
import { modelPanel, nodePanel } from "./panel.js";
import { place } from "./placing.js";
import { timelinePanel } from "./timeline.js";
import { findPath, growTree, together, wayTo } from "./tree.js";
import { along, beside, neighbours } from "./walking.js";

const READABLE = 0.6; // the scale at which words can still be read

/** Make a viewer of every element below `root` that names its data, as `data-fxviz`; they are returned. */
export function mountViewers(root) {
  return [...root.querySelectorAll("[data-fxviz]")].map((element) => {
    const source = document.getElementById(element.dataset.fxviz);
    return new Viewer(element, JSON.parse(source.textContent));
  });
}

export class Viewer {
  constructor(element, data) {
    this.element = element;
    element.tabIndex = -1; // so that keys still reach it after a click beside the picture
    this.data = data;
    this.tree = growTree(data);
    this.metrics = data.metrics.map((metric, at) => ({
      ...metric,
      at: (node) => together(node, metric, at, this.number),
    }));
    this.sizes = data.symbols.map(() => data.size);
    this.state = { root: this.tree.root, open: new Set(), selected: null, color: data.color };
    this.build();
    this.showOpening(this.readableOpening());
  }

  number = (amount) => (amount === undefined ? null : numberOf(amount, this.sizes));

  // What others may call ------------------------------------------------------------------------------------------------

  /** Show and select the module at a path, such as `encoder.layers.3`; false if there is none. */
  showPath(path) {
    const node = findPath(this.tree.root, path);
    if (node) this.go(node);
    return Boolean(node);
  }

  /**
   * Colour by numbers from elsewhere, by module path; a module without one has the largest of those in it. The number
   * joins those that can be chosen, in place of an earlier one of its name. `range`, `{low, high, isLog}`, is what the
   * colours span; without it, from 0 to the largest that is seen.
   */
  overlay({ label, unit = "", amounts, range = null }) {
    const paths = Object.keys(amounts);
    const at = ({ path, parent }) => {
      if (path === parent?.path) return null; // an operation that is but a part of its module
      if (path in amounts) return amounts[path];
      const below = paths.filter((other) => other.startsWith(`${path}.`)).map((other) => amounts[other]);
      return below.length ? Math.max(...below) : null;
    };
    const known = this.metrics.findIndex((metric) => metric.label === label);
    const place = known < 0 ? this.metrics.length : known;
    this.metrics[place] = { label, unit, at, total: null, unknown: {}, adds: false, range };
    this.fillColors();
    this.change({ color: String(place) });
  }

  // The page ------------------------------------------------------------------------------------------------------------

  build() {
    const { data } = this;
    this.crumbs = html("nav", { class: "crumbs", "aria-label": "where this is" });
    this.panel = html("aside", { class: "panel", "aria-label": "details" });
    this.legend = html("div", { class: "legend", "aria-label": "what the colours mean" });
    this.group = svg("g", {});
    const tip = `fxviz-tip-${document.querySelectorAll(".fxviz marker").length}`;
    this.canvas = svg(
      "svg",
      { class: "canvas", role: "tree", tabindex: 0, "aria-label": data.name },
      arrowTip(tip),
      this.group,
    );
    this.tip = tip;
    const leave = () => this.canvas.focus({ preventScroll: true });
    this.search = new SearchBox(this.tree, `${tip}-found`, { go: (node) => this.go(node), leave });
    this.mover = new Mover(this.canvas, this.group);
    this.canvas.addEventListener("click", (event) => this.click(event));
    this.canvas.addEventListener("dblclick", (event) => this.doubleClick(event));
    this.element.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("beforeprint", () => this.beforePrint());
    window.addEventListener("afterprint", () => this.afterPrint());
    this.bottom = html("footer", { class: "bottom" });
    this.fillTimeline();
    this.element.replaceChildren(
      html(
        "header",
        { class: "top" },
        this.crumbs,
        this.buildSizes(),
        this.buildColors(),
        this.search.element,
        this.buildButtons(),
      ),
      html("div", { class: "main" }, html("div", { class: "stage" }, this.canvas, this.legend), this.panel),
      this.bottom,
    );
  }

  buildButtons() {
    const button = (sign, name, act) =>
      html("button", { type: "button", title: name, "aria-label": name, onclick: act }, sign);
    return html(
      "div",
      { class: "buttons", role: "group", "aria-label": "view" },
      button("−", "show less: close what matters least  [", () => this.showOpening(this.opening - 1)),
      button("+", "show more: open what matters most  ]", () => this.showOpening(this.opening + 1)),
      button("⤢", "fit  0", () => this.fit()),
      button("◐", "light or dark", () => this.switchScheme()),
    );
  }

  buildColors() {
    const chosen = () => this.change({ color: this.colors.value });
    this.colors = html("select", { onchange: chosen });
    this.fillColors();
    return html("label", {}, html("span", {}, "colour "), this.colors);
  }

  fillColors() {
    const names = [["", "kind"], ...this.data.sorts.map(({ label }) => [label, label])];
    const choices = [...names, ...this.metrics.map(({ label }, at) => [String(at), label])];
    this.colors.replaceChildren(...choices.map(([value, text]) => html("option", { value }, text)));
    this.colors.value = this.state.color;
  }

  /** What colours: a metric, a sort, or null for kinds. */
  chosenColor() {
    const { color } = this.state;
    if (color === "") return null;
    return this.data.sorts.find(({ label }) => label === color) ?? this.metrics[Number(color)];
  }

  buildSizes() {
    const fields = this.data.symbols.map((name, at) => {
      const input = html("input", { type: "number", min: 1, value: this.sizes[at], "aria-label": `size ${name}` });
      input.addEventListener("change", () => {
        this.sizes[at] = Math.max(1, Math.round(Number(input.value)) || 1);
        input.value = this.sizes[at];
        this.fillTimeline();
        this.change({});
      });
      return html("label", {}, html("span", {}, `${name} = `), input);
    });
    return html("div", { class: "sizes" }, ...fields);
  }

  fillTimeline() {
    const { timeline } = this.data;
    if (!timeline) return;
    const [at, was] = [this.metrics.findIndex((metric) => metric.timed), this.bottom.querySelector("details")];
    const chart = timelinePanel(timeline, this.metrics[at].unit, this.sizes, (moment) =>
      this.go(this.at(moment.route)),
    );
    const fold = html(
      "details",
      was && !was.open ? {} : { open: "" },
      html("summary", {}, `${this.metrics[at].label} over time`),
      chart,
    );
    this.bottom.replaceChildren(fold);
  }

  // State ---------------------------------------------------------------------------------------------------------------

  at(route) {
    return this.tree.byKey.get(route.join("/"));
  }

  isOpen = (node) => this.state.open.has(node.key);

  /** Take over a part of the state and draw it. A node given as `anchor` stays where it is on the screen. */
  change(part, { fit = false, anchor = null } = {}) {
    const before = anchor && this.elementOf(anchor)?.querySelector(".box").getBoundingClientRect();
    const [inPicture, inside] = [this.canvas, this.element].map((part) => part.contains(document.activeElement));
    this.state = { ...this.state, ...part };
    const { root } = this.state;
    this.placed = place(root, this.isOpen);
    const closed = this.visible().filter((node) => !this.isOpen(node));
    const choice = this.chosenColor();
    const { paint, legend } = colouring(choice, closed, this.data);
    const scene = drawScene(root, this.placed, { level: 0, paint, colors: this.data.colors, tip: this.tip });
    this.group.replaceChildren(scene);
    this.canvas.classList.toggle("by-number", Boolean(choice?.at));
    this.colors.value = this.state.color;
    fitTexts(scene);
    if (fit) this.mover.start(this.placed.width, this.placed.height);
    const after = before && this.elementOf(anchor)?.querySelector(".box").getBoundingClientRect();
    if (after) this.mover.moveBy(before.left - after.left, before.top - after.top);
    this.legend.replaceChildren(...legend);
    this.fillCrumbs();
    this.select(this.state.selected, { focus: inPicture });
    if (inside && !this.element.contains(document.activeElement)) this.canvas.focus({ preventScroll: true });
  }

  /** The nodes that are drawn, open ones and what is in them too. */
  visible() {
    const below = (node) =>
      node.children.filter((child) => child).flatMap((child) => [child, ...(this.isOpen(child) ? below(child) : [])]);
    return below(this.state.root);
  }

  /** The number of the exporter's opening that shows most of what can be read across the window. */
  readableOpening() {
    const { openings } = this.data;
    const isReadable = ({ open, first }) => {
      const { width } = place(this.tree.root, (node) => open.includes(node.key));
      return first && width * READABLE <= this.canvas.clientWidth;
    };
    const most = openings.findLastIndex(isReadable);
    return most < 0 ? openings.findIndex(({ first }) => first) : most;
  }

  showOpening(number) {
    this.opening = Math.min(this.data.openings.length - 1, Math.max(0, number));
    const { open } = this.data.openings[this.opening];
    this.change({ open: new Set(open), root: this.tree.root }, { fit: true });
  }

  toggle(node) {
    if (!node.scene) return;
    const open = new Set(this.state.open);
    if (!open.delete(node.key)) open.add(node.key);
    this.change({ open, selected: node }, { anchor: node });
    this.elementOf(node)?.focus({ preventScroll: true });
  }

  /** Show a module alone. */
  enter(node) {
    const root = node.scene ? node : (node.parent ?? node);
    this.change({ root, selected: node === root ? null : node }, { fit: true });
  }

  /** Select a node, with everything around it open. */
  go(node) {
    if (!node.parent) return this.enter(node);
    const around = wayTo(node).slice(0, -1);
    const inside = [this.tree.root, ...around].includes(this.state.root);
    const open = new Set([...this.state.open, ...around.map((one) => one.key)]);
    this.change({ open, selected: node, root: inside ? this.state.root : this.tree.root });
    this.reveal(node);
  }

  reveal(node) {
    const element = this.elementOf(node);
    if (!element) return;
    this.mover.reveal(element.querySelector(".box").getBoundingClientRect());
    element.focus({ preventScroll: true });
  }

  elementOf(node) {
    return this.group.querySelector(`[data-key="${node.key}"]`);
  }

  select(node, { focus = false } = {}) {
    const element = node && this.elementOf(node);
    this.state.selected = element ? node : null;
    for (const old of this.group.querySelectorAll(".selected, .near")) old.classList.remove("selected", "near");
    for (const old of this.group.querySelectorAll('[tabindex="0"]')) old.setAttribute("tabindex", -1);
    this.canvas.setAttribute("tabindex", element ? -1 : 0);
    if (element) {
      element.classList.add("selected");
      element.setAttribute("tabindex", 0);
      const near = `[data-from="${node.key}"], [data-to="${node.key}"]`;
      for (const arrow of this.group.querySelectorAll(near)) arrow.classList.add("near");
      if (focus) element.focus({ preventScroll: true });
    }
    if (focus && !element) this.canvas.focus({ preventScroll: true });
    for (const item of this.group.querySelectorAll("[role=treeitem]"))
      item.setAttribute("aria-selected", item === element);
    this.fillPanel();
  }

  // What is written around the picture ------------------------------------------------------------------------------------

  fillPanel() {
    const { selected } = this.state;
    const shown = selected ?? (this.state.root.parent ? this.state.root : null);
    if (!shown) return this.panel.replaceChildren(...modelPanel(this.data, this.sizes));
    const go = (node) => this.go(node);
    this.panel.replaceChildren(
      ...nodePanel(shown, { metrics: this.data.metrics, sizes: this.sizes, around: neighbours(shown), go }),
    );
  }

  fillCrumbs() {
    const way = [this.tree.root, ...wayTo(this.state.root)];
    const crumbs = way.map((node) => {
      const text = node.parent ? node.shape.title.split(": ")[0] : this.data.name;
      const here = node === this.state.root ? { "aria-current": "location" } : {};
      return html("li", {}, html("button", { type: "button", ...here, onclick: () => this.enter(node) }, text));
    });
    this.crumbs.replaceChildren(html("ol", {}, ...crumbs));
  }

  // Pointer and keys ----------------------------------------------------------------------------------------------------

  nodeOf(event) {
    const element = event.target.closest?.("[data-key]");
    return element ? this.tree.byKey.get(element.dataset.key) : null;
  }

  click(event) {
    if (this.mover.hasDragged()) return;
    const node = this.nodeOf(event);
    if (node && event.target.closest(".toggle")) this.toggle(node);
    else this.select(node, { focus: true });
  }

  doubleClick(event) {
    const node = this.nodeOf(event);
    if (node && !event.target.closest(".toggle")) this.toggle(node);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    if (event.key === "Enter" && event.target.tagName === "BUTTON") return;
    const act = this.keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  keys = {
    "/": () => this.search.query.select(),
    Escape: () => (this.state.selected ? this.select(null) : this.enter(this.state.root.parent ?? this.state.root)),
    Enter: () => this.state.selected && this.toggle(this.state.selected),
    f: () => this.state.selected && this.enter(this.state.selected),
    Backspace: () => this.enter(this.state.root.parent ?? this.state.root),
    ArrowDown: () => this.step("after"),
    ArrowUp: () => this.step("before"),
    ArrowLeft: () => this.stepAside(-1),
    ArrowRight: () => this.stepAside(1),
    "[": () => this.showOpening(this.opening - 1),
    "]": () => this.showOpening(this.opening + 1),
    "+": () => this.mover.zoom(1.25),
    "-": () => this.mover.zoom(0.8),
    0: () => this.fit(),
  };

  step(side) {
    this.arrive(along(this.state.selected, side, this.state.root, this.isOpen));
  }

  stepAside(side) {
    const { selected } = this.state;
    if (selected) this.arrive(beside(selected, side));
  }

  arrive(node) {
    if (!node) return;
    this.select(node);
    this.reveal(node);
  }

  fit() {
    this.mover.fit(this.placed.width, this.placed.height);
  }

  switchScheme() {
    const isDark = getComputedStyle(this.element).getPropertyValue("--scheme").trim() === "dark";
    this.element.dataset.scheme = isDark ? "light" : "dark";
  }

  // On paper, the whole picture fills the page.

  beforePrint() {
    this.group.removeAttribute("transform");
    this.canvas.setAttribute("viewBox", `-8 -8 ${this.placed.width + 16} ${this.placed.height + 16}`);
  }

  afterPrint() {
    this.canvas.removeAttribute("viewBox");
    this.mover.moveBy(0, 0);
  }
}
