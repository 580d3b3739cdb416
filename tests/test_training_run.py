"""``chainbert train`` from file to labels: both modes learn, a stop costs an epoch, same files give same weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from encoders import HashEncoder, tiny_bert
from labelling_sets import SMALL, company_set
from training_sets import VOCABULARY, invented, read_set, training_file, training_lines, truth_of, write_lines

from chainbert.embedding import load_encoder
from chainbert.errors import ConfigError, DataError
from chainbert.labelling import Labeller
from chainbert.labelling.codebook import Codebook
from chainbert.labelling.training import train
from chainbert.labelling.training.run import CHECKPOINTS

COMPANIES, NEW = invented(240), invented(80, seed=5)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return f"path:{tiny_bert(folder, vocabulary=VOCABULARY, max_tokens=160, layers=2)}"


def settings(encoder, mode, **changes):
    return {
        "mode": mode,
        "encoder": encoder,
        "epochs": 2 if mode == "encoder" else 4,
        "batch": 32,
        "patience": 9,
        "lora": {"upper_layers": 1, "rank": 4, "learning_rate": 0.005},
        "projection": {"rank": 8, "learning_rate": 0.02},
        **changes,
    }


@pytest.fixture(scope="module")
def trained(encoder, tmp_path_factory):
    """Mode → the folder of a labeller trained in it, with its training file beside it."""
    found = {}
    for mode in ("head", "encoder"):
        folder = tmp_path_factory.mktemp(mode)
        out = folder / "labeller"
        assert train(training_file(folder, COMPANIES, **settings(encoder, mode)), out=out).path == out
        found[mode] = out
    return found


def book_of(labeller):
    return Codebook.load(labeller.parent / "small.yaml")


def learnt(labeller):
    """Everything that was learnt, as bytes by file."""
    names = ["weights.safetensors", "adapter/adapter_model.safetensors"]
    return {name: (labeller / name).read_bytes() for name in names if (labeller / name).exists()}


def right(labels, companies, axis):
    table = labels.table.set_index("id")
    return np.mean([table.loc[name, axis] == value for name, value in truth_of(companies, axis).items()])


class StopError(Exception):
    """What ends a training from outside."""


def stop_at(step):
    def progress(what, done, _):
        if what.startswith("training") and done == step:
            raise StopError

    return progress


@pytest.mark.parametrize("mode", ["head", "encoder"])
def test_it_learns_what_the_codebook_does_not_say(trained, encoder, tmp_path, mode):
    companies = read_set(tmp_path, NEW)
    book = book_of(trained[mode])
    labels = Labeller.load(trained[mode]).label(companies, book)
    untrained = Labeller.load("zero-shot", encoder=load_encoder(encoder)).label(companies, book)
    assert right(labels, NEW, "customer") > right(untrained, NEW, "customer") + 0.2
    assert right(labels, NEW, "goods") > 0.65
    assert labels.labeller == "planted"
    assert (labels.table["customer.status"] == "not transferable").mean() < 0.2


@pytest.mark.parametrize("mode", ["head", "encoder"])
def test_a_labeller_is_these_files(trained, mode):
    adapter = ["adapter", "adapter/adapter_config.json", "adapter/adapter_model.safetensors"]
    found = sorted(str(path.relative_to(trained[mode])) for path in trained[mode].rglob("*"))
    expected = ["card.md", "history.json", "manifest.json", "weights.safetensors"]
    assert found == sorted(expected + (adapter if mode == "encoder" else []))
    manifest = json.loads((trained[mode] / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {name for name in found if name not in ("manifest.json", "adapter")}
    assert manifest["config"]["seed"] == 20180
    assert list(manifest["texts"]) == ["texts.jsonl"]
    history = json.loads((trained[mode] / "history.json").read_text(encoding="utf-8"))
    assert [epoch["number"] for epoch in history] == list(range(len(history)))
    assert history[-1]["loss"] < history[0]["loss"]


@pytest.mark.parametrize("mode", ["head", "encoder"])
def test_the_same_files_give_the_same_labeller_and_the_order_of_lines_does_not_matter(trained, encoder, tmp_path, mode):
    train(training_file(tmp_path, COMPANIES[::-1], **settings(encoder, mode)), out=tmp_path / "again")
    assert learnt(tmp_path / "again") == learnt(trained[mode])
    train(training_file(tmp_path, COMPANIES, **settings(encoder, mode, seed=1)), out=tmp_path / "other")
    assert learnt(tmp_path / "other") != learnt(trained[mode])


@pytest.mark.parametrize("mode", ["head", "encoder"])
def test_a_stopped_training_is_refused_and_goes_on_to_the_same_labeller(trained, encoder, tmp_path, mode):
    path = training_file(tmp_path, COMPANIES, **settings(encoder, mode))
    out = tmp_path / "labeller"
    steps = -(-json.loads((trained[mode] / "manifest.json").read_text())["sentences"]["trained"] // 32)
    with pytest.raises(StopError):
        train(path, out=out, progress=stop_at(steps + 3))
    with pytest.raises(DataError, match=r"labeller: has no manifest\.json, so it is no labeller"):
        Labeller.load(out)
    seen = []
    train(path, out=out, progress=lambda what, done, _: seen.append((what, done)))
    assert next(done for what, done in seen if what.startswith("training")) == steps
    assert learnt(out) == learnt(trained[mode])
    assert not (out / CHECKPOINTS).exists()


def test_a_stop_after_the_last_epoch_costs_no_epoch(trained, encoder, tmp_path, monkeypatch):
    path = training_file(tmp_path, COMPANIES, **settings(encoder, "encoder"))

    def stop(*_):
        raise StopError

    monkeypatch.setattr("chainbert.labelling.training.run.fit_in_space", stop)
    with pytest.raises(StopError):
        train(path, out=tmp_path / "labeller")
    monkeypatch.undo()
    seen = []
    train(path, out=tmp_path / "labeller", progress=lambda what, done, total: seen.append((what, done == total)))
    assert [last for what, last in seen if what.startswith("training")] == [True]
    assert learnt(tmp_path / "labeller") == learnt(trained["encoder"])


def test_a_killed_training_goes_on_to_the_same_labeller(trained, encoder, tmp_path):
    path = training_file(tmp_path, COMPANIES, **settings(encoder, "head"))
    out = tmp_path / "labeller"
    # It sleeps where a slow machine would be busy, so that the kill comes in the middle.
    script = (
        "import sys, time; from pathlib import Path; from chainbert.labelling.training import train\n"
        "slow = lambda what, done, total: time.sleep(0.05 if what.startswith('training') else 0)\n"
        "train(Path(sys.argv[1]), out=Path(sys.argv[2]), progress=slow)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path), str(out)], env=dict(os.environ))
    try:
        deadline = time.monotonic() + 60
        while not (out / CHECKPOINTS / "history.json").exists():
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    with pytest.raises(DataError, match=r"has no manifest\.json"):
        Labeller.load(out)
    seen = []
    train(path, out=out, progress=lambda what, done, _: seen.append((what, done)))
    assert next(done for what, done in seen if what.startswith("training")) > 0
    assert learnt(out) == learnt(trained["head"])
    assert not [name for name in out.iterdir() if name.name.startswith(".")]


def test_another_setting_starts_anew(trained, encoder, tmp_path):
    path = training_file(tmp_path, COMPANIES, **settings(encoder, "head"))
    with pytest.raises(StopError):
        train(path, ["seed=5"], out=tmp_path / "labeller", progress=stop_at(40))
    train(path, out=tmp_path / "labeller")
    assert learnt(tmp_path / "labeller") == learnt(trained["head"])


def test_an_axis_left_out_is_not_learnt_and_labelled_all_the_same(encoder, tmp_path):
    path = training_file(tmp_path, COMPANIES, **settings(encoder, "head", leave_out=["goods"], epochs=2))
    found = train(path, out=tmp_path / "labeller")
    assert list(found.manifest["axes"]) == ["customer"]
    assert not [name for name in found.weights if name.startswith("goods")]
    rows = [("a", "It writes software."), ("b", "It makes steel.")]
    labels = Labeller.load(tmp_path / "labeller").label(company_set(tmp_path, rows), book_of(tmp_path / "labeller"))
    assert labels.table["goods"].tolist() == ["software", "steel"]


def test_texts_in_one_language_train_and_the_other_is_not_transferable(encoder, tmp_path):
    path = training_file(tmp_path, invented(160, languages=("en",)), **settings(encoder, "head", epochs=1))
    found = train(path, out=tmp_path / "labeller")
    assert found.manifest["notes"] == [
        "All texts are in 'en': what the labeller does in the other language was not trained."
    ]
    labels = Labeller.load(tmp_path / "labeller").label(read_set(tmp_path, NEW), book_of(tmp_path / "labeller"))
    status = labels.table.set_index("id")["customer.status"]
    assert {status[name] for name, language, *_ in NEW if language == "zh"} == {"not transferable"}


def test_an_imbalanced_indicator_is_noted_and_still_heard(encoder, tmp_path):
    companies = [one for one in invented(400) if one[3] not in ("private", "mixed")]
    companies += [one for one in invented(60, seed=8) if one[3] == "private"][:8]
    found = train(training_file(tmp_path, companies, **settings(encoder, "head", epochs=1)), out=tmp_path / "labeller")
    assert "of the texts speak for 'customer.private'" in found.manifest["notes"][0]
    labels = Labeller.load(tmp_path / "labeller").label(read_set(tmp_path, NEW), book_of(tmp_path / "labeller"))
    score = labels.table.set_index("id")["customer.private"]
    said = [score[one[0]] for one in NEW if one[3] in ("private", "mixed")]
    assert np.mean(said) > np.mean([score[one[0]] for one in NEW if one[3] not in ("private", "mixed")]) + 0.1


def test_texts_for_testing_are_measured_and_never_the_same_companies(encoder, tmp_path):
    path = training_file(tmp_path, COMPANIES, **settings(encoder, "head", epochs=1, test=["unseen.jsonl"]))
    write_lines(tmp_path / "unseen.jsonl", training_lines(NEW))
    metrics = train(path, out=tmp_path / "labeller").manifest["metrics"]
    assert [entry["goods"]["n"] for entry in metrics.values()][1] == len(NEW)
    write_lines(tmp_path / "unseen.jsonl", training_lines([*NEW, COMPANIES[3]]))
    with pytest.raises(DataError, match=r"1 of 81 test rows are known from the training side"):
        train(path, out=tmp_path / "labeller")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"leave_out": ["offer"]}, r"train\.yaml: leave_out names offer; the codebooks have customer, goods"),
        ({"codebooks": ["small.yaml", "small.yaml"]}, r"axis customer, goods is in several of the codebooks"),
        ({"texts": []}, r"mode head needs texts"),
        ({"mode": "hand-codes", "texts": []}, r"mode hand-codes needs start and gold"),
        ({"mode": "heads"}, r"mode"),
        ({"epoch": 3}, r"epoch.*did you mean|epochs"),
        ({"calibration_share": 0.7}, r"calibration_share"),
        ({"expected_shares": {"customer.stat": 0.3}}, r"expected_shares names customer\.stat"),
        ({"lora": {"upper_layers": 9}, "mode": "encoder"}, r"lora\.upper_layers = 9: path:\S+ has 2 layers"),
    ],
)
def test_a_faulty_training_file_says_what_is_wrong(encoder, tmp_path, changes, message):
    path = training_file(tmp_path, COMPANIES[:60], **{**settings(encoder, "head"), **changes})
    with pytest.raises(ConfigError, match=message):
        train(path, out=tmp_path / "labeller")
    assert not (tmp_path / "labeller" / "manifest.json").exists()


def test_an_encoder_that_cannot_be_trained_on_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("chainbert.labelling.training.run.load_encoder", lambda _: HashEncoder())
    path = training_file(tmp_path, COMPANIES[:60], encoder="test:hash")
    with pytest.raises(
        ConfigError, match=r"encoder 'test:hash' cannot be trained on; name a bundled:, hub: or path: one"
    ):
        train(path, out=tmp_path / "labeller")


@pytest.mark.parametrize("companies", [COMPANIES[:3], [("a", "en", one[2], *one[3:]) for one in COMPANIES[1:40:2]]])
def test_too_few_companies_to_keep_some_out_are_refused(encoder, tmp_path, companies):
    path = training_file(tmp_path, companies, **settings(encoder, "head", leave_out=["goods"]))
    with pytest.raises(DataError, match=r"of \d+ companies none were kept out .*give more companies"):
        train(path, out=tmp_path / "labeller")


def test_an_out_that_cannot_be_written_is_said_before_the_work(encoder, tmp_path):
    path = training_file(tmp_path, COMPANIES[:60], **settings(encoder, "head"))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"could not be written"):
        train(path, out=tmp_path / "file" / "labeller", progress=stop_at(0))


def test_a_labeller_goes_where_it_is_named_when_no_place_is_given(encoder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = training_file(tmp_path, invented(100), **settings(encoder, "head", epochs=1))
    assert train(path, ["name=mine"]).path == Path("runs/labellers/mine")


def test_expected_shares_weigh_the_calibration(trained, encoder, tmp_path):
    path = training_file(tmp_path, COMPANIES, **settings(encoder, "head", expected_shares={"customer.private": 0.9}))
    train(path, out=tmp_path / "labeller")
    found = [
        Labeller.load(one).label(read_set(tmp_path, NEW), book_of(trained["head"])).table["customer.private"].mean()
        for one in (trained["head"], tmp_path / "labeller")
    ]
    assert found[1] > found[0] + 0.1


def test_small_is_the_codebook_of_these_tests(trained):
    assert (trained["head"].parent / "small.yaml").read_text(encoding="utf-8") == SMALL
