"""How a command ends that cannot do what was asked."""

from __future__ import annotations

from typing import Any

import click


class Stop(click.ClickException):
    """One sentence on stderr and exit status 2: the command cannot do what was asked, and nothing was changed."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)
