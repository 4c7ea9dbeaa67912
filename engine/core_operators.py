"""Every operator that needs no plugin."""

from engine.cases.operators import CASE_OPERATORS
from engine.registers.operators import REGISTER_OPERATORS

CORE_OPERATORS = (*CASE_OPERATORS, *REGISTER_OPERATORS)
