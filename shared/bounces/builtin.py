"""The rules that come with the product, and the classifiers made of them."""

from functools import cache
from importlib.resources import files

from shared.bounces.classifier import Classifier
from shared.bounces.rules import RuleFile, parse


@cache
def rules() -> RuleFile:
    """The rules of rules.toml."""
    return parse(files("shared.bounces").joinpath("rules.toml").read_text(encoding="utf-8"))


@cache
def classifier(user: str | None = None) -> Classifier:
    """The classifier; it tries first the rules of a user's file, of which `user` is the content. Raises BadRules."""
    return Classifier(rules(), user=None if user is None else parse(user, sets=rules().sets))
