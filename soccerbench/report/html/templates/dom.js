// Elements are made from text, never from markup: a name that looks like HTML stays a name.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function clock(milliseconds, digits = 0) {
  const unit = 10 ** digits;
  const seconds = Math.floor((milliseconds * unit) / 1000) / unit;
  const rest = (seconds % 60).toFixed(digits);
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${rest.padStart(digits ? digits + 3 : 2, "0")}`;
}

// Columns as packing.py lays them out: little-endian, the widest first.
const KINDS = { position: [Uint32Array, 1], share: [Uint16Array, 1 / 65535], small: [Uint8Array, 1] };

function unpack(text, count, columns) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const found = { count };
  let offset = 0;
  for (const [name, kind] of Object.entries(columns)) {
    const [Numbers, scale] = KINDS[kind];
    const values = new Numbers(bytes.buffer, offset, count);
    found[name] = scale === 1 ? values : Float32Array.from(values, (value) => value * scale);
    offset += count * Numbers.BYTES_PER_ELEMENT;
  }
  return found;
}

// The same element as table.html writes; all but the columns named in `words` hold numbers.
function table(header, lines, words = [header[0]]) {
  const number = (index) => (words.includes(header[index]) ? {} : { class: "number" });
  const content = (value) => (value instanceof Node ? value : make("bdi", {}, String(value)));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table" },
    make("table", {},
      make("thead", {}, make("tr", {}, ...header.map((name, index) => make("th", number(index), name)))),
      make("tbody", {}, ...lines.map((line) => make("tr", {}, ...line.map((value, index) =>
        make("td", { ...number(index), "data-title": header[index] }, content(value))))))));
}

// How many of each outcome: a bar of their shares, and a table of them by class.
function stacked(counts, names) {
  const total = counts.reduce((sum, count) => sum + count, 0) || 1;
  return make("div", { class: "bar", "aria-hidden": "true" }, ...counts.map((count, index) =>
    make("i", { style: `width: ${(100 * count) / total}%; background: var(--${names[index]})`, title: `${names[index]}: ${count}` })));
}

function counttable(what, names, classes, byclass) {
  const sum = byclass.reduce((one, other) => one.map((value, index) => value + other[index]));
  const line = (name, counts) => [name, counts.reduce((one, other) => one + other, 0), ...counts, stacked(counts, names)];
  return table(["Class", what, ...names, "shares"],
    [line("all", sum), ...classes.map((name, index) => line(name, byclass[index]))], ["Class", "shares"]);
}

function choice(label, options, onchange) {
  const select = make("select", { onchange: () => onchange(Number(select.value)) });
  options.forEach((name, index) => select.append(make("option", { value: index }, name)));
  return make("label", {}, label, select);
}

// The outcome of a detection, an event or a replay: always a colour and a shape.
const SHAPES = {
  hit: "M2 7a5 5 0 1 0 10 0a5 5 0 1 0-10 0z", early: "M12 2v10l-10-5z", late: "M2 2v10l10-5z",
  duplicate: "M2 2h10v10h-10z", confused: "M7 1l6 6l-6 6l-6-6z",
  false: "M2 4l2-2l3 3l3-3l2 2l-3 3l3 3l-2 2l-3-3l-3 3l-2-2l3-3z",
  missed: "M7 2l6 10h-12z", uncounted: "M6 3h2v8h-2z",
};

function legend(names, explain) {
  return make("ul", { class: "legend" }, ...names.map((name) =>
    make("li", {},
      draw("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" },
        draw("path", { d: SHAPES[name], style: `fill: var(--${name})` })),
      explain[name] ? `${name}: ${explain[name]}` : name)));
}

// Second of a video at which its half begins, as its address says.
const beginning = (address) => Number(/#t=([\d.]+)$/.exec(address)?.[1] ?? 0);
