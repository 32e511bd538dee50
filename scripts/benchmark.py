"""How long the mart takes, beside a plain translation of the models, DuckDB and the bare scan.

Makes the data sets once, runs the contenders one after the other, each in a process of its own,
repeats that, checks that all results are equal, and prints medians, spreads and ratios with their
targets. It needs the dependency group `tests`, and at scale 1 some 10 GB of disk and of memory.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.benchmarking.contenders import CONTENDERS  # noqa: E402 - needs the path above
from scripts.benchmarking.data_set import SpaceError  # noqa: E402
from scripts.benchmarking.measure import CHILD_COMMANDS  # noqa: E402
from scripts.benchmarking.process import Workshop  # noqa: E402
from scripts.benchmarking.report import print_report, save_results  # noqa: E402
from scripts.benchmarking.scenarios import SCENARIOS, run_scenario  # noqa: E402


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenario", choices=(*SCENARIOS, "all"), default="base")
    parser.add_argument(
        "--scale",
        type=positive,
        default=1.0,
        help="1 is 1 million customers and 55 million facts; above 1 only facts are added",
    )
    parser.add_argument("--repeat", type=positive_number, default=3)
    parser.add_argument(
        "--contenders",
        type=contenders,
        default=CONTENDERS,
        metavar="NAME,NAME",
        help=f"which of {', '.join(CONTENDERS)} (default: all that the scenario has)",
    )
    parser.add_argument("--driver-memory", default="8g", help="of every Spark contender")
    parser.add_argument(
        "--no-warm-up",
        dest="warms_up",
        action="store_false",
        help="time cold processes: for a quick look at the results",
    )
    parser.add_argument(
        "--work", type=Path, default=ROOT / "benchmark", help="folder of data sets and outputs"
    )
    parser.add_argument("--save", type=Path, metavar="FILE.json", help="every measurement")
    parser.add_argument("--picture", type=Path, metavar="FILE.svg", help="the ratios drawn")
    return parser.parse_args()


def contenders(text: str) -> tuple[str, ...]:
    """Names of contenders, in the order in which they run."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in CONTENDERS:
            raise argparse.ArgumentTypeError(f"{name} is not one of {', '.join(CONTENDERS)}")
    return tuple(name for name in CONTENDERS if name in names)


def positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def positive_number(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def main() -> int:
    """Returns 0 when every contender finished and all results are equal, else 1.

    A scenario for which the disk is too small is left out of all, and counts as not finished.
    """
    if sys.argv[1:2] and sys.argv[1] in CHILD_COMMANDS:
        answer = CHILD_COMMANDS[sys.argv[1]](json.loads(sys.argv[2]))
        print(json.dumps(answer))
        return 0
    args = arguments()
    script, work = Path(__file__).resolve(), args.work.resolve()
    workshop = Workshop(script, work, args.driver_memory, args.warms_up)
    is_sound = True
    for name in SCENARIOS if args.scenario == "all" else (args.scenario,):
        try:
            result = run_scenario(name, workshop, args.scale, args.repeat, args.contenders)
        except SpaceError as too_small:
            print(f"{name} is left out: {too_small}", file=sys.stderr)
            is_sound = False
            continue
        print_report(result)
        is_sound &= result.is_sound
        save_results(result, args.save, args.picture)
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
