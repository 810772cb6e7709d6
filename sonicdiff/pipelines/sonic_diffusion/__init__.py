"""Pictures from sounds and photos changed by sounds: SonicDiffusion (Biner et al. 2024) as a diffusers pipeline."""
