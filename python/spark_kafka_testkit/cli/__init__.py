"""The command line: `spark-kafka-testkit`, or `python -m spark_kafka_testkit`.

Exit codes: 0 done, 1 it failed and stderr says why, 2 the command was not understood, 3
no broker is up, 130 interrupted, 141 nobody reads the output.
"""

from __future__ import annotations

import logging
from typing import Any

import click
from click.shell_completion import get_completion_class

from spark_kafka_testkit._version import __version__
from spark_kafka_testkit.cli import _brokers, _doctor, _prepare, _records, _topics
from spark_kafka_testkit.cli._errors import told
from spark_kafka_testkit.cli._interrupts import INTERRUPTED, answering_interrupts
from spark_kafka_testkit.cli._streams import guard_streams
from spark_kafka_testkit.errors import KafkaTestkitError

__all__ = ["cli", "main"]

log = logging.getLogger("spark_kafka_testkit")

NAME = "spark-kafka-testkit"


class _Commands(click.Group):
    """Reports the kit's errors as a command does: with a line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except (KafkaTestkitError, OSError, ValueError) as error:
            log.info("Raised here:", exc_info=error)  # it may be a fault in the kit
            raise _with_notes(error, told(error)) from error
        except click.ClickException as error:
            if hasattr(error, "__notes__"):
                raise _with_notes(error, error.message) from error
            raise


def _with_notes(error: Exception, text: str) -> click.ClickException:
    """A command's error with its notes.

    They say what was sent before, and what is left.
    """
    between = "\n" if "\n" in text else " "
    return click.ClickException(between.join([text, *getattr(error, "__notes__", ())]))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 success, 1 failure (stderr says why), 2 the command was not "
    "understood, 3 no broker is up, 130 interrupted, 141 nobody reads the output.",
)
@click.version_option(__version__, prog_name=NAME, message="%(prog)s %(version)s")
@click.option("-v", "--verbose", is_flag=True, help="Print more to stderr.")
def cli(verbose: bool) -> None:
    """Kafka for PySpark tests: a broker that stays, and what is in it."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR, format="%(message)s"
    )
    if not verbose:
        # the kit's errors say more clearly what Kafka's clients log about a missing
        # broker
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
    log.setLevel(logging.INFO if verbose else logging.WARNING)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: eval "$(spark-kafka-testkit completion bash)"
    """
    completion_class = get_completion_class(shell)
    assert completion_class is not None
    variable = f"_{NAME}_COMPLETE".replace("-", "_").upper()
    click.echo(completion_class(cli, {}, NAME, variable).source())


for command in (
    *_brokers.COMMANDS,
    *_topics.COMMANDS,
    *_records.COMMANDS,
    _doctor.doctor,
    _prepare.prepare,
):
    cli.add_command(command)


def main() -> None:
    """Run the command in the process's arguments, and exit."""
    guard_streams()
    with answering_interrupts():
        cli(prog_name=NAME)
