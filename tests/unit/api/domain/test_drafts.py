"""Differences of versions, and the tag of a draft."""

import pytest

from services.api.domain.drafts import MAX_DIFF_LINES, compare, draft_tag
from services.api.domain.errors import ApiError
from services.api.domain.templates import TemplateRequest


def test_a_diff_of_each_part_that_differs() -> None:
    old = TemplateRequest(subject="Hello", html="<p>one</p>\n<p>two</p>")
    new = TemplateRequest(subject="Hello", html="<p>one</p>\n<p>three</p>", text="three")
    assert compare(old, new, names=("1", "draft")) == {
        "html": "--- html (1)\n+++ html (draft)\n@@ -1,2 +1,2 @@\n <p>one</p>\n-<p>two</p>\n+<p>three</p>\n",
        "text": "--- text (1)\n+++ text (draft)\n@@ -0,0 +1 @@\n+three\n",
    }
    assert compare(old, old, names=("1", "2")) == {}


def test_what_is_too_long_to_be_compared() -> None:
    long = TemplateRequest(subject="s", text="\n" * (MAX_DIFF_LINES + 1))
    with pytest.raises(ApiError) as caught:
        compare(long, TemplateRequest(subject="s", text="t"), names=("1", "2"))
    assert (caught.value.code, caught.value.field) == ("too_many_items", "text")


def test_equal_drafts_have_equal_tags() -> None:
    assert draft_tag(TemplateRequest(subject="s", text="t")) == draft_tag(TemplateRequest(subject="s", text="t"))
    assert draft_tag(TemplateRequest(subject="s", text="t")) != draft_tag(TemplateRequest(subject="s", html="t"))
