"""table.py - the rows that were measured: medians, ratios, and whether each goal is reached, lost, or known as not reached yet."""
import os
import re
import statistics

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "README.md")
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
NOT_YET = "## Not reached yet"


class Table:
    def __init__(self):
        self.rows = {}  # (row, unit) -> {target: [values]}
        self.goals = {}

    def add(self, row, unit, target, value, goal):
        self.rows.setdefault((row, unit), {}).setdefault(target.name, []).append(value)
        self.goals[(row, unit)] = goal

    def lines(self):
        yield "| row | Ostler | Postfix, Dovecot | ratio (min-max) | goal | reached |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for key in self.rows:
            yield self.line(key)

    def values(self, key):
        ours, theirs = (self.rows[key].get(name, []) for name in ("ostler", "postfix+dovecot"))
        return ours, theirs, [(a / b if key[1].endswith("/s") else b / a) for a, b in zip(ours, theirs) if a > 0 and b > 0]

    def line(self, key):
        row, unit = key
        ours, theirs, ratios = self.values(key)
        show = lambda numbers: f"{statistics.median(numbers):.4g} {unit}" if numbers else "-"  # noqa: E731
        reached = {None: "-", True: "yes", False: "**no**"}[is_reached(self.goals[key], ours, ratios)]
        return f"| {row} | {show(ours)} | {show(theirs)} | {spread(ratios)} | {self.goals[key]} | {reached} |"

    def verdicts(self, known):
        """A line for each row with a goal, as tests print them. `known`: what is not reached yet, with the reason."""
        for key in self.rows:
            row, unit = key
            ours, _, ratios = self.values(key)
            reached = is_reached(self.goals[key], ours, ratios)
            if reached is None:
                continue
            name = f"bench: {row}: {spread(ratios) if self.goals[key].endswith('x') else f'{statistics.median(ours):.4g} {unit}'}, goal {self.goals[key]}"
            if reached:
                yield f"ok {name}"
            elif row in known:
                yield f"skip {name}: not reached yet: {known[row]}"
            else:
                yield f"FAIL {name}: lost; it is not among what tests/bench/README.md lists as not reached yet"


def spread(ratios):
    if not ratios:
        return "-"
    return f"{ratios[0]:.2f}x (once)" if len(ratios) == 1 else f"{statistics.median(ratios):.2f}x ({min(ratios):.2f}-{max(ratios):.2f})"


def is_reached(goal, ours, ratios):
    if goal.startswith("<"):
        return bool(ours) and statistics.median(ours) < float(goal[1:])
    if goal.endswith("x"):
        return bool(ratios) and statistics.median(ratios) >= float(goal[:-1])
    return None


def not_reached_yet(text=None):
    """README's rows below that heading, by their names in the table, each with where the time goes."""
    if text is None:
        with open(README, encoding="utf-8") as stream:
            text = stream.read()
    section = text[text.index(NOT_YET):].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", section, re.M)
    return {row: reached for row, reached, _ in rows if row not in ("row", "---")}
