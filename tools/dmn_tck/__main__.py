"""Print, folder by folder, what of the DMN TCK passes, fails and is not in our language."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import click

from tools.dmn_tck.running import Tally, run_kit

EXPECTED = Path(__file__).with_name("counts.toml")


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--reasons", is_flag=True, help="Say why results are not in our language, folder by folder.")
@click.option("--expect", is_flag=True, help="Fail when the counts differ from those in tools/dmn_tck/counts.toml.")
def main(folder: Path, reasons: bool, expect: bool) -> None:
    """Run the kit in FOLDER; exit with 1 when something failed."""
    root = folder / "TestCases" if (folder / "TestCases").is_dir() else folder
    commit = read_commit(folder)
    click.echo(f"DMN TCK at {commit}\n{'':56} passed  failed  not ours")
    try:
        tallies = list(show(root, reasons))
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from error
    total = {
        "passed": sum(each.count("passed") for each in tallies),
        "failed": sum(each.count("failed") for each in tallies),
        "not_ours": sum(each.count("not ours") for each in tallies),
    }
    click.echo(f"{'all':56} {total['passed']:6}  {total['failed']:6}  {total['not_ours']:8}")
    click.echo(f"{sum(each.reported for each in tallies)} passed by reporting the error that the kit expects.")
    click.echo("\nNot in our language, by reason:")
    for reason, count in sum((each.reasons for each in tallies), Counter[str]()).most_common():
        click.echo(f"{count:6} × {reason}")
    if expect:
        compare(commit, total)
    sys.exit(1 if total["failed"] else 0)


def show(root: Path, reasons: bool) -> list[Tally]:
    """Run and print each folder."""
    tallies: list[Tally] = []
    for tally in run_kit(root):
        counts = f"{tally.count('passed'):6}  {tally.count('failed'):6}  {tally.count('not ours'):8}"
        click.echo(f"{tally.folder:56} {counts}")
        for outcome in tally.outcomes:
            if outcome.verdict == "failed":
                click.echo(f"    failed: {outcome.label}: {outcome.reason}")
        for reason, count in tally.reasons.most_common() if reasons else ():
            click.echo(f"    {count:5} × {reason}")
        tallies.append(tally)
    return tallies


def read_commit(folder: Path) -> str:
    """The commit the folder was checked out at, when git knows."""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else "an unknown commit"


def compare(commit: str, total: dict[str, int]) -> None:
    """Fail when the counts are not the recorded ones."""
    recorded = tomllib.loads(EXPECTED.read_text(encoding="utf-8"))
    if recorded["commit"] != commit:
        raise click.ClickException(f"the counts were recorded at {recorded['commit']}; check that out or record anew")
    if recorded["counts"] != total:
        raise click.ClickException(
            f"recorded were {recorded['counts']}; correct the engine, or counts.toml and the page"
        )


if __name__ == "__main__":
    main()
