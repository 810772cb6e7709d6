"""The VAE alone: what every picture of the model is limited by."""

from __future__ import annotations

import numpy as np

from sonicdiff.evaluation.judging import Session
from sonicdiff.evaluation.material import balanced_rows, picture_of
from sonicdiff.evaluation.reconstruction import photographs, reconstruct, reconstruction_psnr
from sonicdiff.evaluation.report import Table, sheet
from sonicdiff.evaluation.scores import bootstrap


def autoencoder(session: Session, size: int = 256) -> list[Table]:
    """PSNR of the VAE alone on scikit-image's colour photographs and on held-out renders."""
    photos = photographs(size)
    renders = [picture_of(r.scene) for r in balanced_rows(27)]
    on_photos = reconstruction_psnr(session.pipeline.vae, photos.values())
    table = Table("Autoencoder", f"PSNR in dB at {size} x {size}, over {len(photos)} real photographs and {len(renders)} held-out renders.")
    table.rows = {name: {"PSNR": value} for name, value in zip(photos, on_photos, strict=True)}
    table.rows["mean of the photographs"] = {"PSNR": bootstrap(on_photos)}
    table.rows["mean of the renders"] = {"PSNR": bootstrap(reconstruction_psnr(session.pipeline.vae, renders))}
    pairs = [
        [(photo, name) for name, photo in photos.items()],
        [(reconstruct(session.pipeline.vae, photo), "VAE") for photo in photos.values()],
    ]
    sheet(pairs, session.output / "autoencoder.png", size)
    session.log(f"autoencoder: {np.mean(on_photos):.2f} dB on real photographs")
    return [table]
