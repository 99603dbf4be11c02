// Puts the page together: what is picked at the top is what the sections below show.

const DETECTED = ["hit", "early", "late", "duplicate", "confused", "false", "uncounted"];
const HAPPENED = ["hit", "early", "late", "confused", "missed"];
const GROUNDED = ["hit", "early", "late", "missed"];
const MEANING = {
  hit: "within 2.5 s of an event, and paired with it by the scorer",
  early: "within 30 s before an event of its class without a hit", late: "the same, after it",
  duplicate: "all events of its class within 30 s have other hits", confused: "at an event of another class",
  false: "no event of its class within 30 s, no event at all within 2.5 s", uncounted: "shown, but not counted",
};
const data = JSON.parse(document.getElementById("data").textContent);
const home = (name) => document.getElementById(name);
const state = { entry: 0, split: "", game: 0, half: 1 };
const readout = make("p", { class: "readout soft", "aria-live": "polite" });
const timeline = new Timeline(data.classes, (text) => { readout.textContent = text; });

const video = make("video", { controls: true, preload: "metadata", hidden: true });
let begin_s = 0; // of the half, in its video
timeline.choose = (item) => { if (!video.hidden) video.currentTime = begin_s + Math.max(0, item.from / 1000 - 2); };
video.addEventListener("timeupdate", () => { timeline.now = 1000 * (video.currentTime - begin_s); timeline.paint(); });

const entry = () => data.entries[state.entry];
const shown = () => entry().splits[state.split];

function picker() {
  const splits = Object.keys(entry().splits);
  if (!splits.includes(state.split)) state.split = splits[0] || "";
  const rows = choice("Row", data.entries.map(({ name }) => name), (index) => { state.entry = index; refresh(); });
  const parts = choice("Split", splits, (index) => { state.split = splits[index]; refresh(); });
  rows.querySelector("select").value = state.entry;
  parts.querySelector("select").value = splits.indexOf(state.split);
  home("picker").replaceChildren(rows, parts);
}

function scores() {
  for (const part of document.querySelectorAll("[data-entry]")) {
    part.hidden = Number(part.dataset.entry) !== state.entry || !["", state.split].includes(part.dataset.split);
  }
}

function errors() {
  const found = shown()?.breakdown, parts = [make("h2", {}, "Errors")];
  if (found) {
    parts.push(make("p", {}, "Of each class, as many of the most confident detections are counted as it has events, "
        + "or all where there are fewer", shown().seed === undefined ? "." : ` (seed ${shown().seed}).`), legend(DETECTED.slice(0, 6), MEANING),
      make("h3", {}, "Outcomes of the detections"), counttable("detections", DETECTED.slice(0, 6), data.classes, found.detected),
      make("h3", {}, "Outcomes of the events"), counttable("events", HAPPENED, data.classes, found.happened));
    if (found.confusions.length) parts.push(make("h3", {}, "Most frequent confusions"), table(["Detected", "Event", "Count"],
      found.confusions.map(([one, other, count]) => [data.classes[one], data.classes[other], count]), ["Detected", "Event"]));
  } else if (shown()?.grounded) {
    parts.push(make("p", {}, "The most confident detection of each replay: hit within 2.5 s of the event that it shows, else early or late; "
        + "missed without a detection."),
      table(["Replays", ...GROUNDED, "shares"], [["all", ...shown().grounded, stacked(shown().grounded, GROUNDED)]], ["Replays", "shares"]));
  } else parts.push(make("p", { class: "soft" }, "The labels of this row's games were not found (give --data)."));
  home("errors").replaceChildren(...parts);
}

function spotted(games, index) {
  const game = games[index], detected = shown().detected[index];
  const events = unpack(game.events, game.count, { position: "position", half: "small", label: "small", visible: "small" });
  const outcome = unpack(detected.happened, game.count, { outcome: "small" }).outcome;
  const found = unpack(detected.detections, detected.count,
    { position: "position", confidence: "share", half: "small", label: "small", outcome: "small" });
  const items = [];
  for (let at = 0; at < events.count; at += 1) {
    const name = HAPPENED[outcome[at]], label = events.label[at], unseen = events.visible[at] ? "" : ", not shown";
    items.push({ kind: "event", half: events.half[at], from: events.position[at], to: events.position[at], label, name,
      unshown: !events.visible[at], confidence: 1,
      text: `Event at ${clock(events.position[at], 1)}: ${data.classes[label]}${unseen}; ${name}.` });
  }
  for (let at = 0; at < found.count; at += 1) {
    const name = DETECTED[found.outcome[at]], label = found.label[at], confidence = found.confidence[at];
    items.push({ kind: "detection", half: found.half[at], from: found.position[at], to: found.position[at], label, name, confidence,
      text: `Detection at ${clock(found.position[at], 1)}: ${data.classes[label]}, confidence ${confidence.toFixed(3)}; ${name}.` });
  }
  return items.sort((one, other) => one.from - other.from);
}

