"""Every operator that needs no plugin."""

from engine.cases.operators import CASE_OPERATORS
from engine.documents.operators import DOCUMENT_OPERATORS
from engine.registers.operators import REGISTER_OPERATORS

CORE_OPERATORS = (*CASE_OPERATORS, *REGISTER_OPERATORS, *DOCUMENT_OPERATORS)
