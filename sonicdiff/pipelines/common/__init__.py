"""What both pipelines use: text, latents, photos and sounds in, records out; runs, memory, LoRAs, previews."""
