// A click has one time, whenever the events that it starts come to ask for it. On a phone the result comes into view with it.
window.clicked = { go: 0, stop: 0 };
document.addEventListener("click", (event) => {
  document.getElementById("refusal")?.remove();
  for (const kind of ["go", "stop"]) if (event.target.closest?.(`.${kind}-button`)) window.clicked[kind] = Date.now();
  if (!event.target.closest?.(".go-button") || !matchMedia("(max-width: 640px)").matches) return;
  const result = [...document.querySelectorAll(".result")].find((each) => each.offsetParent !== null);
  setTimeout(() => result?.scrollIntoView({ block: "start", behavior: "smooth" }), 50);
}, true);

// A refusal that reaches the page outside its lines, which Gradio's own page passes over in silence, is shown until the next click.
const tellRefusal = (text) => {
  document.getElementById("refusal")?.remove();
  const box = Object.assign(document.createElement("div"), { id: "refusal", textContent: text });
  box.setAttribute("role", "alert");
  document.body.append(box);
};
const sentenceOf = (said) => {
  let told = said;
  try { const body = JSON.parse(said); told = body.error ?? body.detail ?? body.message; } catch { /* it is a sentence already */ }
  if (typeof told !== "string" || !told || told.startsWith("<")) return "The server could not do that.";
  if (told.startsWith("Queue is full")) return "The server is busy; try again in a minute.";
  return new DOMParser().parseFromString(told, "text/html").body.textContent;
};
const ask = window.fetch;
window.fetch = async (...asked) => {
  const answer = await ask(...asked);
  const path = new URL(asked[0]?.url ?? asked[0], location.href).pathname;
  if (answer.status >= 400 && /\/(run\/predict|queue\/join|upload)$/.test(path)) tellRefusal(sentenceOf(await answer.clone().text()));
  return answer;
};

// A tab is the address's #name, both ways. Lines that say how it goes are read out as they change.
const tabs = () => [...document.querySelectorAll("[role=tab]")];
const nameOf = (tab) => tab.textContent.trim().toLowerCase();
const openNamed = () => {
  const tab = tabs().find((each) => `#${nameOf(each)}` === (location.hash || "#edit"));
  if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
};
addEventListener("hashchange", openNamed);
const selected = () => tabs().find((each) => each.getAttribute("aria-selected") === "true");
let opened = false;
const openFirst = () => { // a tab that was just put into the page does not answer clicks at once
  const known = tabs().some((each) => `#${nameOf(each)}` === location.hash);
  opened = Boolean(selected()) && (!known || `#${nameOf(selected())}` === location.hash);
  if (opened) return;
  openNamed();
  setTimeout(openFirst, 50);
};
setTimeout(openFirst, 0);
new MutationObserver(() => {
  for (const line of document.querySelectorAll(".status:not(.status *):not([aria-live]), .note:not(.note *):not([aria-live])")) {
    line.setAttribute("role", "status");
    line.setAttribute("aria-live", "polite");
  }
  for (const empty of document.querySelectorAll("div.empty[aria-label]:not([role])")) empty.setAttribute("role", "img");
  const name = opened && selected() ? nameOf(selected()) : "";
  if (name && name !== (location.hash.slice(1) || "edit")) location.hash = name;
}).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected"] });

// A stream starts once 3 s of it are in hand: its player asks for more only every 2 s, and would stall on its first piece.
document.addEventListener("progress", ({ target }) => {
  if (!target.closest?.("#jam-player") || target.src === target.dataset.started) return;
  if (!target.buffered.length || target.buffered.end(0) < 3) return;
  target.dataset.started = target.src;
  target.play().catch(() => {}); // where the browser does not let it, the player's own button does
}, true);

// Ctrl+Enter and Ctrl+Alt+Enter press the button of the tab that is seen: `offsetParent` is null of what is not.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const kind = event.altKey ? ".stop-button" : ".go-button";
  const button = [...document.querySelectorAll(kind)].find((each) => each.offsetParent !== null && !each.disabled);
  if (button) { event.preventDefault(); document.activeElement?.blur(); setTimeout(() => button.click(), 30); }
}, true);

// What a page holds outlives a reload of its tab, as long as the server does.
const keyOf = (name) => `sonicdiff ${window.serverStarted} ${name}`;
window.keepPage = (name, values) => sessionStorage.setItem(keyOf(name), JSON.stringify(values));
window.keptPage = (name, values) => {
  const kept = JSON.parse(sessionStorage.getItem(keyOf(name)) ?? "null");
  return kept?.length === values.length ? kept : values;
};
