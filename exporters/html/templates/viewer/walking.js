// From one thing to the next by keys: along the arrows, into open boxes and out of them, and sideways. Nothing here
// touches the page.

/** What a node reads from and what reads it, as drawn in the scene around it. */
export function neighbours(node) {
  if (!node.parent) return { before: [], after: [] };
  const { scene, children } = node.parent;
  const others = (mine, theirs) =>
    scene.arrows
      .filter((arrow) => arrow[mine] === node.number)
      .map((arrow) => children[arrow[theirs]])
      .filter((other) => other);
  return { before: others("to", "from"), after: others("from", "to") };
}

/** The node after this one, or before it; the first below `root` where there is none yet. */
export function along(node, side, root, isOpen) {
  const first = (box) => box.children.find((child) => child) ?? null;
  if (!node) return first(root);
  if (side === "after" && isOpen(node)) return first(node);
  const [next] = neighbours(node)[side];
  if (next) return next;
  if (node.parent === root) return null;
  return side === "before" ? node.parent : (neighbours(node.parent).after[0] ?? node.parent);
}

/** The nearest node to the left (-1) or right (1) that is drawn at the same height. */
export function beside(node, side) {
  const [x, y, , height] = node.shape.box;
  const distance = (other) => Math.abs(other.shape.box[0] - x);
  const level = node.parent.children.filter((other) => {
    if (!other || other === node) return false;
    const [otherX, otherY, , otherHeight] = other.shape.box;
    return Math.abs(otherY - y) < (height + otherHeight) / 2 && (otherX - x) * side > 0;
  });
  return level.sort((a, b) => distance(a) - distance(b))[0] ?? null;
}
