const data = JSON.parse(document.getElementById("data").textContent);
const home = (name) => document.getElementById(name);
const LEAD_S = 2, MOST_LINES = 300, ROW = 22, WIDTH = 900;
const hidden = new Set();
let least = data.least;

const sources = new Map(Object.entries(data.videos).map(([half, source]) => [Number(half), source]));
const video = make("video", { controls: true, playsinline: true, preload: "metadata", "aria-label": "The match" });
const said = make("p", { class: "soft", "aria-live": "polite" });
let shown = 0, begin_s = 0; // the half, and where it begins in its video

function show(half) {
  if (shown === half || !sources.has(half)) return;
  shown = half;
  video.src = sources.get(half);
  begin_s = beginning(sources.get(half));
  video.hidden = false;
}

function jump([half, time, , , text]) {
  if (!sources.has(half)) {
    said.textContent = `${text}: choose the video of half ${half} to see it.`;
    return;
  }
  const seek = () => { video.currentTime = begin_s + Math.max(0, time - LEAD_S); };
  const other = shown !== half;
  show(half);
  if (other || video.readyState < 1) video.addEventListener("loadedmetadata", seek, { once: true });
  else seek();
  said.textContent = `Half ${half}, ${clock(1000 * time)}: ${text}.`;
  video.scrollIntoView({ block: "nearest" });
}

function player() {
  const inputs = data.halves.map((half) => make("label", {}, `Video of half ${half} `,
    make("input", { type: "file", accept: "video/*", onchange: ({ target }) => {
      if (!target.files.length) return;
      const [file] = target.files, known = data.videos[half] ?? "";
      const same = decodeURIComponent(known.split("#")[0]).split("/").pop() === file.name;
      sources.set(half, URL.createObjectURL(file) + (same ? `#t=${beginning(known)}` : ""));
      shown = 0;
      show(half);
    } })));
  video.hidden = !sources.size;
  home("video").append(video, said, make("div", { class: "controls" }, ...inputs));
  if (sources.size) show(Math.min(...sources.keys()));
}

const kept = () => data.events.filter(([, , label, confidence]) => confidence >= least && !hidden.has(label));

function timeline(events) {
  const names = data.names.map((_, label) => label).filter((label) => !hidden.has(label));
  const pictures = data.halves.map((half) => {
    const length = data.lengths[half] || 1, left = 150, height = ROW * (names.length + 1);
    const x = (time) => left + ((WIDTH - left - 10) * Math.min(time, length)) / length;
    const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `Events of half ${half}` });
    names.forEach((label, row) => picture.append(
      draw("text", { x: 0, y: row * ROW + 15 }, data.names[label]),
      draw("line", { x1: left, x2: WIDTH - 10, y1: row * ROW + 11, y2: row * ROW + 11 })));
    for (let time = 0; time <= length; time += 600) picture.append(draw("text", { x: x(time), y: height - 4 }, clock(1000 * time)));
    for (const event of events) if (event[0] === half) picture.append(draw("circle", {
      cx: x(event[1]), cy: names.indexOf(event[2]) * ROW + 11, r: 3 + 5 * event[3], "fill-opacity": 0.3 + 0.7 * event[3],
      onclick: () => jump(event) }, draw("title", {}, `${clock(1000 * event[1])} ${event[4]}, ${event[3].toFixed(2)}`)));
    return make("figure", {}, make("figcaption", {}, `Half ${half}`), picture);
  });
  home("timeline").replaceChildren(...pictures);
}

function list(events) {
  const lines = events.slice(0, MOST_LINES).map((event) => make("tr", {},
    make("td", {}, make("button", { type: "button", onclick: () => jump(event) }, `${event[0]} - ${clock(1000 * event[1])}`)),
    make("td", {}, make("bdi", {}, event[4])), make("td", { class: "number" }, event[3].toFixed(2))));
  const more = events.length > MOST_LINES ? `, the first ${MOST_LINES} are listed` : "";
  home("list").replaceChildren(make("h2", {}, `${events.length} events${more}`), make("div", { class: "scroll" }, make("table", {},
    make("thead", {}, make("tr", {}, ...["Time", "Event", "Confidence"].map((name) => make("th", {}, name)))),
    make("tbody", {}, ...lines))));
}

function refresh() {
  const events = kept();
  timeline(events);
  list(events);
}

function controls() {
  const value = make("output", {}, least.toFixed(2));
  const slider = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: least, oninput: () => {
    least = Number(slider.value);
    value.textContent = least.toFixed(2);
    refresh();
  } });
  const boxes = data.names.map((name, label) => make("label", {}, make("input", { type: "checkbox", checked: true, onchange: ({ target }) => {
    hidden[target.checked ? "delete" : "add"](label);
    refresh();
  } }), " ", name));
  home("controls").append(make("div", { class: "controls" }, make("label", {}, "Least confidence ", slider, value)),
    make("fieldset", {}, ...boxes));
}

player();
controls();
refresh();
