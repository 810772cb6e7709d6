"""Training: the base model, then the projector (stage 1) and the gated audio layers (stage 2); every stage resumes exactly."""
