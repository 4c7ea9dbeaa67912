"""Explain a case in plain words: why it is here, who can move it, what comes next, what happens when time is up."""

from engine.explain.explaining import explain_case
from engine.explain.values import Choice, Explanation, PastStep, PossibleAction, TimeUp, WaitingTask, Way

__all__ = ["Choice", "Explanation", "PastStep", "PossibleAction", "TimeUp", "WaitingTask", "Way", "explain_case"]
