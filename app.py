"""The app: `python app.py` on one's own machine, and the entry of the Hugging Face Space."""

import contextlib
import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
with contextlib.suppress(ImportError):
    import spaces  # noqa: F401  must come before all that may touch a GPU; it is there on Spaces only

from sonicdiff.ui.serving import is_space, start

if __name__ == "__main__":
    start(host="0.0.0.0" if is_space() else "127.0.0.1", port=int(os.environ.get("GRADIO_SERVER_PORT", 7860))).wait()
