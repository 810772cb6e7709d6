"""What the data sets that can be read here may be used for, as far as their authors say."""

from __future__ import annotations

OWN = "yours to know: none is stated with the data"
LICENCES = {
    "landscape": "none is stated with Landscape and Into the Wild; the videos are of the web and belong to their makers (unverified)",
    "greatest-hits": "none is stated with Greatest Hits (unverified); ask its authors before you publish what you train on it",
    "ravdess": "RAVDESS: CC BY-NC-SA 4.0, not for commercial use, cite Livingstone & Russo 2018; a commercial licence is sold",
    "synthetic": "made by this project's code: Apache-2.0",
}
