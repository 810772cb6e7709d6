"""The Gradio app: `python app.py`, or `make app`."""

from sonicdiff.ui.demo import create_demo

demo = create_demo()

if __name__ == "__main__":
    demo.launch()
