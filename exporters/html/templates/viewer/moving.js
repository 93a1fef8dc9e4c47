// Moving over a picture that is larger than its window: drag or scroll to move, pinch or Ctrl and scroll to zoom.

const LEAST = 0.05;
const MOST = 4;
const READABLE = 0.5; // the least scale at which words are still words
const EDGE = 28; // pixels kept free around what is brought into view
const CLICK = 4; // pixels that a pointer may move in a click

/** Lets a group of an SVG element be moved. `hasDragged()`: whether the last press moved it and was not a click. */
export class Mover {
  constructor(svg, group) {
    [this.svg, this.group] = [svg, group];
    [this.x, this.y, this.scale] = [0, 0, 1];
    this.dragged = 0;
    svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    svg.addEventListener("pointerdown", (event) => this.press(event));
  }

  /** Put the point (0, 0) of the picture at (x, y) of the window. */
  moveTo(x, y, scale = this.scale) {
    [this.x, this.y, this.scale] = [x, y, Math.min(MOST, Math.max(LEAST, scale))];
    this.group.setAttribute("transform", `translate(${this.x} ${this.y}) scale(${this.scale})`);
  }

  moveBy(dx, dy) {
    this.moveTo(this.x + dx, this.y + dy);
  }

  /** Zoom about a point of the window; its middle by default. */
  zoom(factor, point = this.middle()) {
    const scale = Math.min(MOST, Math.max(LEAST, this.scale * factor));
    const ratio = scale / this.scale;
    this.moveTo(point[0] - (point[0] - this.x) * ratio, point[1] - (point[1] - this.y) * ratio, scale);
  }

  /** Show all of a picture. */
  fit(width, height) {
    this.centre(width, height, Math.min(...this.room(width, height)));
  }

  /** Show a picture so that it can be read: all of its width if that may be, from its top on. */
  start(width, height) {
    const [across, down] = this.room(width, height);
    this.centre(width, height, Math.max(READABLE, down > 0.8 ? Math.min(across, down) : across));
  }

  centre(width, height, wanted) {
    const scale = Math.min(1.2, wanted);
    const [x, y] = this.middle();
    this.moveTo(x - (width * scale) / 2, Math.max(EDGE, y - (height * scale) / 2), scale);
  }

  /** The scales at which a picture is as wide and as high as the window. */
  room(width, height) {
    return [(this.svg.clientWidth - 2 * EDGE) / width, (this.svg.clientHeight - 2 * EDGE) / height];
  }

  /** Move just so far that a rectangle of the window lies in it: its upper left part, if it is larger. */
  reveal({ left, top, right, bottom }) {
    const box = this.svg.getBoundingClientRect();
    const shift = (low, high, from, to) => {
      if (low < from + EDGE) return from + EDGE - low;
      return high > to - EDGE ? Math.max(to - EDGE - high, from + EDGE - low) : 0;
    };
    this.moveBy(shift(left, right, box.left, box.right), shift(top, bottom, box.top, box.bottom));
  }

  hasDragged() {
    return this.dragged > CLICK;
  }

  middle() {
    return [this.svg.clientWidth / 2, this.svg.clientHeight / 2];
  }

  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    if (event.ctrlKey || event.metaKey) {
      const box = this.svg.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY * unit * 0.004), [event.clientX - box.left, event.clientY - box.top]);
    } else {
      const [dx, dy] = event.shiftKey ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
      this.moveBy(-dx * unit, -dy * unit);
    }
  }

  press(event) {
    this.dragged = 0;
    if (event.button !== 0) return;
    const drag = (moved) => {
      this.dragged += Math.abs(moved.movementX) + Math.abs(moved.movementY);
      this.moveBy(moved.movementX, moved.movementY);
    };
    const release = () => {
      window.removeEventListener("pointermove", drag);
      window.removeEventListener("pointerup", release);
      window.removeEventListener("pointercancel", release);
    };
    window.addEventListener("pointermove", drag);
    window.addEventListener("pointerup", release);
    window.addEventListener("pointercancel", release);
  }
}
