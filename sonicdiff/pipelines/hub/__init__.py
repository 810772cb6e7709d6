"""Models from the Hugging Face Hub: what is in its cache, what it has, and fetching what is missing, checked and resumable."""
