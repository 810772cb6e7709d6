"""What joins sound, network and sampling: the pipeline, its checkpoints, the photos it edits and the record it leaves in them."""
