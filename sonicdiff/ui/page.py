"""How the page looks and what its keys do; nothing of it is fetched from elsewhere."""

from __future__ import annotations

import gradio as gr

TITLE = "sonicdiff"
HEAD_TEXT = "# sonicdiff\nPlay a sound to a photo and the photo shows it. Say what to play and hear it."
FOOT_TEXT = (
    "Everything is computed on this server. Results are deleted a minute after the tab is closed, uploads and all else after two hours. "
    "Ctrl+Enter starts, Ctrl+Alt+Enter stops."
)
THEME = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
# On a phone a page is one column: what goes in, the button, the result, the settings, what is heard.
CSS = """
.status { min-height: 1.6em; }
.status p { font-variant-numeric: tabular-nums; margin: 0; }
.refused { color: var(--error-text-color); font-weight: 600; }
.main-button { position: sticky; bottom: 0.4rem; z-index: 2; }
@media (max-width: 640px) {
  .tab-container button, button[role="tab"] { padding-inline: 0.45rem !important; font-size: 0.9rem; }
  .page { flex-direction: column; }
  .page > .column { display: contents; }
  .page > .column > * { order: 3; }
  .page > .column:first-child > * { order: 0; }
  .page > .column > .main-button, .page > .column > .status { order: 1; }
  .page > .column > .result { order: 2; }
  .page > .column > .heard { order: 4; }
}
"""
# The style is here because what `CSS` says is said of the inside of the page only.
# A click has one time, whenever the events that it starts come to ask for it.
# A stream starts once 3 s of it are in hand: its player asks for more only every 2 s, and would stall on its first piece.
# Ctrl+Enter and Ctrl+Alt+Enter press the button of the tab that is seen: `offsetParent` is null of what is not.
HEAD = """
<style>@media (max-width: 640px) { .main.fillable { padding-inline: 0.5rem !important; } }</style>
<script>
window.clicked = { go: 0, stop: 0 };
document.addEventListener("click", (event) => {
  for (const kind of ["go", "stop"]) if (event.target.closest?.(`.${kind}-button`)) window.clicked[kind] = Date.now();
}, true);
document.addEventListener("progress", ({ target }) => {
  if (!target.closest?.("#jam-player") || target.src === target.dataset.started) return;
  if (!target.buffered.length || target.buffered.end(0) < 3) return;
  target.dataset.started = target.src;
  target.play().catch(() => {}); // where the browser does not let it, the player's own button does
}, true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const kind = event.altKey ? ".stop-button" : ".go-button";
  const button = [...document.querySelectorAll(kind)].find((each) => each.offsetParent !== null && !each.disabled);
  if (button) { event.preventDefault(); document.activeElement?.blur(); setTimeout(() => button.click(), 30); }
}, true);
</script>
"""
TOKEN = """() => {
  let token = sessionStorage.getItem("sonicdiff");
  if (!token) {
    token = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("sonicdiff", token);
  }
  return [token];
}"""
"""What only this tab of this browser knows, also when its page is loaded again."""
DOWNLOAD = """(text, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name; link.click(); URL.revokeObjectURL(link.href);
}"""
