// The search box: what is found is listed below it, and chosen by pointer or by keys.

import { html } from "./drawing.js";
import { search } from "./tree.js";

const MOST_FOUND = 30;

export class SearchBox {
  /** `go` is called with the node that is chosen, `leave` when the reader is done without one. */
  constructor(tree, id, { go, leave }) {
    [this.tree, this.go, this.leave] = [tree, go, leave];
    this.found = [];
    this.chosen = 0;
    this.results = html("ul", { class: "results", role: "listbox", "aria-label": "found", id, hidden: "" });
    this.query = html("input", {
      type: "search",
      placeholder: "search  /",
      role: "combobox",
      "aria-label": "search names, operators, paths and source files",
      "aria-expanded": "false",
      "aria-controls": id,
      autocomplete: "off",
      oninput: () => this.list(search(this.tree, this.query.value, MOST_FOUND)),
      onkeydown: (event) => this.key(event),
      onblur: () => this.list([]),
    });
    this.element = html("div", { class: "search" }, this.query, this.results);
  }

  list(nodes) {
    this.found = nodes;
    this.chosen = 0;
    this.results.replaceChildren(
      ...nodes.map((node, at) =>
        html(
          "li",
          { role: "option", id: `${this.results.id}-${at}`, onpointerdown: () => this.choose(at) },
          html("span", {}, node.shape.title),
          html("small", {}, node.path),
        ),
      ),
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
    this.list([]);
    if (node) this.go(node);
  }

  key(event) {
    event.stopPropagation(); // letters are for the query
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.found.length) {
      this.chosen = (this.chosen + step + this.found.length) % this.found.length;
      this.pointOut();
    } else if (event.key === "Enter") {
      this.choose(this.chosen);
    } else if (event.key === "Escape") {
      this.query.value = "";
      this.list([]);
      this.leave();
    } else {
      return;
    }
    event.preventDefault();
  }
}
