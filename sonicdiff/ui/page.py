"""How the page looks and what its keys do; nothing of it is fetched from elsewhere."""

from __future__ import annotations

import gradio as gr

TITLE = "sonicdiff"
HEAD_TEXT = "# sonicdiff\nPlay a sound to a photo and the photo shows it. Say what to play and hear it."
FOOT_TEXT = (
    "Everything is computed on this server. Uploads and results are deleted when the tab is closed, or after two hours. "
    "Ctrl+Enter starts, Ctrl+Alt+Enter stops."
)
THEME = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
CSS = """
.gradio-container { max-width: 1180px !important; margin: auto; }
.status p { min-height: 1.5em; font-variant-numeric: tabular-nums; }
.main-button { position: sticky; bottom: 0.4rem; z-index: 2; }
@media (max-width: 640px) { .gradio-container { padding: 0.5rem !important; } }
"""
# Ctrl+Enter and Ctrl+Alt+Enter press the button of the tab that is seen: `offsetParent` is null of what is not.
KEYS = """
<script>
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const kind = event.altKey ? ".stop-button" : ".go-button";
  const button = [...document.querySelectorAll(kind)].find((each) => each.offsetParent !== null && !each.disabled);
  if (button) { event.preventDefault(); document.activeElement?.blur(); setTimeout(() => button.click(), 30); }
}, true);
</script>
"""
DOWNLOAD = """(text, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name; link.click(); URL.revokeObjectURL(link.href);
}"""
