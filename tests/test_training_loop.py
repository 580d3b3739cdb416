"""The loss by hand, and the loop: that it learns, stops, and goes on after a stop as if there had been none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.errors import DataError
from chainbert.labelling import Axis
from chainbert.labelling.training import TrainingConfig
from chainbert.labelling.training.config import ProjectionConfig
from chainbert.labelling.training.loop import Plan, Trainer
from chainbert.labelling.training.objective import CHOICE_WEIGHT, HEAVIEST, LIGHTEST, LabelAnchored, Target, label_loss
from chainbert.labelling.training.space import ProjectedVectors
from chainbert.progress import silent

DIMENSION, TEXTS = 16, 150


def axis(name, kind, *values):
    parts = [{"id": value, "names": {}, "description": {}, "examples": {}} for value in values]
    return Axis.model_validate({"id": name, "kind": kind, "names": {}, "description": {}, "indicators": parts})


AXES = (axis("customer", "indicators", "state", "private"), axis("goods", "single", "software", "steel"))


def target(answers, **changes):
    answers = np.array(answers, dtype=float)
    rows = np.ones(len(answers), bool)
    found = Target.of(AXES, answers, np.zeros(len(answers), int), rows)
    parts = {name: getattr(found, name) for name in ("answers", "language", "yes_no", "choices", "weight")}
    return Target(**{**parts, **changes})


def test_the_loss_is_what_it_is_by_hand():
    logits = torch.tensor([[2.0, -1.0, 0.5, 0.0], [0.0, 1.0, -1.0, 3.0]])
    weight = torch.tensor([3.0, 0.5, 1.0, 1.0])
    asked = target([[1, 0, 1, 0], [0, 1, 0, 1]], weight=weight)
    yes = [-3.0 * math.log(1 / (1 + math.exp(-2))), -0.5 * math.log(1 / (1 + math.exp(-1)))]
    no = [-math.log(1 - 1 / (1 + math.exp(1))), -math.log(1 - 0.5)]
    first = -math.log(math.exp(0.5) / (math.exp(0.5) + 1))
    second = -math.log(math.exp(3) / (math.exp(3) + math.exp(-1)))
    expected = (sum(yes) + sum(no)) / 4 + CHOICE_WEIGHT * (first + second) / 2
    assert label_loss(logits, asked, [0, 1]).item() == pytest.approx(expected, rel=1e-6)


def test_an_answer_that_was_not_given_does_not_count_and_draws_no_gradient():
    nan = float("nan")
    asked = target([[1, nan, nan, nan], [nan, 0, 1, 0]], weight=torch.ones(4))
    logits = torch.tensor([[2.0, 9.0, 9.0, -9.0], [-9.0, -1.0, 0.5, 0.0]], requires_grad=True)
    loss = label_loss(logits, asked, [0, 1])
    given_two = -math.log(1 / (1 + math.exp(-2))) - math.log(1 / (1 + math.exp(-1)))
    assert loss.item() == pytest.approx(given_two / 2 + CHOICE_WEIGHT * -math.log(1 / (1 + math.exp(-0.5))), rel=1e-6)
    loss.backward()
    assert logits.grad[0, 1:].abs().max() == 0
    assert logits.grad[1, 0] == 0
    assert torch.isfinite(logits.grad).all()


def test_a_batch_that_answers_nothing_has_no_loss():
    asked = target([[1, 0, 1, 0], [float("nan")] * 4])
    logits = torch.zeros(1, 4, requires_grad=True)
    loss = label_loss(logits, asked, [1])
    assert loss.item() == 0
    loss.backward()
    assert logits.grad.abs().max() == 0


def test_a_rare_yes_weighs_more_within_bounds_and_rows_kept_out_do_not_count():
    answers = np.zeros((100, 4))
    answers[:40, 0] = 1
    answers[:2, 1] = 1
    answers[:95, 2] = 1
    answers[:, 3] = 1 - answers[:, 2]
    trained = np.ones(100, bool)
    weight = Target.of(AXES, answers, np.zeros(100, int), trained).weight
    assert weight.tolist() == pytest.approx([1.5, HEAVIEST, LIGHTEST, HEAVIEST])
    trained[:20] = False
    assert Target.of(AXES, answers, np.zeros(100, int), trained).weight[0].item() == pytest.approx(3.0)


def test_an_axis_that_only_kept_out_rows_answer_has_a_weight_all_the_same():
    answers = np.zeros((10, 4))
    answers[:, 2:] = np.nan
    answers[0, 2:] = 1, 0
    trained = np.arange(10) > 0
    assert torch.isfinite(Target.of(AXES, answers, np.zeros(10, int), trained).weight).all()


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 100))
def test_the_order_of_a_batch_does_not_matter(order, seed):
    rng = np.random.default_rng(seed)
    answers = np.hstack([rng.integers(2, size=(6, 2)), np.eye(2)[rng.integers(2, size=6)]]).astype(float)
    logits = torch.tensor(rng.normal(size=(6, 4)), dtype=torch.float32)
    asked = target(answers)
    expected = label_loss(logits, asked, list(range(6))).item()
    assert label_loss(logits[list(order)], asked, list(order)).item() == pytest.approx(expected, rel=1e-5)


def test_a_logit_is_sharpness_times_cosine_with_an_intercept_a_language():
    scorer = LabelAnchored(2, 2, sharpness=20.0, middle=0.8)
    with torch.no_grad():
        scorer.intercept[1, 0] = 0.5
        found = scorer(torch.tensor([[1.0, 0.0]] * 2), torch.eye(2), torch.tensor([0, 1]))
    assert found.tolist() == [pytest.approx([4.0, -16.0]), pytest.approx([4.5, -16.0])]


def units(rng, *shape):
    found = rng.normal(size=shape)
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def planted():
    """Vectors of texts and wordings, and a plan: a text has the direction of what it says, which no wording has."""
    rng = np.random.default_rng(0)
    said = rng.random((TEXTS, 4)) < 0.5
    said[:, 3] = ~said[:, 2]
    directions = units(rng, 4, DIMENSION)
    vectors = 0.5 * units(rng, TEXTS, DIMENSION) + said @ directions
    wordings = units(rng, 16, DIMENSION)
    rows = np.vstack([vectors / np.linalg.norm(vectors, axis=1, keepdims=True), wordings]).astype(np.float32)
    places = iter(range(TEXTS, TEXTS + 16))
    anchors = tuple(tuple((next(places), next(places)) for _ in range(2)) for _ in range(4))
    out = np.arange(TEXTS) % 4 == 0
    asked = Target.of(AXES, said.astype(float), np.arange(TEXTS) % 2, ~out)
    return rows, Plan(asked, tuple(np.flatnonzero(~out).tolist()), tuple(np.flatnonzero(out).tolist()), anchors)


def trainer(folder, *, identity="same", space=None, **changes):
    folder.mkdir(exist_ok=True)
    rows, plan = planted()
    settings = {"epochs": 6, "batch": 16, "patience": 9, "seed": 3, **changes}
    config = TrainingConfig(name="test", texts=("x",), **settings)
    space = space or ProjectedVectors(rows, ProjectionConfig(rank=4, learning_rate=0.02), config.seed)
    return Trainer(space, plan, config, identity, folder)


class StopError(Exception):
    """What ends a training from outside."""


def stop_at(step):
    def progress(what, done, _):
        if what.startswith("training") and done == step:
            raise StopError

    return progress


def same_weights(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


STEPS = -(-112 // 16)


def test_it_learns_the_planted_rule(tmp_path):
    one = trainer(tmp_path, epochs=12)
    rows = list(one.plan.kept_out)

    def right():
        with torch.no_grad():
            logits = one.scorer(one.space.vectors(rows), one.anchors(None), one._language(rows))
        return ((logits[:, :2] > 0) == (one.plan.target.answers[rows][:, :2] > 0)).float().mean().item()

    before = right()
    history = one.run(silent)
    assert len(history) == 12
    assert history[-1].loss < 0.5 * history[0].loss
    assert before < 0.65
    assert right() > 0.85


def test_a_seed_decides_all_of_it(tmp_path):
    found = {}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        one = trainer(tmp_path / name, seed=seed, epochs=2)
        losses = [(epoch.loss, epoch.calibration_loss) for epoch in one.run(silent)]
        found[name] = (losses, one.state())
    assert found["a"][0] == found["b"][0]
    assert same_weights(found["a"][1], found["b"][1])
    assert not same_weights(found["a"][1], found["c"][1])


def test_random_numbers_drawn_before_change_nothing_and_none_are_drawn(tmp_path):
    torch.manual_seed(1)
    one = trainer(tmp_path / "a", epochs=1)
    one.run(silent)
    drawn = torch.rand(2)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(2), drawn)
    torch.manual_seed(77)
    torch.rand(5)
    two = trainer(tmp_path / "b", epochs=1)
    two.run(silent)
    assert same_weights(one.state(), two.state())


@pytest.mark.parametrize("step", [STEPS - 1, 2 * STEPS, 3 * STEPS + 2])
def test_an_interrupted_training_goes_on_to_the_very_same_weights(tmp_path, step):
    whole = trainer(tmp_path / "whole")
    expected = whole.run(silent)
    with pytest.raises(StopError):
        trainer(tmp_path / "stopped").run(stop_at(step))
    seen = []
    again = trainer(tmp_path / "stopped")
    found = again.run(lambda _, done, __: seen.append(done))
    assert [(one.number, one.loss, one.calibration_loss) for one in found] == [
        (one.number, one.loss, one.calibration_loss) for one in expected
    ]
    assert same_weights(again.state(), whole.state())
    # At most the epoch it was in is done again.
    assert seen[0] == step // STEPS * STEPS


def test_a_stop_between_weights_and_history_costs_an_epoch_and_nothing_else(tmp_path, monkeypatch):
    whole = trainer(tmp_path / "whole")
    whole.run(silent)
    calls = []

    def write_text(path, text):
        calls.append(path)
        if len(calls) == 3:
            raise StopError
        path.write_text(text)

    monkeypatch.setattr("chainbert.labelling.training.loop.write_text", write_text)
    with pytest.raises(StopError):
        trainer(tmp_path / "stopped").run(silent)
    monkeypatch.undo()
    assert len(json.loads((tmp_path / "stopped" / "history.json").read_text())["history"]) == 2
    again = trainer(tmp_path / "stopped")
    again.run(silent)
    assert same_weights(again.state(), whole.state())


def test_a_finished_training_is_not_done_again(tmp_path):
    first = trainer(tmp_path)
    history = first.run(silent)
    seen = []
    again = trainer(tmp_path)
    assert again.run(lambda _, done, __: seen.append(done)) == history
    assert seen == [6 * STEPS]
    assert same_weights(again.state(), first.state())


def test_other_settings_do_not_go_on(tmp_path):
    with pytest.raises(StopError):
        trainer(tmp_path).run(stop_at(4 * STEPS))
    seen = []
    other = trainer(tmp_path, identity="other")
    other.run(lambda _, done, __: seen.append(done))
    assert seen[0] == 0
    fresh = trainer(tmp_path / "fresh")
    fresh.run(silent)
    assert same_weights(other.state(), fresh.state())


def test_only_the_last_state_and_the_best_are_kept(tmp_path):
    with pytest.raises(StopError):
        trainer(tmp_path, epochs=12).run(stop_at(11 * STEPS))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.safetensors",
        "history.json",
        "optimizer-11.safetensors",
        "weights-11.safetensors",
    ]


def test_patience_ends_it_and_the_best_epoch_stays(tmp_path, monkeypatch):
    losses = iter([1.0, 0.6, 0.8, 0.7, 0.9])
    states = []

    def loss(self):
        states.append({name: value.clone() for name, value in self.state().items()})
        return next(losses)

    monkeypatch.setattr(Trainer, "_calibration_loss", loss)
    one = trainer(tmp_path, epochs=50, patience=3)
    history = one.run(silent)
    assert [epoch.calibration_loss for epoch in history] == [1.0, 0.6, 0.8, 0.7, 0.9]
    assert same_weights(one.state(), states[1])
    assert not same_weights(states[1], states[4])


def test_a_damaged_checkpoint_says_what_to_do(tmp_path):
    with pytest.raises(StopError):
        trainer(tmp_path).run(stop_at(2 * STEPS + 1))
    (tmp_path / "weights-2.safetensors").write_bytes(b"none")
    with pytest.raises(
        DataError, match=r"weights-2\.safetensors: a training checkpoint that cannot be read .*delete its"
    ):
        trainer(tmp_path).run(silent)


def test_progress_counts_the_steps(tmp_path):
    seen = []
    trainer(tmp_path, epochs=2).run(lambda *call: seen.append(call))
    assert seen == [("training (steps)", done, 2 * STEPS) for done in range(2 * STEPS + 1)]


def test_every_epoch_reads_all_texts_once_in_an_order_of_its_own(tmp_path):
    one = trainer(tmp_path, epochs=2)
    epochs = [[row for batch in one._batches(np.random.default_rng([3, number])) for row in batch] for number in (0, 1)]
    assert all(sorted(rows) == list(one.plan.trained) for rows in epochs)
    read, vectors = [], one.space.vectors
    one.space.vectors = lambda rows: (read.append(list(rows)), vectors(rows))[1]
    one.run(silent)
    batches = [rows for rows in read if len(rows) == 16 and max(rows) < TEXTS and set(rows) <= set(one.plan.trained)]
    assert len(batches) == 2 * STEPS
    assert batches[:STEPS] != batches[STEPS:]
    assert sorted(row for rows in batches[:STEPS] for row in rows) == list(one.plan.trained)
