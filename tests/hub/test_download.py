"""Fetching from a hub on this machine: what is taken, what is resumed, what is refused, and how soon it is said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hub_server import COMMIT, Hub, serving, silence
from waiting import PATIENCE

from sonicdiff.hub.download.cache import HubError, answered, cached, hub_cache
from sonicdiff.hub.download.fetch import fetch, verify
from sonicdiff.hub.registry import Repository
from sonicdiff.pipelines import loading
from sonicdiff.pipelines.pulling import pull
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

TINY, STOCK = "someone/tiny", "someone/stock"
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion as the hub has the large ones: safetensors in two precisions, pickles, a safety checker."""
    from tiny import save_base

    folder = save_base(tmp_path_factory.mktemp("stock") / "stock")
    for part in ("vae", "text_encoder", "unet"):
        for file in list((folder / part).glob("*.safetensors")):
            shutil.copy(file, file.with_name(f"{file.stem}.fp16.safetensors"))
            file.with_suffix(".bin").write_bytes(b"a pickle")
    (folder / "safety_checker").mkdir()
    (folder / "safety_checker" / "config.json").write_text("{}")
    (folder / "safety_checker" / "model.safetensors").write_bytes(b"large")
    (folder / "v1.ckpt").write_bytes(b"larger")
    index = json.loads((folder / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def hub(tiny_directory: Path, stock: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    for name in ("HF_HUB_CACHE", "SONICDIFF_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with serving({f"models/{TINY}": tiny_directory, f"models/{STOCK}": stock}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def told(error: pytest.ExceptionInfo[BaseException], *words: str) -> None:
    """One line, with these words."""
    said = str(error.value)
    assert "\n" not in said and all(word in said for word in words), said


def test_a_repository_is_loaded_and_then_needs_no_hub(hub: Hub, tiny: SonicDiffusionPipeline) -> None:
    loaded = loading.load(TINY, "cpu")
    assert isinstance(loaded, SonicDiffusionPipeline)
    assert torch.equal(loaded.projector.to_out.weight, tiny.projector.to_out.weight)
    asked = len(hub.requests)
    assert loading.resolve(TINY) == hub_cache() / "models--someone--tiny" / "snapshots" / COMMIT
    assert len(hub.requests) == asked


def test_only_one_set_of_safetensors_is_taken(hub: Hub) -> None:
    folder = fetch(Repository(STOCK))
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in names and UNET not in names
    assert not [name for name in names if name.endswith((".bin", ".ckpt")) or name.startswith("safety_checker")]
    assert isinstance(loading.load(STOCK, "cpu"), MusicPipeline)


def test_progress_is_told(hub: Hub) -> None:
    seen: list[tuple[str, int, int]] = []
    pull(TINY, lambda *told: seen.append(told))
    counts = [done for _, done, _ in seen]
    assert counts == sorted(counts) and seen[-1][0].endswith(".safetensors") and 0.5 < counts[-1] / seen[-1][2] <= 1


def test_a_broken_download_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    contents = np.random.default_rng(0).bytes(24 * 2**20)  # the hub's library writes ten MiB at a time
    (tmp_path / "big" / "gates.pt").write_bytes(contents)
    hub.repositories["spaces/someone/big"] = tmp_path / "big"
    big = Repository("someone/big", repo_type="space", files=("gates.pt",))
    hub.cut = 15 * 2**20
    with pytest.raises(HubError) as error:
        fetch(big)
    told(error, "503", "again")
    (left,) = hub_cache().rglob("*.partial")
    kept, hub.cut, hub.status = left.stat().st_size, None, None
    assert kept >= 10 * 2**20 and cached(big) is None
    hub.requests.clear()
    seen: list[int] = []
    assert (fetch(big, tell=lambda _, done, total: seen.append(done)) / "gates.pt").read_bytes() == contents
    assert [request for request in hub.requests if request.endswith(f"bytes={kept}-")], hub.requests
    assert seen[0] == kept and seen[-1] == len(contents)
    assert not list(hub_cache().rglob("*.partial")) and verify(big) == []


def test_a_file_that_arrives_wrong_is_not_kept(hub: Hub) -> None:
    for name in (UNET, "unet/config.json"):
        hub.corrupt = name
        with pytest.raises(HubError) as error:
            pull(TINY)
        told(error, name, "arrived damaged", "try again")
        assert cached(Repository(TINY)) is None and not list(hub_cache().rglob("*.partial"))
    hub.corrupt = None
    assert isinstance(loading.load(TINY, "cpu"), SonicDiffusionPipeline)


def test_a_file_cut_short_in_the_cache_is_found_and_fetched_again(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    file = pull(TINY) / UNET
    file.resolve().write_bytes(file.read_bytes()[:5000])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubError, match="HF_HUB_OFFLINE"):
        loading.load(TINY, "cpu")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert isinstance(loading.load(TINY, "cpu"), SonicDiffusionPipeline)


def test_other_contents_of_the_same_length_are_found_by_their_hash(hub: Hub) -> None:
    file = pull(TINY) / UNET
    data = bytearray(file.read_bytes())
    data[-1] ^= 255
    file.resolve().write_bytes(bytes(data))
    assert verify(Repository(TINY)) == [Path(UNET).name]
    assert (pull(TINY) / UNET).read_bytes() != bytes(data)


def test_a_half_fetched_snapshot_is_not_taken_for_a_whole_one(hub: Hub) -> None:
    folder = pull(TINY)
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    assert cached(Repository(TINY)) is None
    assert pull(TINY) == folder and (folder / "vae" / "diffusion_pytorch_model.safetensors").is_file()


def test_offline_touches_no_network_and_finds_what_is_here(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubError) as error:
        loading.load("riffusion", "cpu")
    told(error, "riffusion", "HF_HUB_OFFLINE")
    assert hub.requests == []


def test_where_and_what_is_asked_for(hub: Hub, tmp_path: Path) -> None:
    there = pull(TINY, cache_dir=tmp_path / "elsewhere", revision=COMMIT)
    assert there.is_relative_to(tmp_path / "elsewhere") and cached(Repository(TINY)) is None
    assert loading.resolve(TINY, tmp_path / "elsewhere", COMMIT) == there
    with pytest.raises(HubError) as error:
        pull(TINY, revision="f" * 40)
    told(error, "no revision")


def test_what_is_not_there_is_named(hub: Hub) -> None:
    with pytest.raises(HubError) as error:
        pull("someone/nothing")
    told(error, "no directory 'someone/nothing'", "no repository")
    with pytest.raises(HubError) as error:
        pull("landscape")
    told(error, "landscape", "burakcanbiner/SonicDiffusion")
    hub.status = 503
    with pytest.raises(HubError) as error:
        pull("riffusion")
    told(error, "503", "later")
    hub.status = 403
    with pytest.raises(HubError) as error:
        pull("riffusion")
    told(error, "terms", "HF_TOKEN")


def test_the_room_is_looked_for_first(hub: Hub) -> None:
    hub.claimed[UNET] = 10**17
    with pytest.raises(OSError) as error:
        pull(TINY)
    told(error, "needs 10000000000", "make room")
    assert not [request for request in hub.requests if "/resolve/" in request] and not list(hub_cache().rglob("*.partial"))


def test_full_precision_is_said(hub: Hub, stock: Path, tmp_path: Path) -> None:
    shutil.copytree(stock, tmp_path / "full")
    for file in (tmp_path / "full" / "vae").glob("*.fp16.safetensors"):
        file.unlink()
    hub.repositories[f"models/{STOCK}"] = tmp_path / "full"
    with pytest.warns(UserWarning, match=f"{STOCK} has no safetensors of vae in half precision; what it has, .* MB, is of twice"):
        fetch(Repository(STOCK))


def test_whatever_hangs_is_left_behind() -> None:
    hangs = threading.Event()
    with pytest.raises(HubError, match="no answer in"):
        answered(Repository(TINY), hangs.wait, patience=0.2)  # as a name server would
    hangs.set()


def test_two_at_once_fetch_it_once(hub: Hub) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: pull(TINY), range(2))
    assert first == second and verify(Repository(TINY)) == [] and not list(hub_cache().rglob("*.partial"))
    assert len([request for request in hub.requests if request.startswith("GET") and request.endswith(UNET)]) == 1


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from sonicdiff.hub.download.fetch import fetch
from sonicdiff.hub.registry import Repository
try:
    fetch(Repository("someone/tiny"))
except OSError as error:
    print(error)
"""


def test_a_disk_that_fills_up_leaves_nothing_half_written(hub: Hub) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert "is full; make room" in done.stdout and done.stdout.count("\n") == 1, done.stdout + done.stderr
    assert not list(hub_cache().rglob("*.partial")) and cached(Repository(TINY)) is None


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9", "http://sonicdiff.invalid"], ids=["silent", "refused", "no such host"])
def test_a_hub_out_of_reach_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    with silence() as silent:
        monkeypatch.setenv("HF_ENDPOINT", url or silent)
        with pytest.raises(HubError) as error:  # a hub that never answers is waited for once
            pull("landscape")
    told(error, "cannot be reached", "connect", "landscape")
