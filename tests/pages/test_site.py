"""The site is complete, and no link in the project's own files leads nowhere. `ci/docs`
checks what needs a build, such as the anchors of the reference.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SITE = runpy.run_path(str(ROOT / "ci/docs_hooks.py"))
REPOSITORY = "spark-kafka-testkit/spark-kafka-testkit"
TEXTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    *[ROOT / "pyproject.toml", ROOT / "mkdocs.yml"],
]


def settings() -> dict[str, Any]:
    """What of mkdocs.yml goes into llms.txt, read without a parser of YAML."""
    text = (ROOT / "mkdocs.yml").read_text()
    nav: list[Any] = []
    for line in text.split("\nnav:")[1].splitlines()[1:]:
        entry = re.fullmatch(r"( +)- ([^:]+): ?(\S+\.md)?", line)
        if entry is None:
            break
        indent, name, page = entry.groups()
        if len(indent) == 2:
            nav.append({name: page or []})
        else:
            (pages,) = nav[-1].values()
            pages.append({name: page})
    names = ("site_name", "site_description", "site_url", "repo_url")
    found = dict(re.findall(rf"^({'|'.join(names)}): (.+)$", text, re.M))
    summaries = dict(re.findall(r"^    (\S+\.md): (.+)$", text, re.M))
    extra = {"summaries": summaries}
    return {**found, "nav": nav, "extra": extra, "docs_dir": str(DOCS)}


def test_every_page_has_a_place_and_a_summary() -> None:
    """Nobody would find a page without. Each summary is a short sentence, which YAML
    takes as it stands.
    """
    found = settings()
    pages = SITE["pages"](found["nav"])
    written = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert sorted(pages) == sorted(written)
    summaries = found["extra"]["summaries"]
    assert list(summaries) == pages
    sentence = re.compile(r"\w((?!\. |: | #).){,98}\w\.")
    assert [text for text in summaries.values() if not sentence.fullmatch(text)] == []


def test_llms_txt_lists_every_page() -> None:
    """In the form of https://llmstxt.org: a title, a quote, and lists of links."""
    found = settings()
    text = SITE["llms_txt"](found)
    title, _, quote, *lines = text.splitlines()
    assert (title, quote) == (
        "# spark-kafka-testkit",
        f"> {found['site_description']}",
    )
    links = [re.fullmatch(r"- \[(.+)\]\((.+)\): (.+\.)", line) for line in lines]
    addresses = [link[2] for link in links if link]
    assert len(addresses) == len(SITE["pages"](found["nav"]))
    assert addresses[:2] == [found["site_url"], found["site_url"] + "tutorial/"]
    assert [line for line in lines if line and not re.match("## |- ", line)] == []
    assert len(text) < 8_000


def test_llms_txt_has_the_titles_of_the_pages() -> None:
    """They are the pages' own headings."""
    text = SITE["llms_txt"](settings())
    assert "- [From an empty folder to a green test](" in text
    assert "## Look it up\n\n- [Troubleshooting, by error text](" in text


def test_every_block_is_one_on_the_site() -> None:
    """A fence has one word there. A second one tells the tests how the block runs."""
    pages = [SITE["plain_fences"](page.read_text()) for page in DOCS.rglob("*.md")]
    fences = [
        fence for page in pages for fence in re.findall("^ *```(.*)$", page, re.M)
    ]
    assert {"python", "bash", "text", ""} <= set(fences)
    assert [fence for fence in fences if not re.fullmatch(r"\w*", fence)] == []


def links(path: Path) -> Iterator[str]:
    """The targets of a file's links, but for those in its blocks of code."""
    text = path.read_text()
    if path.suffix != ".md":
        yield from re.findall(r"https://[^\s\"']+", text)
        return
    text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
    text = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", text)
    yield from re.findall(r"\]\(\s*([^)\s]+)", text)
    yield from re.findall(r"^\[[^\]]+\]: +(\S+)", text, re.M)
    yield from re.findall(r"""(?:href|src|srcset)=["']([^"']+)""", text)


def own(link: str, path: Path) -> str | None:
    """The file here that a link names, with its anchor. None: it is not one of ours."""
    site = settings()["site_url"]
    if link.startswith(site):
        page, _, anchor = link.removeprefix(site).partition("#")
        name = f"docs/{page.rstrip('/') or 'index'}.md"
        return f"{name}#{anchor}" if anchor else name
    at_github = re.match(
        rf"https://(?:github\.com/{REPOSITORY}/(?:blob|tree|raw|edit)"
        rf"|raw\.githubusercontent\.com/{REPOSITORY})/(?:main|HEAD)/(.*)",
        link,
    )
    if at_github:
        return at_github[1]
    front = re.fullmatch(rf"https://github\.com/{REPOSITORY}/?(#.*)?", link)
    if front:
        return f"README.md{front[1] or ''}"
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return None
    name, _, anchor = link.partition("#")
    target = (path.parent / name).resolve() if name else path
    try:
        relative = target.relative_to(ROOT)
    except ValueError:
        return link  # it leads out of the project
    return f"{relative}#{anchor}" if anchor else str(relative)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.M | re.S)
    made: list[str] = re.findall(r"""(?:id|name)=["']([^"']+)""", text)
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", text, re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words).lower().replace(" ", "-")
        made.append(f"{slug}-{n}" if (n := made.count(slug)) else slug)
    return set(made)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_of_ours_leads_nowhere(path: Path) -> None:
    """Its file exists, and its anchor too: in a link to a file here, to the project at
    GitHub or to its site.
    """
    lost = []
    for link in links(path):
        target = own(link, path)
        if target is None:
            continue
        name, _, anchor = unquote(target).partition("#")
        file = ROOT / name
        is_generated = file == DOCS / "reference.md" and "spark_kafka_testkit" in anchor
        if not file.exists() or (
            anchor and not is_generated and anchor not in anchors(file)
        ):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        (f"https://github.com/{REPOSITORY}/blob/main/docs/ci.md", "docs/ci.md"),
        (f"https://raw.githubusercontent.com/{REPOSITORY}/main/LICENSE", "LICENSE"),
        (f"https://github.com/{REPOSITORY}#the-api", "README.md#the-api"),
        (f"https://github.com/{REPOSITORY}/actions/workflows/ci.yml", None),
        ("https://spark-kafka-testkit.github.io/spark-kafka-testkit/", "docs/index.md"),
        ("https://spark.apache.org/docs/latest/", None),
        ("ci.md#the-cache", "docs/ci.md#the-cache"),
        ("../README.md", "README.md"),
        ("#here", "docs/index.md#here"),
    ],
)
def test_which_links_are_ours(link: str, leads_to: str | None) -> None:
    """The check above sees these, from docs/index.md."""
    assert own(link, DOCS / "index.md") == leads_to


def test_the_sites_settings_name_the_project() -> None:
    """Links to the site and to GitHub are told by these."""
    found = settings()
    assert found["repo_url"] == f"https://github.com/{REPOSITORY}"
    assert found["site_url"].endswith("/")
