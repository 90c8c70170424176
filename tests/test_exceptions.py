"""The package's own warnings: each can be filtered alone, and as a UserWarning."""

import pytest

from fastmlp import exceptions


@pytest.mark.parametrize("name", exceptions.__all__)
def test_each_warning_is_a_user_warning_and_says_when_it_is_given(name):
    warning = getattr(exceptions, name)
    assert issubclass(warning, UserWarning) and warning.__module__ == "fastmlp.exceptions"
    assert warning.__doc__ and warning.__doc__.endswith(".")


def test_all_warnings_are_listed():
    found = {name for name, value in vars(exceptions).items() if isinstance(value, type) and issubclass(value, Warning)}
    assert found == set(exceptions.__all__)
