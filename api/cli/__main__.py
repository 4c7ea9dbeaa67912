"""``python -m api.cli``: the command line without its installed script."""

from api.cli import main

if __name__ == "__main__":
    main(prog_name="wangge")
