// Shows the ready lines, the last calls and new ones as they come. All content goes into the page as text, never as HTML.
"use strict";

const KEPT = 100; // calls in the table
const calls = new Map(); // id → summary, in no order
const byId = (id) => document.getElementById(id);
const table = document.querySelector("table");
const dialog = document.querySelector("dialog");

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

// ── ready lines ──

function readyLines() {
  const here = location.origin;
  return [
    ["See it work now", "codepromptu demo"],
    ["OpenAI clients", `export OPENAI_BASE_URL=${here}/openai/v1`],
    ["Anthropic clients", `export ANTHROPIC_BASE_URL=${here}/anthropic`],
    ["Gemini clients", `export GOOGLE_GEMINI_BASE_URL=${here}/gemini`],
    ["Anything", "codepromptu run -- python app.py"],
  ];
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select and copy";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

function showReadyLines() {
  for (const [label, line] of readyLines()) {
    const button = element("button", { type: "button", "aria-label": `Copy the line for: ${label}` }, "Copy");
    button.addEventListener("click", () => copy(button, line));
    byId("ready").append(element("div", {},
      element("dt", {}, label), element("dd", {}, element("code", {}, line)), element("dd", {}, button)));
  }
}

// ── the table ──

const count = (number) => number === null || number === undefined ? "–" : number.toLocaleString();
const dollars = (text) => text === null ? "–" : `$${text}`;
const time = (text) => new Date(text).toLocaleTimeString();

function duration(us) {
  if (us === null) return "–";
  if (us < 1000) return `${us} µs`;
  return us < 1e6 ? `${(us / 1000).toFixed(us < 1e4 ? 1 : 0)} ms` : `${(us / 1e6).toFixed(2)} s`;
}

function ending(call) {
  if (call.outcome === null) return ["running", "running"];
  if (call.outcome !== "completed") return [call.outcome.replaceAll("_", " "), "bad"];
  return call.status >= 400 ? [`${call.status}`, "bad"] : [`${call.status ?? "completed"}`, "good"];
}

function row(call) {
  const [text, kind] = ending(call);
  const cell = (content, name = "") => element("td", { class: name }, content);
  const link = element("a", { href: `#${call.id}`, "aria-label": `Call at ${time(call.started_at)}` }, time(call.started_at));
  const tr = element("tr", {},
    cell(link), cell(call.provider_name), cell(call.response_model ?? call.request_model ?? call.path, "model"),
    cell(text, kind), cell(count(call.usage?.input_tokens), "number"), cell(count(call.usage?.output_tokens), "number"),
    cell(dollars(call.cost_usd), "number"), cell(duration(call.time_to_first_chunk_us), "number"), cell(duration(call.duration_us), "number"));
  tr.addEventListener("click", () => { location.hash = call.id; });
  return tr;
}

// Draws at most once a frame, however many calls come; keeps the keyboard's place.
let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const newest = [...calls.values()].sort((a, b) => b.started_at.localeCompare(a.started_at) || b.id.localeCompare(a.id));
    for (const call of newest.splice(KEPT)) calls.delete(call.id);
    const focused = document.activeElement?.getAttribute("href");
    table.tBodies[0].replaceChildren(...newest.map(row));
    table.hidden = newest.length === 0;
    byId("empty").hidden = newest.length > 0;
    if (focused?.startsWith("#call_")) table.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  });
}

function take(call) {
  const known = calls.get(call.id);
  if (known && known.outcome !== null && call.outcome === null) return; // an opening that came late
  calls.set(call.id, call);
}

// ── the server ──

async function fetchJson(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  const body = await response.json().catch(() => null);
  if (response.status === 401) location.replace("/login");
  if (!response.ok) throw new Error(body?.detail ?? `the server answered ${response.status}`);
  return body;
}

async function load() {
  try {
    for (const call of (await fetchJson(`/api/v1/calls?limit=${KEPT}`)).calls) take(call);
    byId("failure").hidden = true;
    draw();
  } catch (error) {
    byId("failure").textContent = `The calls cannot be shown: ${error.message}`;
    byId("failure").hidden = false;
  }
}

function connection(text, live) {
  byId("connection").textContent = text;
  byId("connection").classList.toggle("live", live);
}

function follow() {
  const events = new EventSource("/api/v1/calls/tail");
  // Loading once more after the subscription is open leaves no gap between the two.
  events.addEventListener("open", () => { connection("live", true); load(); });
  events.addEventListener("lagged", load);
  events.addEventListener("call", (event) => {
    const call = JSON.parse(event.data);
    take(call);
    draw();
    if (dialog.open && location.hash === `#${call.id}`) showCall(call.id);
  });
  events.addEventListener("error", () => {
    connection("not connected, trying again", false);
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  });
}

