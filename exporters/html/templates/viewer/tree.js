// The model as a tree: one node for each operation and module of the page, whether it is seen or not. A node is known by
// its key, the numbers of the shapes on the way to it. Nothing here touches the page.

const ITEM_FORMS = new Set(["operation", "scope"]);

/** The tree of a model; `byKey` has every node, in execution order, and under "" the root. */
export function growTree(data) {
  const byKey = new Map();
  const grow = (parent, shape, number) => {
    const node = {
      key: parent ? [...parent.route, number].join("/") : "",
      route: parent ? [...parent.route, number] : [],
      parent,
      shape,
      number,
      path: parent ? joinPath(parent.path, shape.path) : "",
      // How many equal ones it stands for, times the copies of the boxes around it.
      copies: (parent ? parent.copies : 1) * (shape.times ?? 1),
      scene: shape.scene === undefined ? null : data.scenes[shape.scene],
      children: [],
    };
    byKey.set(node.key, node);
    if (node.scene) {
      node.children = node.scene.shapes.map((inner, at) => (ITEM_FORMS.has(inner.form) ? grow(node, inner, at) : null));
    }
    return node;
  };
  const root = grow(null, { form: "scope", title: data.name, lines: [], scene: data.root, amounts: [] }, 0);
  return { root, byKey };
}

/** The path of a module from the path of the one around it: ".attn" is below it, "attn" elsewhere. */
export function joinPath(around, relative) {
  return relative.startsWith(".") ? around.replace(/@\d+$/, "") + relative : relative || around;
}

/** The nodes from the root's child down to the node. */
export function wayTo(node) {
  return node.parent ? [...wayTo(node.parent), node] : [];
}

/** What an amount comes to for all copies together; a level, such as memory, is not multiplied by them. */
export function together(node, metric, number, numberOf) {
  const own = numberOf((node.shape.together ?? node.shape.amounts)[number]);
  if (own === null || own === undefined) return null;
  return metric.adds ? own * (node.parent ? node.parent.copies : 1) : own;
}

/** The node of a module's full path, in the copy that is shown where that one is folded; null if there is none. */
export function findPath(node, path) {
  for (const child of node.children.filter((one) => one)) {
    if (child.path === node.path && !child.shape.copies) {
      const found = findPath(child, path); // a part of the module, or an operation in it
      if (found) return found;
      continue;
    }
    const inside = shownPath(child, path);
    if (inside !== null) return findPath(child, inside) ?? child;
  }
  return null;
}

/** A path that leads into a node, as it is in the copy that is shown; null if it does not. */
function shownPath(node, path) {
  const copies = (node.shape.copies ?? [node.shape.path]).map((copy) => joinPath(node.parent.path, copy));
  const at = copies.findIndex((copy) => path === copy || path.startsWith(`${copy}.`));
  const period = copies.length / (node.shape.times ?? 1);
  return at < 0 ? null : copies[at % period] + path.slice(copies[at].length);
}

/** The nodes in which all words of a query are found, at most so many. */
export function search(tree, query, most) {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word);
  if (!words.length) return [];
  const exact = findPath(tree.root, query.trim());
  const found = exact ? [exact] : [];
  for (const node of tree.byKey.values()) {
    if (found.length >= most) break;
    if (node === exact || !node.parent) continue;
    const { title, op = "", module = "", source = "" } = node.shape;
    const text = `${node.path} ${title} ${op} ${module} ${source ?? ""}`.toLowerCase();
    if (words.every((word) => text.includes(word))) found.push(node);
  }
  return found;
}
