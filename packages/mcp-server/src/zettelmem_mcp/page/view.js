"use strict";
// The page of `zettelmem-mcp view`, and the same page as an MCP App inside a client.
// What notes say is only ever set as textContent: nothing of them is read as markup.

const RELATIONS = {
  supersedes: ["--red", "takes the place of"],
  updates: ["--orange", "may be newer than"],
  contradicts: ["--orange", "contradicts"],
  supports: ["--green", "supports"],
  part_of: ["--accent", "is part of"],
  derived_from: ["--accent", "comes from"],
  relates: ["--accent", "has to do with"],
  follows: ["--grey", "follows"],
};
const byId = (id) => document.getElementById(id);
const place = { q: "", threads: "", thread: "", note: "" }; // what is shown; in the address behind the #
let mayUndo = false;
let graph = null;
let turn = 0; // answers that come after the user has moved on are dropped

// --- where answers come from -----------------------------------------------------------------------

const app = document.documentElement.dataset.app === "yes" ? connectToHost() : null;

async function ask(what, asked = {}) {
  if (app) return app.read(what, asked);
  return answered(await fetch(`api/${what}?${new URLSearchParams(asked)}`));
}

async function takeBack(change) {
  const headers = { "Content-Type": "application/json" };
  return answered(await fetch("api/undo", { method: "POST", headers, body: JSON.stringify({ change }) }));
}

async function answered(response) {
  const found = await response.json();
  if (!response.ok) throw new Error(found.error);
  return found;
}

function connectToHost() {
  // JSON-RPC with the client that holds our frame, as the MCP Apps extension has it.
  const waiting = new Map();
  let last = 0;
  const send = (message) => window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const request = (method, params) =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      send({ id: last, method, params });
    });
  const dress = (context) => {
    if (context && context.theme) document.documentElement.dataset.theme = context.theme;
  };
  window.addEventListener("message", (event) => {
    const message = event.data;
    if (event.source !== window.parent || !message || message.jsonrpc !== "2.0") return;
    if (message.method === "ui/notifications/host-context-changed") {
      dress(message.params);
      redraw();
    } else if (message.method && message.id !== undefined) {
      send({ id: message.id, result: {} }); // ping, and the end of the frame
    } else if (waiting.has(message.id)) {
      const { resolve, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) reject(new Error(message.error.message));
      else resolve(message.result);
    }
  });
  const ready = request("ui/initialize", {
    protocolVersion: "2026-01-26",
    appInfo: { name: "zettelmem", version: "1" },
    appCapabilities: {},
  }).then((host) => {
    dress(host.hostContext);
    send({ method: "ui/notifications/initialized", params: {} });
    send({ method: "ui/notifications/size-changed", params: { height: 760 } });
    if (!(host.hostCapabilities || {}).serverResources)
      throw new Error("This client lets no app read the memory; run: zettelmem-mcp view");
  });
  return {
    async read(what, asked) {
      await ready;
      const uri = `memory://view/${what}?${new URLSearchParams(asked)}`.replace(/\+/g, "%20").replace(/\?$/, "");
      const found = await request("resources/read", { uri });
      const value = JSON.parse(found.contents[0].text);
      if (value.error) throw new Error(value.error);
      return value;
    },
  };
}

// --- small parts -----------------------------------------------------------------------------------

function make(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}

