"""Instruction sets and products, and how they are chosen."""

import numpy as np
import pytest

from fastmlp import engine


def test_choose_isa():
    assert engine.choose_isa("") == engine.SUPPORTED_ISAS[-1]
    assert engine.SUPPORTED_ISAS[0] == "scalar"
    for name in engine.SUPPORTED_ISAS:
        assert engine.choose_isa(name) == name
    with pytest.raises(ValueError, match=r"FASTMLP_ISA='mmx' is not an instruction set of this build; known are \["):
        engine.choose_isa("mmx")


def test_choose_isa_the_cpu_lacks(monkeypatch):
    monkeypatch.setattr(engine.tables, "SUPPORTED_ISAS", ("scalar",))
    lacking = next(name for name in engine.ISAS if name != "scalar")
    with pytest.raises(ValueError, match=f"FASTMLP_ISA='{lacking}' is not supported by this CPU"):
        engine.choose_isa(lacking)


def test_isa_from_the_environment(script, isa):
    out = script("import fastmlp; fastmlp.MLPRegressor(max_iter=1); print(fastmlp.engine.ISA)", FASTMLP_ISA=isa)
    assert out == isa


def test_unknown_isa_in_the_environment(python):
    done = python("import fastmlp", FASTMLP_ISA="mmx")
    assert done.returncode == 1
    assert "ValueError: FASTMLP_ISA='mmx' is not an instruction set of this build" in done.stderr


def test_bfloat16_products_this_machine_lacks():
    with pytest.raises(ValueError, match="no products of bfloat16 numbers called 'tpu' on this machine"):
        engine.choose_bfloat16_product("tpu")


def test_which_networks_have_split_operands(monkeypatch):
    large, small, largest = (784, 256, 128, 10), (300, 100, 10), (784, 2048, 2048, 10)
    monkeypatch.setattr(engine.tables, "MAY_SPLIT", False)
    assert engine.split_product() == ""
    monkeypatch.setattr(engine.tables, "MAY_SPLIT", True)
    amx = engine.bfloat16_product() == "amx"
    assert engine.split_product() == ("amx" if amx else "")
    for product in ("", "amx"):
        with monkeypatch.context() as patch:
            patch.setattr(engine.tables, "split_product", lambda product=product: product)
            assert engine.splits(large, 256) == bool(product)
            assert not engine.splits(large, 255)
            assert not engine.splits(small, 1000)

    def terms(sizes, max_batch=256, dtype=np.float32, **options):
        return engine.Trainer(sizes, "relu", "squared_error", dtype, rule="sgd", max_batch=max_batch, **options).terms

    by_itself = 3 if amx else 0
    assert terms(large) == by_itself
    assert terms(large, n_threads=8) == by_itself
    assert terms(large, split=False) == terms(large, 200) == terms(small) == terms(large, dtype=np.float64) == 0
    assert terms(largest, 512) == 0  # whose batches are worked on in chunks of fewer rows
    assert terms(large, isa=engine.ISA) == 0
    assert terms(large, bfloat16=True) == 1
    assert terms(small, 20, split=True) == 3
    monkeypatch.setattr(engine.tables, "MAY_SPLIT", False)
    assert terms(large) == 0


@pytest.mark.parametrize(("asked", "may"), [("", False), ("0", False), ("1", True)])
def test_operands_are_split_for_those_who_ask(script, asked, may):
    assert script("from fastmlp import engine; print(engine.MAY_SPLIT)", FASTMLP_SPLIT=asked) == str(may)


def test_whether_to_split_is_yes_or_no(python):
    done = python("import fastmlp", FASTMLP_SPLIT="yes")
    assert done.returncode == 1
    assert "ValueError: FASTMLP_SPLIT='yes' is neither '0' nor '1'." in done.stderr
