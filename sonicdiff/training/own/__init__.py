"""Training on one's own sounds and pictures: stages 1 and 2 on any Stable Diffusion 1.x, told by one TOML file."""