function day(iso) {
  return new Date(iso).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

function shown(text, size) {
  return text.length > size ? `${text.slice(0, size - 1)}…` : text;
}

function about(note) {
  const parts = [day(note.when), `${note.who} (${note.trust})`];
  if (note.thread) parts.push(note.thread.name);
  if (note.status) parts.push(note.status);
  return parts.join(" · ");
}

function card(note) {
  const button = make("button", note.over ? "card over" : "card");
  button.type = "button";
  button.dataset.note = note.id;
  const words = make("span", "words", note.content);
  words.dir = "auto";
  button.append(words);
  if (note.score !== undefined) {
    const line = make("span", "about");
    const bar = make("span", "score");
    bar.style.setProperty("--part", `${Math.round(100 * note.score)}%`);
    bar.title = `score ${note.score}`;
    line.append(bar, note.why);
    button.append(line);
  }
  button.append(make("span", "about", about(note)));
  button.addEventListener("click", () => go({ note: note.id }));
  return button;
}

function notice(text, good = false) {
  const element = byId("notice");
  element.textContent = text;
  element.className = good ? "good" : "";
  element.hidden = !text;
}

// --- the list --------------------------------------------------------------------------------------

async function showList(mine) {
  const { q, thread } = place;
  const found = q ? await ask("search", { q }) : thread ? await ask("thread", { name: thread }) : await ask("recent");
  if (mine !== turn) return;
  const cards = byId("cards");
  cards.replaceChildren();
  const name = thread && !q ? `${found.name}, in the order it happened` : "";
  byId("heading").textContent = q ? `What is recalled for “${shown(q, 80)}”` : name || "Newest notes";
  if (!found.notes.length) cards.append(make("p", "empty", q ? "Nothing is remembered about that." : "No notes here yet."));
  addCards(found, thread && !q);
}

function addCards(found, timed) {
  for (const note of found.notes) {
    const element = card(note);
    if (timed) {
      const moment = make("div", note.over ? "timed past" : "timed");
      moment.append(element);
      byId("cards").append(moment);
    } else byId("cards").append(element);
  }
  const more = byId("more");
  more.hidden = !found.cursor;
  more.onclick = () => tell(async () => addCards(await ask("recent", { after: found.cursor }), false));
  mark();
}

function mark() {
  for (const element of document.querySelectorAll("[data-note]"))
    element.setAttribute("aria-current", element.dataset.note === place.note ? "true" : "false");
}

// --- the graph -------------------------------------------------------------------------------------

function colour(name) {
  const probe = make("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function look() {
  const [text, page, accent, over, node] = ["--text", "--page", "--accent", "--over", "--node"].map(colour);
  return [
    { selector: "node", style: {
      "background-color": node, color: text, "font-size": "data(letters)", "text-wrap": "wrap", "text-max-width": "data(wide)",
      "text-valign": "bottom", "text-margin-y": 3, width: "data(size)", height: "data(size)", "text-background-color": page,
      "text-background-opacity": 0.75, "text-background-padding": 1 } },
    { selector: "node.named, node.pointed", style: { label: "data(label)" } },
    { selector: "node.pointed", style: { "z-index": 10 } },
    { selector: "node[?over]", style: { "background-color": over, color: colour("--faint"), "border-width": 1, "border-style": "dashed", "border-color": colour("--faint") } },
    { selector: "node[?focus]", style: { "background-color": accent, "font-weight": "bold", "border-width": 3, "border-color": text, "border-style": "solid" } },
    { selector: "edge", style: {
      width: "data(wide)", "line-color": "data(colour)", "target-arrow-color": "data(colour)", "target-arrow-shape": "triangle", "arrow-scale": "data(arrow)",
      "curve-style": "bezier", opacity: 0.8 } },
    { selector: "edge[word]", style: {
      label: "data(word)", "font-size": "data(letters)", color: colour("--faint"), "text-rotation": "autorotate",
      "text-background-color": page, "text-background-opacity": 0.8, "text-background-padding": 1 } },
  ];
}

let drawn = null;

function draw(found) {
  drawn = found;
  if (graph) graph.destroy();
  const degree = new Map();
  for (const { source, target } of found.links)
    for (const id of [source, target]) degree.set(id, (degree.get(id) || 0) + 1);
  const colours = Object.fromEntries(Object.entries(RELATIONS).map(([name, [variable]]) => [name, colour(variable)]));
  const nodes = found.notes.map((note) => ({ data: {
    id: note.id, label: shown(note.content.replace(/\s+/g, " "), 42), over: note.over, focus: note.id === found.focus,
    plain: (found.notes.length > 60 ? 6 : 9) + 2.5 * Math.sqrt(degree.get(note.id) || 0), size: 10, letters: 11, wide: 110, told: `${note.content} — ${about(note)}` } }));
  const edges = found.links.map((link, number) => ({ data: {
    id: `link ${number}`, source: link.source, target: link.target, colour: colours[link.relation], wide: 1.5, letters: 9, arrow: 1,
    word: found.focus && [link.source, link.target].includes(found.focus) ? link.relation.replace("_", " ") : undefined,
    told: `${link.relation.replace("_", " ")}${link.reason ? `: ${link.reason}` : ""}` } }));
  legend(found.links);
  byId("told").textContent = toldOf(found, nodes.filter((node) => !degree.has(node.data.id)).length);
  graph = cytoscape({ container: byId("graph"), elements: { nodes, edges }, style: look(), maxZoom: 3, minZoom: 0.05 });
  const near = (node) => (node.data("focus") ? 2 : node.edgesWith(graph.$id(found.focus)).length ? 1 : 0);
  const rings = { name: "concentric", levelWidth: () => 1, animate: false, padding: 50, minNodeSpacing: 20, equidistant: true,
    concentric: found.focus ? near : (node) => node.degree() };
  graph.layout(rings).run();
  if (!found.focus)
    graph.layout({ name: "cose", animate: false, randomize: false, idealEdgeLength: () => 60, nodeRepulsion: () => 6000,
      nodeOverlap: 20, componentSpacing: 50, gravity: 0.6, numIter: nodes.length > 100 ? 500 : 1000, padding: 50 }).run();
  fit();
  graph.on("tap", "node", (event) => go({ note: event.target.id() }));
  graph.on("mouseover tap", "node, edge", (event) => { byId("told").textContent = event.target.data("told"); });
  graph.on("mouseover", "node", (event) => event.target.addClass("pointed"));
  graph.on("mouseout", "node", (event) => event.target.removeClass("pointed"));
}

function toldOf(found, loose) {
  if (found.focus) return `${found.notes.length - 1} notes around this one; point at a note or a link to read it`;
  const without = loose ? `; ${loose} have none` : "";
  return `The newest ${found.notes.length} notes and the links between them${without}`;
}

function nameWhatHasRoom(scale) {
  // The words of the middle, of the notes beside it, and of the most linked; none over another or over a mark.
  const middle = graph.nodes("[?focus]");
  const rank = (node) => (node.data("focus") ? 1e6 : node.edgesWith(middle).length ? 1e3 : 0) + node.degree();
  const marks = graph.nodes().map((node) => node.position());
  const boxes = [];
  graph.nodes().removeClass("named");
  for (const node of graph.nodes().sort((a, b) => rank(b) - rank(a)).toArray()) {
    const { x, y } = node.position();
    const top = y + node.data("size") / 2;
    const lines = Math.ceil(node.data("label").length / 17);
    const box = [x - 50 * scale, top, x + 50 * scale, top + (12 * lines + 3) * scale];
    const meets = (other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3];
    const covers = (mark) => mark.x > box[0] && mark.x < box[2] && mark.y > box[1] && mark.y < box[3];
    if (!node.data("focus") && (boxes.some(meets) || marks.some(covers))) continue;
    boxes.push(box);
    node.addClass("named");
  }
}

function fit() {
  // All of it, with words and marks of one size on the screen, however far away it is.
  graph.resize();
  graph.fit(undefined, 50);
  if (graph.zoom() > 1.2) graph.zoom(1.2).center();
  const scale = 1 / graph.zoom();
  graph.nodes().forEach((node) => node.data({ size: node.data("plain") * scale, letters: 11 * scale, wide: 100 * scale }));
  graph.edges().forEach((edge) => edge.data({ wide: 1.5 * scale, letters: 9 * scale, arrow: 0.8 * Math.sqrt(scale) }));
  nameWhatHasRoom(scale);
}

function legend(links) {
  const list = byId("legend");
  list.replaceChildren();
  for (const [name, [variable]] of Object.entries(RELATIONS)) {
    if (!links.some((link) => link.relation === name)) continue;
    const item = make("li", "", name.replace("_", " "));
    item.style.setProperty("--mark", `var(${variable})`);
    list.append(item);
  }
}

function redraw() {
  if (drawn && !byId("graph").hidden) draw(drawn);
}

for (const button of document.querySelectorAll("[data-zoom]"))
  button.addEventListener("click", () => {
    const by = Number(button.dataset.zoom);
    if (!graph) return;
    if (by) graph.zoom({ level: graph.zoom() * by, renderedPosition: { x: graph.width() / 2, y: graph.height() / 2 } });
    else fit();
  });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
window.addEventListener("resize", () => { if (graph && !byId("graph").hidden) fit(); });

// --- threads ---------------------------------------------------------------------------------------

async function showLanes(mine) {
  const lanes = byId("lanes");
  if (!lanes.firstChild) lanes.append(make("p", "empty", "Looking through the notes…"));
  const found = await ask("threads");
  if (mine !== turn) return;
  lanes.replaceChildren();
  const few = found.more ? `, of the newest ${found.looked} notes` : "";
  lanes.append(make("h2", "", `${found.threads.length} threads${few}`));
  if (!found.threads.length) return lanes.append(make("p", "empty", "No note belongs to a thread yet."));
  const axis = make("div", "axis");
  axis.append(make("span", "", day(found.first)), make("span", "", day(found.last)));
  lanes.append(axis);
  const most = Math.max(...found.threads.flatMap((lane) => lane.cells.map((cell) => cell[1])));
  for (const lane of found.threads) lanes.append(laneOf(lane, most));
}

function laneOf(lane, most) {
  const button = make("button", "lane");
  button.type = "button";
  button.setAttribute("aria-current", lane.key === place.thread ? "true" : "false");
  const name = make("span", "", `${lane.name} (${lane.count})`);
  name.dir = "auto";
  button.title = `${lane.name}: ${lane.count} notes, ${day(lane.first)} to ${day(lane.last)}`;
  const strip = make("span", "strip");
  for (const [at, count, over] of lane.cells) {
    const bar = make("i");
    bar.style.gridColumn = String(at + 1);
    bar.style.height = `${20 + 80 * Math.sqrt(count / most)}%`;
    bar.style.setProperty("--part", `${(100 * over) / count}%`);
    strip.append(bar);
  }
  button.append(name, strip);
  button.addEventListener("click", () => go({ thread: lane.key, q: "" }));
  return button;
}

// --- one note --------------------------------------------------------------------------------------

async function showNote(mine) {
  const found = await ask("note", { id: place.note });
  if (mine !== turn) return;
  const { note, links, history } = found;
  const words = make("p", "words", note.content);
  words.dir = "auto";
  const parts = [make("h2", "", `Note ${note.id}`), words, make("p", "about", about(note))];
  if (note.context) parts.push(make("p", "about", note.context));
  if (note.tags.length) parts.push(make("p", "about", note.tags.map((tag) => `#${tag}`).join(" ")));
  if (note.thread) {
    const open = make("button", "", "Its thread on the time line");
    open.type = "button";
    open.addEventListener("click", () => go({ q: "", threads: "yes", thread: note.thread.key }));
    parts.push(open);
  }
  parts.push(make("h3", "", links.length ? `Links (${links.length})` : "No links"));
  const list = make("ul");
  for (const link of links) list.append(linkOf(link, note.id));
  const steps = make("ol");
  for (const entry of history) steps.append(stepOf(entry, note.id));
  parts.push(list, make("h3", "", "History, newest first"), steps);
  byId("detail").replaceChildren(...parts);
  // Where all stands in one column the note would otherwise be far from what was pressed.
  if (window.innerWidth < 900) byId("detail").scrollIntoView();
}

function linkOf(link, own) {
  const item = make("li");
  const button = card(link.other);
  const [, words] = RELATIONS[link.relation];
  const line = make("span", "about");
  const way = link.source === own ? `→ ${words} ` : `← ${words} this one `;
  line.append(make("span", "relation", way), link.reason);
  button.prepend(line);
  item.append(button);
  return item;
}

function stepOf(entry, own) {
  const item = make("li", "change");
  const byOther = entry.cause !== own ? `, because of ${entry.cause}` : "";
  item.append(make("span", "relation", entry.verb), make("span", "about", `${new Date(entry.at).toLocaleString()}${byOther}`));
  if (entry.reason) item.append(make("span", "field", entry.reason));
  for (const [name, pieces] of Object.entries(entry.fields)) {
    const field = make("span", "field");
    field.dir = "auto";
    field.append(make("b", "", `${name.replace("_", " ")}: `));
    for (const [kind, text] of pieces) field.append(make(kind === "+" ? "ins" : kind === "-" ? "del" : "span", "", text));
    item.append(field);
  }
  const ends = (link) => `${link.relation.replace("_", " ")} ${link.source === own ? link.target : link.source}`;
  if (entry.linked.length) item.append(make("span", "field", `linked: ${entry.linked.map(ends).join(", ")}`));
  if (entry.unlinked.length) item.append(make("span", "field", `links taken away: ${entry.unlinked.map(ends).join(", ")}`));
  if (entry.dropped) item.append(make("span", "about", `${entry.dropped} older changes are kept no more`));
  if (mayUndo) item.append(undoOf(entry.change));
  return item;
}

function undoOf(change) {
  const button = make("button", "", "Undo");
  button.type = "button";
  button.setAttribute("aria-label", `Undo change ${change}`);
  button.addEventListener("click", () => {
    if (!window.confirm(`Take back change ${change}, at every note that it wrote?`)) return;
    tell(async () => {
      const done = await takeBack(change);
      await render();
      notice(`Taken back. It was change ${done.change}; undoing that one brings it back. `, true);
      byId("notice").append(undoOf(done.change));
    });
  });
  return button;
}

// --- moving about ----------------------------------------------------------------------------------

function go(change) {
  Object.assign(place, change);
  const asked = new URLSearchParams(Object.entries(place).filter(([, value]) => value));
  const wanted = `#${asked}`;
  if (app || wanted === window.location.hash) render();
  else window.location.hash = wanted;
}

function readAddress() {
  const asked = new URLSearchParams(window.location.hash.slice(1));
  for (const name of Object.keys(place)) place[name] = asked.get(name) || "";
}

async function tell(work) {
  try {
    await work();
  } catch (error) {
    notice(error.message || "The memory does not answer; is it still running?");
  }
}

let listed = null;
async function render() {
  turn += 1;
  const mine = turn;
  notice("");
  const lanes = Boolean(place.threads);
  document.body.toggleAttribute("data-searching", Boolean(place.q || place.thread) && !place.note);
  byId("query").value = place.q;
  byId("threads").setAttribute("aria-pressed", String(lanes));
  byId("newest").setAttribute("aria-pressed", String(!lanes && !place.q));
  for (const id of ["graph", "zoom", "told", "legend"]) byId(id).hidden = lanes;
  byId("lanes").hidden = !lanes;
  const wanted = `${place.q}\n${place.thread}`;
  const work = [];
  if (wanted !== listed) work.push(showList(mine).then(() => { if (mine === turn) listed = wanted; }));
  if (place.note) work.push(showNote(mine));
  else byId("detail").replaceChildren(make("p", "empty", "Choose a note to see its links and its history."));
  if (lanes) work.push(showLanes(mine));
  else work.push(ask("graph", place.note ? { id: place.note } : {}).then((found) => { if (mine === turn) draw(found); }));
  mark();
  await tell(() => Promise.all(work));
  if (mine === turn) document.body.dataset.ready = "yes";
}

const recall = () => go({ q: byId("query").value.trim(), threads: "", thread: "", note: "" });
byId("recall").addEventListener("click", recall); // no form: frames of clients may not send any
byId("query").addEventListener("keydown", (event) => { if (event.key === "Enter") recall(); });
byId("newest").addEventListener("click", () => go({ q: "", threads: "", thread: "", note: "" }));
byId("threads").addEventListener("click", () => go({ q: "", threads: "yes", thread: "", note: "" }));
window.addEventListener("hashchange", () => { readAddress(); render(); });

tell(async () => {
  if (!app) readAddress();
  const figures = await ask("stats");
  mayUndo = Boolean(figures.may_undo);
  byId("whose").textContent = `Memory of ${figures.namespace}`;
  byId("figures").textContent = `${figures.notes} notes, ${figures.links} links, ${figures.superseded} no longer so`;
  await render();
});
