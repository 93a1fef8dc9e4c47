// The viewer of a model: a component that fills the element it is mounted in and keeps to it.
//
// What is shown follows from a small state: which boxes are open, which box is looked at alone, what is selected, which
// number colours. Every change goes through `Viewer.change`, which draws anew; only selection does without.

import { formatNumber, numberOf } from "./amounts.js";
import { arrowTip, drawScene, fitTexts, html, svg } from "./drawing.js";
import { Mover } from "./moving.js";
import { modelPanel, nodePanel } from "./panel.js";
import { place } from "./placing.js";
import { timelinePanel } from "./timeline.js";
import { findPath, growTree, search, together, wayTo, worthOpening } from "./tree.js";

const BUDGET = 32; // things seen at first
const MOST_SEEN = 1200; // that a browser draws without delay
const MOST_FOUND = 30;
const SIZE = 64; // of a symbol, until the reader gives another

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
    this.sizes = data.symbols.map(() => SIZE);
    this.budget = BUDGET;
    this.state = { root: this.tree.root, open: this.affordable(BUDGET), selected: null, heat: data.color };
    this.build();
    this.change({}, { fit: true });
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
   * joins those that can be chosen, in place of an earlier one of its name.
   */
  overlay({ label, unit = "", amounts }) {
    const paths = Object.keys(amounts);
    const at = ({ path, parent }) => {
      if (path === parent?.path) return null; // an operation that is but a part of its module
      if (path in amounts) return amounts[path];
      const below = paths.filter((other) => other.startsWith(`${path}.`)).map((other) => amounts[other]);
      return below.length ? Math.max(...below) : null;
    };
    const known = this.metrics.findIndex((metric) => metric.label === label);
    const place = known < 0 ? this.metrics.length : known;
    this.metrics[place] = { label, unit, at, total: null, unknown: {}, adds: false };
    this.fillHeat();
    this.change({ heat: place });
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
        this.buildHeat(),
        this.buildSearch(),
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
      button("−", "show less: close what matters least  [", () => this.showMore(0.5)),
      button("+", "show more: open what matters most  ]", () => this.showMore(2)),
      button("⤢", "fit  0", () => this.fit()),
      button("◐", "light or dark", () => this.switchScheme()),
    );
  }

  buildHeat() {
    this.heat = html("select", {
      onchange: () => this.change({ heat: this.heat.value === "" ? null : Number(this.heat.value) }),
    });
    this.fillHeat();
    return html("label", {}, html("span", {}, "colour "), this.heat);
  }

  fillHeat() {
    const option = (value, text) => html("option", { value }, text);
    this.heat.replaceChildren(option("", "kind"), ...this.metrics.map(({ label }, at) => option(String(at), label)));
    this.heat.value = this.state.heat === null ? "" : String(this.state.heat);
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

  buildSearch() {
    this.results = html("ul", { class: "results", role: "listbox", "aria-label": "found", hidden: "" });
    this.results.id = `${this.tip}-found`;
    this.query = html("input", {
      type: "search",
      placeholder: "search  /",
      role: "combobox",
      "aria-label": "search names, operators, paths and source files",
      "aria-expanded": "false",
      "aria-controls": this.results.id,
      autocomplete: "off",
    });
    this.query.addEventListener("input", () => this.find());
    this.query.addEventListener("keydown", (event) => this.keyInSearch(event));
    this.query.addEventListener("blur", () => this.showResults([]));
    return html("div", { class: "search" }, this.query, this.results);
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
    const visible = this.visible();
    const paint = this.painter(visible);
    const scene = drawScene(root, this.placed, { level: 0, paint, colors: this.data.colors, tip: this.tip });
    this.group.replaceChildren(scene);
    this.canvas.classList.toggle("by-number", this.state.heat !== null);
    fitTexts(scene);
    if (fit) this.mover.start(this.placed.width, this.placed.height);
    const after = before && this.elementOf(anchor)?.querySelector(".box").getBoundingClientRect();
    if (after) this.mover.moveBy(before.left - after.left, before.top - after.top);
    this.fillLegend(visible);
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

  affordable(budget) {
    const sums = this.metrics.filter((metric) => metric.adds).map((metric) => [metric, this.number(metric.total)]);
    const known = sums.filter(([, total]) => total > 0);
    const weigh = (node) => Math.max(0, ...known.map(([metric, total]) => (metric.at(node) ?? 0) / total));
    const even = () => 1;
    return worthOpening(this.tree, budget, known.length ? weigh : even);
  }

  showMore(factor) {
    const most = Math.min(MOST_SEEN, this.tree.byKey.size);
    this.budget = Math.min(most, Math.max(4, Math.round(this.budget * factor)));
    this.change({ open: this.affordable(this.budget), root: this.tree.root }, { fit: true });
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
      ...nodePanel(shown, { metrics: this.data.metrics, sizes: this.sizes, around: this.neighbours(shown), go }),
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

  fillLegend(visible) {
    const { heat } = this.state;
    const entry = (color, name) => {
      const swatch = html("span", { class: "swatch", "aria-hidden": "true" });
      swatch.style.background = color;
      return html("li", {}, swatch, name);
    };
    if (heat !== null) {
      const ramp = html("span", { class: "ramp", "aria-hidden": "true" });
      ramp.style.background = `linear-gradient(to right, ${this.data.heat.map(([fill]) => fill).join(", ")})`;
      const { label, unit, adds } = this.metrics[heat];
      const words = [
        `${label}${adds ? ", all copies together" : ""}: 0`,
        ramp,
        this.most > 0 ? formatNumber(this.most, unit) : "not known",
      ];
      return this.legend.replaceChildren(...words);
    }
    const kinds = new Set(visible.filter((node) => !this.isOpen(node)).map((node) => node.shape.kind));
    const named = Object.keys(this.data.colors).filter((kind) => kinds.has(kind));
    this.legend.replaceChildren(html("ul", {}, ...named.map((kind) => entry(this.data.colors[kind], kind))));
  }

  /** How the nodes are painted: by the number that is chosen, as a share of the largest that is seen. */
  painter(visible) {
    const { heat } = this.state;
    if (heat === null) return () => null;
    const amounts = new Map(
      visible.filter((node) => !this.isOpen(node)).map((node) => [node, this.metrics[heat].at(node)]),
    );
    this.most = Math.max(0, ...[...amounts.values()].filter((amount) => amount !== null));
    const ramp = this.data.heat;
    return (node) => {
      const amount = amounts.get(node) ?? null;
      if (amount === null || !(this.most > 0)) return null;
      return ramp[Math.round((Math.max(0, amount) / this.most) * (ramp.length - 1))];
    };
  }

  /** What a node reads from and what reads it, as drawn in the scene around it. */
  neighbours(node) {
    if (!node.parent) return { before: [], after: [] };
    const { scene, children } = node.parent;
    const others = (mine, theirs) =>
      scene.arrows
        .filter((arrow) => arrow[mine] === node.number)
        .map((arrow) => children[arrow[theirs]])
        .filter((one) => one);
    return { before: others("to", "from"), after: others("from", "to") };
  }

  // Search --------------------------------------------------------------------------------------------------------------

  find() {
    this.showResults(search(this.tree, this.query.value, MOST_FOUND));
  }

  showResults(nodes) {
    this.found = nodes;
    this.chosen = 0;
    this.results.replaceChildren(
      ...nodes.map((node, at) => {
        const entry = html("li", { role: "option", "aria-selected": at === 0, onpointerdown: () => this.choose(at) });
        entry.id = `${this.results.id}-${at}`;
        entry.append(html("span", {}, node.shape.title), html("small", {}, node.path));
        return entry;
      }),
    );
    this.results.hidden = !nodes.length;
    this.query.setAttribute("aria-expanded", nodes.length > 0);
    this.pointOut();
  }

  pointOut() {
    [...this.results.children].forEach((entry, at) => entry.setAttribute("aria-selected", at === this.chosen));
    const entry = this.results.children[this.chosen];
    entry?.scrollIntoView({ block: "nearest" });
    this.query.setAttribute("aria-activedescendant", entry?.id ?? "");
  }

  choose(at) {
    const node = this.found[at];
    this.showResults([]);
    if (node) this.go(node);
  }

  keyInSearch(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.found?.length) {
      this.chosen = (this.chosen + step + this.found.length) % this.found.length;
      this.pointOut();
    } else if (event.key === "Enter") {
      this.choose(this.chosen ?? 0);
    } else if (event.key === "Escape") {
      this.query.value = "";
      this.showResults([]);
      this.canvas.focus({ preventScroll: true });
    } else {
      event.stopPropagation(); // letters are for the query
      return;
    }
    event.preventDefault();
    event.stopPropagation();
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
    "/": () => this.query.select(),
    Escape: () => (this.state.selected ? this.select(null) : this.enter(this.state.root.parent ?? this.state.root)),
    Enter: () => this.state.selected && this.toggle(this.state.selected),
    f: () => this.state.selected && this.enter(this.state.selected),
    Backspace: () => this.enter(this.state.root.parent ?? this.state.root),
    ArrowDown: () => this.step("after"),
    ArrowUp: () => this.step("before"),
    ArrowLeft: () => this.stepAside(-1),
    ArrowRight: () => this.stepAside(1),
    "[": () => this.showMore(0.5),
    "]": () => this.showMore(2),
    "+": () => this.mover.zoom(1.25),
    "-": () => this.mover.zoom(0.8),
    0: () => this.fit(),
  };

  /** Along an arrow; into an open box and out of it again. */
  step(side) {
    const { selected, root } = this.state;
    const first = (node) => node.children.find((child) => child);
    if (!selected) return this.arrive(first(root));
    if (side === "after" && this.isOpen(selected)) return this.arrive(first(selected));
    const next = this.neighbours(selected)[side][0];
    if (next) return this.arrive(next);
    if (selected.parent === root) return undefined;
    return this.arrive(
      side === "before" ? selected.parent : (this.neighbours(selected.parent).after[0] ?? selected.parent),
    );
  }

  /** To the nearest thing on the left or right that is drawn at the same height. */
  stepAside(side) {
    const { selected } = this.state;
    if (!selected) return this.step("after");
    const { shapes } = selected.parent.scene;
    const [x, y, , height] = selected.shape.box;
    const beside = selected.parent.children.filter((child) => {
      if (!child || child === selected) return false;
      const [otherX, otherY, , otherHeight] = shapes[child.number].box;
      return Math.abs(otherY - y) < (height + otherHeight) / 2 && (otherX - x) * side > 0;
    });
    const nearest = beside.sort((a, b) => Math.abs(a.shape.box[0] - x) - Math.abs(b.shape.box[0] - x))[0];
    return nearest && this.arrive(nearest);
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
