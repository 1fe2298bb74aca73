"""Holds JSON against the typed dictionaries and models of the vendors' SDKs, strictly: the SDKs themselves send whatever they are given."""

import types
import typing

import typing_extensions
from pydantic import BaseModel


class Mismatch(Exception):
    pass


def check(value, kind, path="$"):
    """Throws where `value` is not of `kind`, to the last field. Knows what the request types of the SDKs are made of."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing_extensions.Required, typing.Required, typing_extensions.NotRequired, typing.NotRequired, typing.Annotated):
        return check(value, arguments[0], path)
    if kind in (object, typing.Any) or isinstance(kind, typing.TypeVar):
        return None
    if origin in (typing.Union, types.UnionType):
        return check_any(value, arguments, path)
    if origin in (typing.Literal, typing_extensions.Literal):
        return require(value in arguments, path, f"{value!r} is none of {arguments}")
    if kind is None or kind is type(None):
        return require(value is None, path, "is not null")
    if typing_extensions.is_typeddict(kind):
        return check_dictionary(value, kind, path)
    if kind in (str, bool):
        return require(isinstance(value, kind), path, f"{value!r} is no {kind.__name__}")
    if kind is int:
        return require(isinstance(value, int) and not isinstance(value, bool), path, f"{value!r} is no int")
    if kind is float:
        return require(isinstance(value, (int, float)) and not isinstance(value, bool), path, f"{value!r} is no number")
    name = getattr(origin or kind, "__name__", str(kind))
    if name in ("dict", "Dict", "Mapping"):
        require(isinstance(value, dict), path, "is no object")
        for key, element in value.items() if len(arguments) == 2 else ():
            check(element, arguments[1], f"{path}.{key}")
        return None
    if name in ("list", "List", "Iterable", "Sequence", "SequenceNotStr"):
        require(isinstance(value, list), path, "is no array")
        for index, element in enumerate(value):
            check(element, arguments[0] if arguments else object, f"{path}[{index}]")
        return None
    # Files and the SDKs' own models, which no JSON can be.
    raise Mismatch(f"{path} is no {name}")


def check_any(value, kinds, path):
    faults = []
    for kind in kinds:
        try:
            return check(value, kind, path)
        except Mismatch as fault:
            faults.append(str(fault))
    raise Mismatch(f"{path}: " + " | ".join(faults)[:1_000])


def check_dictionary(value, kind, path):
    require(isinstance(value, dict), path, "is no object")
    hints = typing_extensions.get_type_hints(kind, include_extras=True)
    unknown = set(value) - set(hints)
    require(not unknown, path, f"has fields that {kind.__name__} does not know: {sorted(unknown)}")
    for key, hint in hints.items():
        if key in value:
            check(value[key], hint, f"{path}.{key}")
        else:
            is_required = typing_extensions.get_origin(hint) in (typing_extensions.Required, typing.Required)
            require(not is_required, path, f"lacks {key}, which {kind.__name__} requires")


def check_model(value, kind):
    """A value of a model, where it has no field that the model does not know."""
    require(isinstance(value, dict), "$", "is no object")
    assert issubclass(kind, BaseModel)
    known = {name for field, info in kind.model_fields.items() for name in (field, info.alias) if name}
    known |= set(map(kind.model_config.get("alias_generator") or str, kind.model_fields))
    unknown = set(value) - known
    require(not unknown, "$", f"has fields that {kind.__name__} does not know: {sorted(unknown)}")
    return kind.model_validate(value)


def require(condition, path, fault):
    if not condition:
        raise Mismatch(f"{path} {fault}")
