"""The group that all commands about campaigns belong to."""

from __future__ import annotations

import typer

campaign_app = typer.Typer(no_args_is_help=True, help="Campaigns 外呼活动.")
