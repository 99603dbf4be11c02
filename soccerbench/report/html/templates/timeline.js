// The timeline of one half: a lane a class, events in its upper part and detections in its lower part, or replays with
// arcs to the events that they show. Drawn again at each move; only what is in view is drawn.

const AXIS = 24, SHORTEST_MS = 4000, NEAR_PIXELS = 11, NARROW = 560;
const WIDE = { lane: 26, gutter: 136, caption: 0 }, TIGHT = { lane: 38, gutter: 4, caption: 12 }; // captions to the left, or above
const STEPS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800];
const paths = Object.fromEntries(Object.entries(SHAPES).map(([name, path]) => [name, new Path2D(path)]));

class Timeline {
  constructor(classes, read) {
    this.classes = classes;
    this.now = null; // the position of the video
    this.choose = () => {}; // called with an item that was clicked or stepped to
    this.read = read; // called with the text of what is under the pointer or the cursor
    this.hidden = new Set();
    this.least = 0;
    this.canvas = make("canvas", {
      tabindex: 0, role: "application",
      "aria-label": "Timeline. Arrow keys move, plus and minus zoom, 0 shows all, N and P step through what is in view.",
    });
    this.stage = make("div", { class: "stage" }, this.canvas);
    this.listen();
    new ResizeObserver(() => this.paint()).observe(this.stage);
    for (const colours of ["(prefers-color-scheme: dark)", "print"]) {
      matchMedia(colours).addEventListener("change", () => this.paint());
    }
  }

  // items: {half, from, to, label, kind, name, text, confidence}, sorted by half and time; for replays also arcs.
  show(items, half) {
    this.items = items.filter((item) => item.half === half);
    this.length = Math.max(60000, ...this.items.map((item) => item.to + 5000));
    this.marked = null;
    this.zoom(0, this.length);
  }

  zoom(start, stop) {
    const span = Math.min(Math.max(stop - start, SHORTEST_MS), this.length);
    this.start = Math.min(Math.max(start, 0), this.length - span);
    this.stop = this.start + span;
    this.paint();
  }

  scale(factor, centre = (this.start + this.stop) / 2) {
    this.zoom(centre - (centre - this.start) * factor, centre + (this.stop - centre) * factor);
  }

  lanes() {
    const present = new Set(this.items.map((item) => item.label));
    return this.classes.map((_, label) => label).filter((label) => present.has(label) && !this.hidden.has(label));
  }

  visible() {
    return this.items.filter((item) => item.to >= this.start && item.from <= this.stop && !this.hidden.has(item.label)
      && (item.kind === "event" || item.confidence >= this.least));
  }

  paint() {
    const width = this.stage.clientWidth;
    if (!this.items || !width) return;
    const lanes = this.lanes(), replays = this.items.some((item) => item.kind === "replay");
    Object.assign(this, width < NARROW ? TIGHT : WIDE);
    const height = AXIS + this.lane * (lanes.length + (replays ? 2 : 0)), ratio = devicePixelRatio || 1;
    this.pixels = (width - this.gutter - 4) / (this.stop - this.start);
    this.tops = new Map(lanes.map((label, index) => [label, AXIS + this.lane * index]));
    this.bottom = AXIS + this.lane * lanes.length;
    Object.assign(this.canvas, { width: width * ratio, height: height * ratio });
    this.canvas.style.height = `${height}px`;
    const pen = this.pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    this.colour = (name) => style.getPropertyValue(`--${name}`);
    pen.font = "12px system-ui, sans-serif";
    this.axis(width, height);
    pen.save();
    pen.beginPath();
    pen.rect(this.gutter, 0, width - this.gutter, height);
    pen.clip();
    for (const item of this.visible()) this[item.kind](item);
    if (this.now !== null) {
      pen.fillStyle = this.colour("accent");
      pen.fillRect(this.x(this.now) - 1, AXIS - 6, 2, height);
    }
    pen.restore();
    this.labels(lanes, width);
  }

  x(position) { return this.gutter + (position - this.start) * this.pixels; }

  axis(width, height) {
    const step = 1000 * (STEPS_S.find((seconds) => seconds * 1000 * this.pixels > 56) || 1800), pen = this.pen;
    for (let at = Math.ceil(this.start / step) * step; at <= this.stop; at += step) {
      pen.strokeStyle = this.colour("line");
      pen.beginPath();
      pen.moveTo(this.x(at), AXIS - 6);
      pen.lineTo(this.x(at), height);
      pen.stroke();
      pen.fillStyle = this.colour("soft");
      pen.textAlign = this.x(at) - this.gutter < 18 ? "left" : width - this.x(at) < 18 ? "right" : "center";
      pen.fillText(clock(at), this.x(at), 12);
    }
  }

  labels(lanes, width) {
    const pen = this.pen;
    pen.textAlign = "left";
    for (const label of lanes) {
      const top = this.tops.get(label);
      pen.strokeStyle = this.colour("line");
      pen.beginPath();
      pen.moveTo(0, top + this.lane + 0.5);
      pen.lineTo(width, top + this.lane + 0.5);
      pen.stroke();
      this.write(this.classes[label], top);
    }
    if (this.items.some((item) => item.kind === "replay")) this.write("Replays", this.bottom + this.lane);
  }

  write(text, top) {
    this.pen.fillStyle = this.colour(this.caption ? "soft" : "text");
    this.pen.fillText(text, 4, top + (this.caption || 17));
  }

