"""People who say a sentence with a feeling, as the RAVDESS set has them: their faces, their voices, what is said of them."""
