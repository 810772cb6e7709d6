"""Weights in other projects' formats, each tensor accounted for: SonicDiffusion's, LAION's CLAP, Stable Diffusion 1.x directories."""
