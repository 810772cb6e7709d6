"""Text to music by latent diffusion on mel spectrograms (Riffusion: Forsgren and Martiros 2022)."""
