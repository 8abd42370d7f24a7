"""H.264 videos that a browser plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

STEPS_PER_FRAME = 2


class Recorder:
    """Writes frames as they come; the file has its name only once it is complete."""

    def __init__(self, file: Path, fps: int):
        self._file = file
        self._part = file.with_name(f".{file.stem}.part.mp4")
        self._fps = fps
        self._container: Any = None
        self._stream: Any = None

    def add(self, picture: np.ndarray) -> None:
        """Append a picture, uint8 (height, width, 3); odd sizes lose a row or a column,
        which H.264's 4:2:0 cannot hold."""
        import av

        height, width = (n // 2 * 2 for n in picture.shape[:2])
        if self._container is None:
            self._part.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
            self._stream = self._container.add_stream(
                "libx264", rate=self._fps, options={"crf": "23", "preset": "veryfast"}
            )
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.codec_context.thread_count = 1
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def close(self, keep: bool) -> None:
        """Complete the file, or remove it; a second call does nothing."""
        if self._container is None:
            return
        container, self._container = self._container, None
        try:
            if keep:
                container.mux(self._stream.encode())
            container.close()
            if keep:
                self._part.replace(self._file)
        finally:
            self._part.unlink(missing_ok=True)
