// Where everything is when some boxes are open. Each scene was laid out by itself; opening a box stretches the scene
// around it just so far that the box's own scene fits in, and everything keeps its place relative to everything else.
// Nothing here touches the page.

export const MARGIN = 10; // around the scene in an open box
const LINE = 13;
const TITLE = 22;
const BEND = 24; // over which an arrow turns to the door it goes through
const SAMPLES = 12; // points on each piece of a spline that is stretched

/** How high the words above the scene in an open box are. */
export function headHeight(shape) {
  return TITLE + LINE * shape.lines.length;
}

/**
 * A monotone map of one axis in which each interval `{from, to, need}` becomes at least as long as it needs. It has slope
 * 1 or more everywhere, so what did not overlap does not. Narrow intervals come first: wider ones around them then have
 * what they need already.
 */
export function stretch(intervals) {
  const pieces = [];
  const map = (x) =>
    pieces.reduce((sum, { from, to, more }) => sum + more * Math.min(1, Math.max(0, (x - from) / (to - from))), x);
  for (const { from, to, need } of [...intervals].sort((a, b) => a.to - a.from - (b.to - b.from))) {
    const more = need - (map(to) - map(from));
    if (more > 0) pieces.push({ from, to, more });
  }
  return map;
}

/**
 * The scene of a node with the scenes of the open boxes in it: `{width, height, shapes, arrows}`. A shape is its centre,
 * its size and, where it is open, its `inner` scene; an arrow is the `path` of its line, the `tails` that come to it from
 * several things in an open box, the `fan` to several in another, and where its label is.
 */
export function place(node, isOpen) {
  const { size, shapes, arrows } = node.scene;
  const inner = node.children.map((child) => (child?.scene && isOpen(child) ? place(child, isOpen) : null));
  const sizes = shapes.map((shape, at) => {
    const [, , width, height] = shape.box;
    if (!inner[at]) return [width, height];
    return [
      Math.max(width, inner[at].width + 2 * MARGIN),
      Math.max(height, inner[at].height + headHeight(shape) + MARGIN),
    ];
  });
  const along = (axis) =>
    stretch(
      shapes.flatMap(({ box }, at) => {
        const half = box[axis + 2] / 2;
        return inner[at] ? [{ from: box[axis] - half, to: box[axis] + half, need: sizes[at][axis] }] : [];
      }),
    );
  const maps = [along(0), along(1)];
  const placed = shapes.map(({ box }, at) => {
    const centre = [0, 1].map((axis) => {
      const half = box[axis + 2] / 2;
      const map = maps[axis];
      // An open box fills its stretch; any other stays where its centre is, in line with its arrows.
      return inner[at] ? (map(box[axis] - half) + map(box[axis] + half)) / 2 : map(box[axis]);
    });
    return { x: centre[0], y: centre[1], width: sizes[at][0], height: sizes[at][1], inner: inner[at] };
  });
  const isStretched = inner.some((scene) => scene);
  return {
    width: maps[0](size[0]),
    height: maps[1](size[1]),
    shapes: placed,
    arrows: arrows.map((arrow) => ({
      ...(isStretched
        ? stretchedArrow(arrow, shapes, placed, maps)
        : { path: splinePath(arrow.points), tails: [], fan: [] }),
      label: arrow.at ? [maps[0](arrow.at[0]), maps[1](arrow.at[1])] : null,
    })),
  };
}

/** The upper left corner of the scene in an open box. */
export function innerCorner(shape, placed) {
  return [placed.x - placed.inner.width / 2, placed.y - placed.height / 2 + headHeight(shape)];
}

/** Control points and a tip as an SVG path. */
export function splinePath(points) {
  const [start, ...rest] = pairs(points);
  const tip = rest.pop();
  const curves = rest.length ? `C${rest.map(([x, y]) => `${round(x)} ${round(y)}`).join(" ")}` : "";
  return `M${round(start[0])} ${round(start[1])}${curves}L${round(tip[0])} ${round(tip[1])}`;
}

function stretchedArrow(arrow, shapes, placed, maps) {
  const points = sampled(pairs(arrow.points));
  const [first, last] = [points[0], points.at(-1)];
  const mapped = points.map(([x, y]) => [maps[0](x), maps[1](y)]);
  const start = doorway(first, shapes[arrow.from], placed[arrow.from], arrow.leaves, 1);
  const end = doorway(last, shapes[arrow.to], placed[arrow.to], arrow.enters, -1);
  const shiftStart = start.at[0] - mapped[0][0];
  const shiftEnd = end.at[0] - mapped.at(-1)[0];
  const line = mapped.slice(1, -1).map(([x, y], at) => {
    const [, original] = points[at + 1];
    const nearStart = smooth(1 - (original - first[1]) / BEND);
    const nearEnd = smooth(1 - (last[1] - original) / BEND);
    return [x + shiftStart * nearStart + shiftEnd * nearEnd, y];
  });
  const one = (doors) => (doors.length === 1 ? doors : []);
  const several = (doors) => (doors.length > 1 ? doors : []);
  return {
    path: linePath([...one(start.doors), start.at, ...line, end.at, ...one(end.doors)]),
    tails: several(start.doors).map((door) => linePath([door, start.at])),
    fan: several(end.doors).map((door) => linePath([end.at, door])),
  };
}

/**
 * Where an arrow meets a box: `at` on its border, and the `doors` behind it, the points in an open box where its values
 * are shown. `side` is 1 for an arrow that leaves below, -1 for one that enters above.
 */
function doorway([x, y], shape, placed, doors = [], side) {
  if (!placed.inner) return { at: [placed.x + x - shape.box[0], placed.y + y - shape.box[1]], doors: [] };
  const border = placed.y + (side * placed.height) / 2;
  if (!doors.length) {
    const room = placed.width / 2 - MARGIN;
    return { at: [placed.x + Math.max(-room, Math.min(room, x - shape.box[0])), border], doors: [] };
  }
  const [left, top] = innerCorner(shape, placed);
  const points = doors.map((door) => {
    const inside = placed.inner.shapes[door];
    return [left + inside.x, top + inside.y + (side * inside.height) / 2];
  });
  return { at: [points.reduce((sum, [doorX]) => sum + doorX, 0) / points.length, border], doors: points };
}

function linePath(points) {
  return `M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}`;
}

function smooth(t) {
  const s = Math.min(1, Math.max(0, t));
  return s * s * (3 - 2 * s);
}

/** Points on the spline, close together, and its tip. */
function sampled(points) {
  const tip = points.at(-1);
  const found = [points[0]];
  for (let at = 0; at + 3 < points.length - 1; at += 3) {
    const [a, b, c, d] = points.slice(at, at + 4);
    for (let step = 1; step <= SAMPLES; step += 1) {
      const t = step / SAMPLES;
      const s = 1 - t;
      found.push([0, 1].map((k) => s ** 3 * a[k] + 3 * s ** 2 * t * b[k] + 3 * s * t ** 2 * c[k] + t ** 3 * d[k]));
    }
  }
  return [...found, tip];
}

function pairs(numbers) {
  return Array.from({ length: numbers.length / 2 }, (_, at) => [numbers[2 * at], numbers[2 * at + 1]]);
}

function round(x) {
  return Math.round(x * 10) / 10;
}
