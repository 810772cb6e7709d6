"""Small versions of the systems that SonicDiffusion's paper compares with: other ways from a sound to what a frozen UNet attends to."""