// ── one call ──

const pretty = (value) => typeof value === "string" ? value : JSON.stringify(value, null, 2);
const text = (content, kind = "") => element("div", { class: `part ${kind}` }, content);
const code = (value) => element("pre", { class: "part code", tabindex: "0" }, pretty(value));

function part(value) {
  switch (value.type) {
    case "text": return text(value.content);
    case "reasoning": return text(value.content || "reasoning, hidden by the provider", "quiet");
    case "refusal": return text(`refused: ${value.content}`, "bad");
    case "tool_call": return element("div", {}, text(`calls ${value.name}`), code(value.arguments));
    case "tool_call_response": return code(value.response);
    default: return code(value.value ?? value);
  }
}

function message({ role, name, parts }) {
  return element("div", { class: "message" }, element("b", {}, name ? `${role} (${name})` : role), ...parts.map(part));
}

function section(title, ...nodes) {
  return nodes.length === 0 ? null : element("section", {}, element("h3", {}, title), ...nodes);
}

function facts(call) {
  const usage = call.usage ?? {};
  const [endingText, kind] = ending(call);
  const known = [
    ["Ending", endingText, kind], ["Provider", call.provider_name], ["Request", `${call.method} ${call.path}`],
    ["Model asked for", call.request_model], ["Model that answered", call.response_model],
    ["Started", new Date(call.started_at).toLocaleString()],
    ["Duration", duration(call.duration_us)], ["First chunk", duration(call.time_to_first_chunk_us)],
    ["In the gateway", duration(call.overhead_us)],
    ["Input tokens", count(usage.input_tokens)], ["of these from cache", usage.cache_read_input_tokens?.toLocaleString()],
    ["written to cache", usage.cache_creation_input_tokens?.toLocaleString()],
    ["Output tokens", count(usage.output_tokens)], ["of these reasoning", usage.reasoning_output_tokens?.toLocaleString()],
    ["Cost", call.cost_usd && dollars(call.cost_usd)], ["Stopped because", call.finish_reasons.join(", ")],
    ["Error", call.error ? call.error.message : call.error_code, "bad"],
    ["End user", call.user], ["Conversation", call.conversation_id], ["Client", call.client],
  ];
  return element("dl", { class: "facts" }, ...known.filter(([, value]) => value).map(([label, value, name = ""]) =>
    element("div", {}, element("dt", {}, label), element("dd", { class: name }, value))));
}

function folded(title, value) {
  const entries = value === null || (typeof value === "object" && Object.keys(value).length === 0);
  return entries ? null : element("details", {}, element("summary", {}, title), code(value));
}

function detail(call) {
  const notes = [...call.warnings, ...(call.truncated ? ["A body was larger than the capture limit: this is its beginning."] : [])];
  return [
    facts(call),
    section("Notes", ...notes.map((note) => text(note, "quiet"))),
    section("System instructions", ...call.system_instructions.map(part)),
    section("Sent", ...call.input_messages.map(message)),
    section("Received", ...call.output_messages.map(message)),
    section("Body sent", ...(call.raw?.request.content ? [code(call.raw.request.content)] : [])),
    section("Body received", ...(call.raw?.response.content ? [code(call.raw.response.content)] : [])),
    folded("Parameters", call.parameters), folded("Tools offered", call.tool_definitions),
    folded("Metadata", call.metadata), folded("More of the response", call.response_extra),
    folded("Request headers", call.request_headers), folded("Response headers", call.response_headers),
  ].filter((node) => node !== null);
}

async function showCall(id) {
  byId("detail-title").textContent = id;
  try {
    const call = await fetchJson(`/api/v1/calls/${encodeURIComponent(id)}`);
    if (location.hash !== `#${id}`) return; // closed, or another one, meanwhile
    byId("detail").replaceChildren(...detail(call));
  } catch (error) {
    byId("detail").replaceChildren(text(`This call cannot be shown: ${error.message}`, "bad"));
  }
  if (!dialog.open) dialog.showModal();
}

function followHash() {
  const id = location.hash.slice(1);
  if (id.startsWith("call_")) showCall(id);
  else if (dialog.open) dialog.close();
}

byId("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => {
  if (location.hash.startsWith("#call_")) history.replaceState(null, "", location.pathname);
});
addEventListener("hashchange", followHash);

showReadyLines();
load();
follow();
followHash();
