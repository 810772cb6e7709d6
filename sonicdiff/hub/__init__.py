"""Models on disks and on the Hugging Face Hub: known names, directories, base models, files of others. Knows no pipeline."""
