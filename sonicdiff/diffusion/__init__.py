"""Sampling as pure functions over `eps_model(x, t)`: DDIM both ways, guidance, plug-and-play injection, interpolation."""
