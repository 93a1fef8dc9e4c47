"""MkDocs: a plugin that draws models while the site is built, so that its pages are never stale.

In ``mkdocs.yml``: ``plugins: [search, fxviz]``. It fills the markers that ``fxviz docs`` fills, and code blocks of the
language ``fxviz``, each of which holds one such command. Nothing is written into the folder of the pages: pictures go to
the site.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs.config.base import Config
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, InclusionLevel

from fxviz.errors import FxvizError, InputError
from fxviz.integrations.embedding import fill, find_markers
from fxviz.integrations.markers import Scribe, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

__all__ = ["FxvizPlugin"]


class _Options(Config):
    """None: the options are on the pages."""


class FxvizPlugin(BasePlugin[_Options]):
    """Fills the markers of every page of a site; a model that is on several pages is traced once a build."""

    def on_config(self, config: MkDocsConfig) -> None:
        """Begin a build: forget the models of the last one."""
        self._scribe = Scribe()

    def on_page_markdown(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Return the page with all its markers filled; an error ends the build and says where."""
        name = page.file.src_uri
        folder = Path(config.docs_dir, name).parent
        try:
            markers = find_markers(markdown, name, fences=True)
        except FxvizError as error:
            raise PluginError(str(error)) from error
        contents = []
        for marker in markers:
            try:
                content = self._scribe.write(read(marker.command), folder)
                _add(content.files, PurePosixPath(name).parent, config, files)
            except FxvizError as error:
                raise PluginError(f"{name}:{marker.line}: {error}") from error
            contents.append((marker, content.markdown))
        return fill(markdown, contents)


def _add(made: Mapping[str, str | bytes], folder: PurePosixPath, config: MkDocsConfig, files: Files) -> None:
    """Give files to the site, each in the place of what the folder of the pages may have under its name."""
    for name, content in made.items():
        path = folder / name
        if ".." in path.parts:
            raise InputError(f"-o {name} leads out of its page's folder, which the site cannot hold")
        if (old := files.get_file_from_path(str(path))) is not None:
            files.remove(old)
        files.append(File.generated(config, str(path), content=content, inclusion=InclusionLevel.INCLUDED))
