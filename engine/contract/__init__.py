"""What every plugin promises, tried out: for pytest, for ``wangge plugin test``, for whoever writes a plugin."""
