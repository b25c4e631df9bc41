"""What is public: every name of symgrad exists, says what it does and is a typed error or not."""

import inspect

import pytest

import symgrad as sg

ERRORS = [name for name in sg.__all__ if inspect.isclass(getattr(sg, name)) and
          issubclass(getattr(sg, name), BaseException)]  # fmt: skip
OBJECTS = [name for name in sg.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", OBJECTS)
def test_public_names_have_docstrings(name):
    public = getattr(sg, name)
    assert inspect.getdoc(public)
    if inspect.isclass(public) and name not in ERRORS:
        for attribute, value in vars(public).items():
            if not attribute.startswith("_") and (callable(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{attribute} has no docstring"


@pytest.mark.parametrize("name", dir(sg))
def test_everything_listed_can_be_had(name):
    assert getattr(sg, name) is not None


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_symgrad_errors(name):
    assert issubclass(getattr(sg, name), sg.SymgradError)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'softmaks'"):
        sg.softmaks  # noqa: B018 # the access is what is tested
