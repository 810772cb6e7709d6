"""How the page looks and what its keys do; nothing of it is fetched from elsewhere."""

from __future__ import annotations

import secrets
from pathlib import Path

import gradio as gr

TITLE = "sonicdiff"
HEAD_TEXT = "# sonicdiff\nPlay a sound to a photo and the photo shows it. Say what to play and hear it."
FOOT_TEXT = (
    "Everything is computed on this server. Results are deleted a minute after the tab is closed, uploads and all else after two hours. "
    "Ctrl+Enter starts, Ctrl+Alt+Enter stops."
)
# Text stands out from what is behind it by at least 4.5:1, in light and in dark (WCAG 2.2, 1.4.3).
THEME = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover_dark="*primary_800",
    button_cancel_background_fill="*neutral_600",
    button_cancel_background_fill_hover="*neutral_700",
    button_cancel_background_fill_dark="*neutral_600",
    button_cancel_background_fill_hover_dark="*neutral_700",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_label_text_color="*neutral_700",
    block_title_text_color="*neutral_700",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
    link_text_color="*primary_700",
)
# On a phone a page is one column: what goes in, the button, the result, the settings, what is heard.
CSS = """
.status { min-height: 1.6em; }
.status p { font-variant-numeric: tabular-nums; margin: 0; }
.timestamps time, .playback span { color: var(--body-text-color-subdued) !important; }
.snippet:has(img[src*="mcp-"]) { display: none; }  /* the page on programs: no MCP server is run */
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
# What `CSS` says is said of the inside of the page only; this is not.
STYLE = """
#refusal {
  position: fixed; inset: auto 1rem 1rem; margin: auto; max-width: 40rem; padding: 0.8rem 1rem; z-index: 1000; border-radius: 0.5rem;
  background: #7f1d1d; color: #fff; font-family: system-ui, sans-serif;
}
@media (max-width: 640px) { .main.fillable { padding-inline: 0.5rem !important; } }
"""
SCRIPT = Path(__file__).with_name("page.js")


def head() -> str:
    """What the page's head holds besides Gradio's own; each start of the server has a name, so that no page keeps what another one held."""
    started = f'window.serverStarted = "{secrets.token_hex(8)}";'
    return f"<style>{STYLE}</style>\n<script>\n{started}\n{SCRIPT.read_text('utf-8')}</script>"


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
