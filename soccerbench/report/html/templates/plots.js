// Scores by tolerance and class, learning curves, and the error breakdown.

const HEIGHT = 240, LEFT = 44, BOTTOM = 26, TOP = 10, WIDTH = 560;

function ticks(high, wanted = 5) {
  const rough = high / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, index) => index * step);
}

// Lines over one pair of axes; each line is {name, points: [[x, y]], colour, width, dash}.
function lines(title, across, up, series) {
  const points = series.flatMap((line) => line.points);
  if (!points.length) return make("p", { class: "soft" }, `${title}: nothing to draw.`);
  const low = Math.min(...points.map(([x]) => x)), right = Math.max(...points.map(([x]) => x));
  const high = Math.max(...points.map(([, y]) => y)) * 1.05 || 1;
  const x = (value) => LEFT + ((value - low) / (right - low || 1)) * (WIDTH - LEFT - 8);
  const y = (value) => HEIGHT - BOTTOM - (value / high) * (HEIGHT - BOTTOM - TOP);
  const label = (value) => Number(value.toPrecision(4)).toString();
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "plot", role: "img", "aria-label": title });
  for (const value of ticks(high)) {
    picture.append(draw("line", { x1: LEFT, x2: WIDTH - 8, y1: y(value), y2: y(value), class: "axis" }),
      draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, label(value)));
  }
  for (const value of ticks(right, 8).filter((value) => value >= low)) {
    picture.append(draw("text", { x: x(value), y: HEIGHT - 8, "text-anchor": "middle" }, label(value)));
  }
  for (const line of series) {
    const path = line.points.map(([a, b], index) => `${index ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`);
    const style = `stroke: ${line.colour}; stroke-width: ${line.width}; stroke-dasharray: ${line.dash || "none"}`;
    picture.append(draw("path", { d: path.join(""), style }, draw("title", {}, line.name)));
  }
  return make("figure", {}, make("figcaption", {}, title), picture,
    make("p", { class: "soft" }, `Across: ${across}. Up: ${up}.`));
}

function toleranceplot(entries, chosen, split) {
  const series = entries.map((entry, index) => ({ entry, own: index === chosen })).filter(({ entry }) => entry.splits[split])
    .sort((one, other) => one.own - other.own).map(({ entry, own }) => ({
      name: entry.name, colour: own ? "var(--accent)" : "var(--unsure)", width: own ? 3 : 1,
      points: entry.splits[split].tolerances_s.map((x, place) => [x, 100 * entry.splits[split].per_tolerance[place]]),
    }));
  const others = series.length > 1 ? "; the others thin" : "";
  return lines(`Score by tolerance, ${split}`, "width of the window in seconds", `per cent${others}`, series);
}

function curveplot(entry) {
  const colours = ["--accent", "--confused", "--hit", "--late", "--duplicate"];
  const series = entry.curves.flatMap(({ name, epochs }, index) =>
    [["train_loss", "4 3"], ["valid_loss", ""]].map(([key, dash]) => ({
      name: `${name}, ${key}`, colour: `var(${colours[index % colours.length]})`, width: 1.5, dash,
      points: epochs.filter((epoch) => epoch[key] !== null).map((epoch) => [epoch.epoch, epoch[key]]),
    })));
  return lines("Learning curves", "epoch", "loss; training dashed, validation solid, a colour a seed", series);
}

// One bar a class, with a dot each for the events that were shown and those that were not.
function classplot(split) {
  const all = split.per_class.per_class;
  const names = Object.keys(all), row = 20, left = 132, width = WIDTH - left - 44;
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${names.length * row + 6}`, class: "plot", role: "img",
    "aria-label": "Score by class" });
  names.forEach((name, index) => {
    const top = index * row + 4;
    picture.append(draw("text", { x: left - 8, y: top + 12, "text-anchor": "end" }, name),
      draw("rect", { x: left, y: top + 3, width: Math.max(0, width * (all[name] || 0)), height: row - 9, style: "fill: var(--accent)" }),
      draw("text", { x: WIDTH, y: top + 12, "text-anchor": "end" }, percent(all[name])));
    for (const [kind, style] of [["per_class_visible", "fill: var(--text)"],
      ["per_class_unshown", "fill: var(--back); stroke: var(--text); stroke-width: 1.5"]]) {
      const value = split.per_class[kind][name];
      if (value !== null) picture.append(draw("circle", { cx: left + width * value, cy: top + 7.5, r: 3.5, style },
        draw("title", {}, `${name}, ${kind.slice(10)}: ${percent(value)}`)));
    }
  });
  return make("figure", {}, make("figcaption", {}, "Score by class, widest tolerances"), picture,
    make("p", { class: "soft" }, "Bar: all events. Full dot: events that were shown. Hollow dot: events that were not."));
}

function stacked(counts, names) {
  const total = counts.reduce((sum, count) => sum + count, 0) || 1;
  return make("div", { class: "bar", "aria-hidden": "true" }, ...counts.map((count, index) =>
    make("i", { style: `width: ${(100 * count) / total}%; background: var(--${names[index]})`, title: `${names[index]}: ${count}` })));
}

function counttable(what, names, classes, byclass) {
  const sum = byclass.reduce((one, other) => one.map((value, index) => value + other[index]));
  const line = (name, counts) => [name, counts.reduce((one, other) => one + other, 0), ...counts, stacked(counts, names)];
  return table(["Class", what, ...names, "shares"], [line("all", sum), ...classes.map((name, index) => line(name, byclass[index]))]);
}
