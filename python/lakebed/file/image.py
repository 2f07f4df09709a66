"""`ImageFile`: a file that is read as an image, with Pillow."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Unpack

from pydantic import Field

from lakebed._extras import needed
from lakebed.exceptions import FileError, LakebedError
from lakebed.file.file import File
from lakebed.models import DataModel

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from typing import Self

    from PIL.Image import Image as PILImage

    from lakebed.file._attributes import Attributes


class Image(DataModel):
    """Size and format of an image; -1 and empty when not known."""

    width: int = Field(default=-1)
    height: int = Field(default=-1)
    format: str = Field(default="")


class ImageFile(File):
    """A file that is read as an image; needs Pillow."""

    def read(self, length: int = -1) -> PILImage:  # noqa: ARG002
        """The decoded picture.

        Raises:
            FileError: The content is no image, or a damaged one.
        """
        with self._place().whole() as stream, self._picture(stream) as picture:
            picture.load()
            return picture

    def get_info(self) -> Image:
        """Size and format, from the header only."""
        with self._place().reader() as stream, self._picture(stream) as picture:
            return Image(width=picture.width, height=picture.height, format=picture.format or "")

    def save(  # type: ignore[override]  # the peer's order of parameters
        self,
        destination: str | os.PathLike[str],
        format: str | None = None,
        client_config: Mapping[str, Any] | None = None,
        **attributes: Unpack[Attributes],
    ) -> Self:
        """Encode the picture to a path or URI and return the new file.

        Args:
            destination: Where to; its extension says the format unless given.
            format: Pillow's name of the format, such as `PNG`.
            client_config: Another way to connect to buckets than the session's.
            attributes: `content_type` and the like, as for `open`.
        """
        target = type(self).at(destination)
        chosen = format or _pillow().registered_extensions().get(target.get_file_suffix().lower())
        if chosen is None:
            msg = (
                f"no image format belongs to the extension `{target.get_file_suffix()}`; "
                f"hint: pass format=: `{target.get_uri()}`"
            )
            raise FileError(msg)
        picture, encoded = self.read(), io.BytesIO()
        try:
            picture.save(encoded, format=chosen)
        except (OSError, KeyError, ValueError) as error:
            msg = f"cannot write image as `{chosen}`: {error}: `{target.get_uri()}`"
            raise FileError(msg) from error
        return type(self).upload(encoded.getvalue(), destination, client_config, **attributes)

    @contextmanager
    def _picture(self, stream: IO[bytes]) -> Iterator[PILImage]:
        """Open with Pillow; whatever it makes of bad content is a `FileError`."""
        pillow = _pillow()
        try:
            with pillow.open(stream) as picture:
                yield picture
        except LakebedError:
            # the file could not be read at all
            raise
        except pillow.UnidentifiedImageError as error:
            msg = f"cannot read image `{self.get_uri()}`: not a known image format"
            raise FileError(msg) from error
        # WHY: on damaged data the decoders raise SyntaxError, struct.error and more
        except Exception as error:
            msg = f"cannot read image `{self.get_uri()}`: {error}"
            raise FileError(msg) from error


def _pillow() -> Any:
    return needed("PIL.Image", "pillow")
