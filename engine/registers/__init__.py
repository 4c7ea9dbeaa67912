"""Registers (台账): lists that a department keeps, declared in a file, with history, search, import and export."""
