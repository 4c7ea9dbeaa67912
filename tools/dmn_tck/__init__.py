"""Run the DMN Technology Compatibility Kit against our decisions (docs/reference/dmn-tck.md).

The kit is not part of this project; name the folder it was fetched to: ``python -m tools.dmn_tck FOLDER``.
"""
