"""What mkdocs alone does not do for the site: fences of two words, a summary of each
page, and `llms.txt`.

`mkdocs.yml` names this file as a hook. `llms.txt` is the site's table of contents for
language models (https://llmstxt.org), in the order of the nav.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# A page by its title in the nav, or a section.
Entry = dict[str, "str | list[Entry]"]


def llms_txt(config: Mapping[str, Any]) -> str:
    """The text of `llms.txt`, from the settings in `mkdocs.yml`."""
    lines = [f"# {config['site_name']}", "", f"> {config['site_description']}"]
    for entry in config["nav"]:
        for section, below in entry.items():
            lines += ["", f"## {section}", ""]
            lines += [_line(config, page) for page in pages(below)]
    return "\n".join(lines) + "\n"


def pages(below: str | list[Entry]) -> list[str]:
    """The pages of a section, or the one page that is no section."""
    if isinstance(below, str):
        return [below]
    return [
        page for entry in below for value in entry.values() for page in pages(value)
    ]


def _line(config: Mapping[str, Any], page: str) -> str:
    text = (Path(config["docs_dir"]) / page).read_text(encoding="utf-8")
    title = text.split("\n", 1)[0].removeprefix("# ")
    address = "" if page == "index.md" else page.removesuffix(".md") + "/"
    summary = config["extra"]["summaries"].get(page, "")
    return f"- [{title}]({config['site_url']}{address}): {summary}"


def plain_fences(markdown: str) -> str:
    """The page with one word in each fence, such as `python` for `python pytest`.

    The second word tells the tests how a block runs. The extension that makes blocks of
    code does not take it, and would leave the block as text.
    """
    return re.sub(r"^( *```\w+) .+$", r"\1", markdown, flags=re.M)


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Gives the page its summary, and fences that are understood."""
    summary = config["extra"]["summaries"].get(page.file.src_uri)
    if summary is None:
        _warn(page, "has no summary in mkdocs.yml")
    page.meta.setdefault("description", summary)
    return plain_fences(markdown)


def on_page_content(html: str, *, page: Any, **_: Any) -> str:
    """Sees that every fence has become a block of code."""
    if "```" in html:
        _warn(page, "has a fence that is no block of code")
    return html


def _warn(page: Any, message: str) -> None:
    """A warning is an error of a strict build."""
    logging.getLogger("mkdocs.hooks").warning("%s %s", page.file.src_uri, message)


def on_post_page(output: str, **_: Any) -> str:
    """Keeps the theme from asking GitHub for stars."""
    return output.replace(' data-md-component="source"', "")


def on_post_build(*, config: Any, **_: Any) -> None:
    """Writes `llms.txt` beside the start page."""
    path = Path(config["site_dir"]) / "llms.txt"
    path.write_text(llms_txt(config), encoding="utf-8")