  stamp(shape, x, y, colour, alpha, hollow, marked) {
    const pen = this.pen;
    pen.save();
    pen.translate(x - 6, y - 6);
    pen.scale(12 / 14, 12 / 14);
    pen.globalAlpha = alpha;
    pen.fillStyle = pen.strokeStyle = this.colour(colour);
    pen.lineWidth = 1.5;
    if (hollow) pen.stroke(paths[shape]);
    else pen.fill(paths[shape]);
    if (marked) {
      pen.globalAlpha = 1;
      pen.strokeStyle = this.colour("text");
      pen.strokeRect(-3, -3, 20, 20);
    }
    pen.restore();
  }

  high(item) { return this.tops.get(item.label) + this.caption + 7; }

  low(item) { return this.high(item) + 12; }

  event(item) {
    const y = this.high(item);
    this.stamp("missed", this.x(item.from), y, item.name, 1, item.unshown, item === this.marked);
  }

  detection(item) {
    const y = this.low(item), alpha = 0.35 + 0.65 * item.confidence;
    this.stamp(item.name, this.x(item.from), y, item.name, alpha, item.name === "duplicate", item === this.marked);
  }

  replay(item) {
    const pen = this.pen, top = this.bottom + this.lane + this.caption, event = this.x(item.event);
    const start = this.x(item.start), stop = this.x(item.end);
    pen.fillStyle = pen.strokeStyle = this.colour(item.name);
    pen.globalAlpha = item === this.marked ? 1 : 0.7;
    pen.lineWidth = item === this.marked ? 3 : 1.2;
    pen.fillRect(start, top + 3, Math.max(stop - start, 2), 18);
    pen.beginPath();
    pen.moveTo((start + stop) / 2, top + 3);
    pen.quadraticCurveTo(event, top, event, this.high(item) + 6);
    pen.stroke();
    pen.globalAlpha = 1;
    this.stamp("missed", event, this.high(item), item.name, 1, false, item === this.marked);
    if (item.detected !== null) this.stamp(item.name, this.x(item.detected), this.low(item), item.name, 1, false, false);
  }

  place(item) {
    if (item.kind === "replay") return [this.x((item.start + item.end) / 2), this.bottom + this.lane + this.caption + 12];
    return [this.x(item.from), item.kind === "event" ? this.high(item) : this.low(item)];
  }

  mark(item) {
    this.marked = item;
    this.read(item ? item.text : "");
    this.paint();
  }

  near(x, y) {
    let best = null, least = Infinity;
    for (const item of this.visible()) {
      const [a, b] = this.place(item), inside = item.kind === "replay" && x >= this.x(item.start) && x <= this.x(item.end);
      const distance = Math.hypot(inside ? 0 : a - x, b - y);
      if (distance < least && distance <= NEAR_PIXELS) [best, least] = [item, distance];
    }
    return best;
  }

  step(by) {
    const seen = this.visible();
    if (!seen.length) return;
    const at = seen.indexOf(this.marked);
    this.mark(seen[at < 0 ? (by > 0 ? 0 : seen.length - 1) : (at + by + seen.length) % seen.length]);
    this.choose(this.marked);
  }

  listen() {
    const fingers = new Map(), local = (event) => event.clientX - this.canvas.getBoundingClientRect().left;
    const time = (x) => this.start + (x - this.gutter) / this.pixels;
    this.canvas.addEventListener("keydown", (event) => {
      const span = this.stop - this.start, shift = { ArrowLeft: -0.2, ArrowRight: 0.2 }[event.key];
      const actions = {
        "+": () => this.scale(0.6), "=": () => this.scale(0.6), "-": () => this.scale(1 / 0.6),
        0: () => this.zoom(0, this.length), Home: () => this.zoom(0, span), End: () => this.zoom(this.length - span, this.length),
        n: () => this.step(1), p: () => this.step(-1), Escape: () => this.mark(null),
      };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const action = shift ? () => this.zoom(this.start + shift * span, this.stop + shift * span) : actions[event.key];
      if (action) { action(); event.preventDefault(); }
    });
    this.canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== this.canvas) return; // the page scrolls past
      event.preventDefault();
      this.scale(Math.exp(Math.sign(event.deltaY) * 0.25), time(local(event)));
    }, { passive: false });
    this.canvas.addEventListener("dblclick", (event) => this.scale(0.4, time(local(event))));
    this.canvas.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, local(event));
      this.canvas.setPointerCapture(event.pointerId);
      this.point(event);
      if (this.marked) this.choose(this.marked);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return this.point(event);
      const before = [...fingers.values()].map(time);
      fingers.set(event.pointerId, local(event));
      const now = [...fingers.values()];
      if (now.length === 1) this.zoom(this.start + before[0] - time(now[0]), this.stop + before[0] - time(now[0]));
      else if (Math.abs(now[1] - now[0]) > 10) {
        const pixels = (now[1] - now[0]) / (before[1] - before[0]);
        const start = before[0] - (now[0] - this.gutter) / pixels;
        if (pixels > 0) this.zoom(start, start + ((this.stop - this.start) * this.pixels) / pixels);
      }
    });
    for (const name of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
    }
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const item = this.near(event.clientX - box.left, event.clientY - box.top);
    if (item !== this.marked) this.mark(item);
  }
}
