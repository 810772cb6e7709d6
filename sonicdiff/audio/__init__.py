"""Sound: files to samples and back (`waveform`), samples to CLAP's embedding (`clap`)."""
