"""The trained parts of sound-to-image: the projector (CLAP vector to tokens) and the gated audio layers of a stock UNet."""
