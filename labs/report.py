# A grade: one row for each item that gets points.
import os
from dataclasses import dataclass, field


def clocks():
    """Returns seconds since some moment, and the processor time of this program and its
    children."""
    now = os.times()
    return now.elapsed, sum(now[:4])


@dataclass
class Row:
    name: str
    points: int  # at most
    score: int
    text: str = ""

    @property
    def full(self):
        return self.score == self.points


@dataclass
class Report:
    lab: str
    title: str
    seed: str
    rows: list = field(default_factory=list)
    notes: list = field(default_factory=list)         # remarks that cost nothing
    leaderboard: dict = field(default_factory=dict)   # figures of merit: less is better
    seconds: float = 0.0
    processor: float = 0.0  # processor time in seconds

    def add(self, *arguments):
        self.rows.append(Row(*arguments))

    def took(self, started):
        """`started`: clocks() when the grade began."""
        self.seconds, self.processor = (now - then for now, then in zip(clocks(), started))

    @property
    def score(self):
        return sum(row.score for row in self.rows)

    @property
    def points(self):
        return sum(row.points for row in self.rows)

    @property
    def full(self):
        return self.score == self.points
