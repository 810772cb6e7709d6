"""What is taken of whatever the web sends for a setting."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonicdiff.ui import controls
from sonicdiff.ui.controls import Choice, Control, Number, Perhaps, Switch, Text, Weights

EVERY = {control.name: control for table in (controls.EDIT, controls.GENERATE, controls.MUSIC, controls.JAM) for control in table}
anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.text(alphabet=st.characters()), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(), st.integers(), max_size=2), st.sampled_from(["1e999", "nan", "-1", "5", "\ud800", "=1", "a=2,b=x"]),
)  # fmt: skip


@pytest.mark.parametrize("control", EVERY.values(), ids=list(EVERY))
@given(value=anything)
def test_a_value_is_one_that_is_allowed_or_a_sentence(control: Control, value: Any) -> None:
    try:
        taken = control.checked(value)
    except ValueError as error:
        assert control.label in str(error) and "\n" not in str(error).strip() and len(str(error)) < 600
        return
    if taken is None:
        assert isinstance(control, Perhaps)
    elif isinstance(control, (Number, Perhaps)):
        assert type(taken) in (int, float) and math.isfinite(taken) and control.low <= taken <= control.high
    elif isinstance(control, Weights):
        assert all(pattern and 0 <= weight <= 4 for pattern, weight in taken.items())
    elif isinstance(control, Text):
        assert len(taken) <= controls.MOST_CHARACTERS
        taken.encode()
    elif isinstance(control, Switch):
        assert taken is value
    elif isinstance(control, Choice):
        assert any(value in (choice, choice[1]) for choice in control.choices)


@pytest.mark.parametrize("control", EVERY.values(), ids=list(EVERY))
def test_what_a_page_shows_at_first_is_allowed(control: Control) -> None:
    control.checked(control.widget().value)


def test_what_is_typed_is_taken() -> None:
    assert (
        controls.SEED.checked(" 7 ") == 7
        and controls.SEED.checked("") is None
        and controls.SEED.checked("-1") is None
        and controls.SEED.checked(-1) is None
        and controls.SEED.checked(7.0) == 7
    )
    assert EVERY["bpm"].checked("93.5") == 93.5
    assert controls.LAYERS.checked("mid_block*=1.5, up_blocks.1*=0") == {"mid_block*": 1.5, "up_blocks.1*": 0.0}
    assert controls.LAYERS.checked(Weights.joined({"a*": 1.5, "b": 0.25})) == {"a*": 1.5, "b": 0.25}
    with pytest.raises(ValueError, match=r"Seed .* is '1\.5'; expected a whole number from 0 to 4294967295"):
        controls.SEED.checked("1.5")
    with pytest.raises(ValueError, match=r"Steps is nan; expected a number from 5 to 100|Steps is 'nan'"):
        controls.STEPS.checked(math.nan)
    with pytest.raises(ValueError, match="Prompt has 2001 characters; expected at most 2000"):
        controls.PROMPT.checked("x" * 2001)
