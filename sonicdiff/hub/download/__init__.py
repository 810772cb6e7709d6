"""Fetching repositories of the Hugging Face Hub: what is cached, what is needed, resumed where it stopped, checked by hash."""
