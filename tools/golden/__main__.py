"""Keep the states of the present code as a new golden generation; says where, or why there is nothing to keep.

Run it when the state format (``engine.workflow.codec.FORMAT``) or the pinned SpiffWorkflow changed, and commit what it
writes with that change. A generation that was released is never touched again.
"""

from __future__ import annotations

import argparse
import sys

from tools.golden.keeping import GenerationExists, keep_generation


def main() -> None:
    """Keep a generation."""
    argparse.ArgumentParser(prog="python -m tools.golden", description=__doc__).parse_args()
    try:
        print(f"kept in {keep_generation()}")
    except GenerationExists as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
