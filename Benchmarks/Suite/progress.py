"""A line that says what runs, and how long is left."""

import sys
import time


def duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"


class Progress:
    """Counts steps that each have an expected weight, in seconds; what they took corrects what is expected of the rest."""

    def __init__(self, total: float):
        self.total = total
        self.done = 0.0
        self.began = time.monotonic()
        self.is_terminal = sys.stderr.isatty()
        self.told = 0.0

    def step(self, text: str) -> None:
        """Says what is about to run. Where nobody watches, now and then only."""
        now = time.monotonic()
        if not self.is_terminal and now - self.told < 30:
            return
        self.told = now
        spent = now - self.began
        # Until a twentieth is done, what it took says little of the rest.
        pace = spent / self.done if self.done > self.total / 20 else max(1.0, spent / self.done if self.done else 1.0)
        left = (self.total - self.done) * pace
        line = f"{100 * self.done / self.total:3.0f} %  {duration(left)} left  {text}"
        if self.is_terminal:
            sys.stderr.write(f"\r\x1b[K{line[:110]}")
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def finish(self, weight: float) -> None:
        self.done += weight

    def note(self, text: str) -> None:
        """Says something that stays."""
        if self.is_terminal:
            sys.stderr.write("\r\x1b[K")
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        self.note(f"done in {duration(time.monotonic() - self.began)}")
