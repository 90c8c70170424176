"""The examples: each runs in a process of its own, without a warning, and comes to what it says."""

import re

import pytest

from tests.conftest import ROOT, exhaustive

EXAMPLES = ROOT / "examples"
STEMS = sorted(path.stem for path in EXAMPLES.glob("*.py"))

# What is to hold of the names that a script leaves behind. Bounds leave room for how instruction sets round; no times.
CLAIMS = {
    "drop_in": """
        assert same
        assert ours.best_params_ == theirs.best_params_
        assert ours.score(X_test, y_test) == theirs.score(X_test, y_test) > 0.95
        assert more.best_score_ > ours.best_score_
    """,
    "watching": """
        assert finder.suggestion_ == clf.history_["learning_rate"][0]
        assert clf.n_iter_ == stopping.best_epoch_ + stopping.patience < clf.max_iter
        assert stopping.best_ == history["validation_accuracy"].max() == clf.score(X_val, y_val)
        assert history["loss"][stopping.best_epoch_] > history["validation_loss"][stopping.best_epoch_]
        assert path.read_bytes().startswith(b"\\x89PNG")
        assert caught >= 40
        assert cleaned.score(X_val, y_val) >= clf.score(X_val, y_val) - 0.005 > 0.95
    """,
    "anomalies": """
        means = areas.mean()
        assert means["autoencoder"] > 0.95 > 0.9 > means["principal components"] > means["isolation forest"]
        assert (areas["autoencoder"] > areas["principal components"]).all()
        assert found > 0.3 > 0.06 > false
    """,
    "few_labels": """
        assert np.mean(pretrained) > np.mean(random) + 0.005 > 0.88
        assert better >= 7
    """,
    "kill_and_resume": """
        import signal

        assert process.returncode == -signal.SIGKILL
        assert 10 <= epochs_then < model.n_iter_ == whole.n_iter_ < whole.max_iter
        assert same_weights and same_outputs and resumed.equals(unbroken)
        assert model.score(X_val, y_val) > 0.95
    """,
    "tables": """
        assert clf.score(X_test, y_test) > 0.7 and abs(clf.oof_score_ - clf.score(X_test, y_test)) < 0.06
        assert 0.86 < in_set < 0.94
        assert {"station", "rain_mm"} == {clf.feature_names_in_[i] for i in order[:2]}
        assert 0.86 < covered < 0.94
        assert same
    """,
    "intervals": """
        within = by_hour[["within, same width", "within, quantiles"]]
        assert (abs(coverage[within.columns] - 0.9) < 0.03).all()
        assert (abs(within - 0.9).max() > [0.2, 0.0]).all()
        assert abs(within["within, quantiles"] - 0.9).max() < 0.06
        assert abs(by_hour["width"] / by_hour["true width"] - 1).max() < 0.25
        assert low.shape == y_test.shape and (low < high).all()
    """,
    "command_line": """
        assert abs(np.mean(added / others["area"]) - 1) < 0.2
        assert np.array_equal(same.predict(others), model.predict(others))
        assert model.evaluate(others)["r2"] > 0.95
        assert 0.86 < within < 0.96
        assert others[["built", "heating", "balcony"]].isna().any().all()
    """,
}


@pytest.fixture
def example(script, tmp_path):
    """Run an example as a process in which warnings are errors, then claims about it; return what it printed."""

    def run(stem, claims):
        source = f"import runpy\nglobals().update(runpy.run_path('examples/{stem}.py', run_name='__main__'))\n"
        indented = "\n".join(line[8:] for line in claims.splitlines())
        return script(source + indented, PYTHONPATH=str(ROOT), PYTHONWARNINGS="error", TMPDIR=str(tmp_path))

    return run


@exhaustive
@pytest.mark.parametrize("stem", STEMS)
def test_an_example_runs_and_keeps_its_word(stem, example):
    printed = example(stem, CLAIMS[stem])
    assert len(printed.splitlines()) >= 4


@pytest.mark.parametrize("stem", STEMS)
def test_an_example_is_short_and_says_how_to_run_it(stem):
    lines = (EXAMPLES / f"{stem}.py").read_text().splitlines()
    assert len(lines) <= 90
    assert lines[2] == f"python examples/{stem}.py"


def test_the_readme_has_a_row_for_each_example():
    rows = re.findall(r"^\| \[(\w+)\.py\]\(\1\.py\) \|", (EXAMPLES / "README.md").read_text(), flags=re.MULTILINE)
    assert sorted(rows) == STEMS