function grounded(game) {
  const arcs = unpack(game.arcs, game.count, { start: "position", end: "position", event: "position", detected: "position",
    score: "share", half: "small", label: "small", outcome: "small" });
  return Array.from({ length: arcs.count }, (_, at) => {
    const name = GROUNDED[arcs.outcome[at]], label = arcs.label[at], detected = name === "missed" ? null : arcs.detected[at];
    const instants = [arcs.start[at], arcs.end[at], arcs.event[at], ...(detected === null ? [] : [detected])];
    const where = detected === null ? "no detection" : `detected at ${clock(detected, 1)}, confidence ${arcs.score[at].toFixed(3)}`;
    return { kind: "replay", half: arcs.half[at], from: Math.min(...instants), to: Math.max(...instants), label, name, detected,
      start: arcs.start[at], end: arcs.end[at], event: arcs.event[at], confidence: arcs.score[at],
      text: `Replay ${clock(arcs.start[at], 1)} to ${clock(arcs.end[at], 1)} of ${data.classes[label]} at ${clock(arcs.event[at])}: `
        + `${where}; ${name}.` };
  }).sort((one, other) => one.from - other.from);
}

function controls(games) {
  const pick = choice("Match", games.map(({ name }) => name), (index) => { state.game = index; show(games); });
  pick.querySelector("select").value = state.game;
  const halves = choice("Half", ["1", "2"], (index) => { state.half = index + 1; show(games); });
  halves.querySelector("select").value = state.half - 1;
  const button = (name, label, action) => make("button", { type: "button", "aria-label": label, onclick: action }, name);
  const least = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: timeline.least,
    oninput: () => { timeline.least = Number(least.value); timeline.paint(); } });
  return make("div", { class: "controls" }, pick, halves,
    button("−", "Zoom out", () => timeline.scale(1 / 0.6)), button("+", "Zoom in", () => timeline.scale(0.6)),
    button("All", "Show the whole half", () => timeline.zoom(0, timeline.length)),
    make("label", {}, "Minimum confidence", least));
}

function filter() {
  const boxes = data.classes.map((name, label) => {
    const box = make("input", { type: "checkbox", checked: !timeline.hidden.has(label), onchange: () => {
      timeline.hidden[box.checked ? "delete" : "add"](label);
      timeline.paint();
    } });
    return [box, make("label", {}, box, " ", name)];
  });
  const all = (checked) => make("button", { type: "button", onclick: () => {
    boxes.forEach(([box], label) => { box.checked = checked; timeline.hidden[checked ? "delete" : "add"](label); });
    timeline.paint();
  } }, checked ? "All" : "None");
  return make("details", {}, make("summary", {}, "Classes"),
    make("fieldset", {}, make("legend", { class: "soft" }, "Shown classes"), ...boxes.map(([, label]) => label), all(true), all(false)));
}

// The video of the half, where the page knows one: an item that is clicked is shown from two seconds before.
function play(game) {
  const address = data.videos?.[game.folder]?.[state.half];
  timeline.now = null;
  video.hidden = !address;
  begin_s = beginning(address);
  if (address && video.getAttribute("src") !== address) video.src = address;
  if (!address) video.removeAttribute("src");
}

function show(games) {
  play(games[state.game]);
  timeline.show(shown().arcs ? grounded(games[state.game]) : spotted(games, state.game), state.half);
  readout.textContent = "";
}

function timelines() {
  const games = shown()?.arcs || data.games[shown()?.games], parts = [make("h2", {}, "Timeline")];
  if (!games?.length) {
    home("timeline").replaceChildren(...parts, make("p", { class: "soft" }, "Nothing to show for this row."));
    return;
  }
  if (state.game >= games.length) state.game = 0;
  const replays = Boolean(shown().arcs);
  const omitted = shown().omitted ? `The ${shown().omitted} least confident detections are left out: of each class `
    + `${shown().times} times as many as it has events are kept. ` : "";
  parts.push(controls(games), filter(), make("div", { class: "watch" }, video, make("div", {}, timeline.stage, readout)),
    replays ? legend(GROUNDED, { missed: "the event of a replay without a detection" })
      : legend([...DETECTED, "missed"], { uncounted: MEANING.uncounted, missed: "an event (hollow if it was not shown)" }),
    make("p", { class: "soft" }, omitted, replays ? "Arcs lead from each replay to the event that it shows. "
      : "Events are above, in the colour of their outcome; detections below, paler with lower confidence. ",
      "Drag to move; two fingers, the buttons or the wheel (after a click, or with Ctrl) to zoom. With the keyboard: arrows, "
        + "plus, minus, 0, Home, End; N and P step through what is in view."));
  home("timeline").replaceChildren(...parts);
  show(games);
}

function refresh() {
  picker();
  scores();
  errors();
  timelines();
}

refresh();
