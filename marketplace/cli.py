"""The command line. Commands are loaded when they are called, so that help costs nothing."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

import click

from indexer.embedder_error import EmbedderError
from marketplace.commands.runtime import Runtime, Stop
from marketplace.domain.rankers import RankerMissingError

# name → module under marketplace.commands, one line of help. A test compares the help with the commands' own.
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("serve", "启动网站（网页、接口、索引工作线程） / serve pages, API and the index worker"),
    "demo": ("data", "载入示例数据和演示账号 / load the demonstration set"),
    "init": ("data", "建立正式站点和第一位管理员 / set up a real site"),
    "import": ("data", "从文件或文件夹导入 / import a file or folder"),
    "template": ("data", "导出要填的 Excel 表 / write the sheet to fill in"),
    "search": ("search", "搜索方案、场景、问题、服务商 / search"),
    "recommend": ("search", "为问题推荐方案和服务商 / solutions for a problem or an enterprise"),
    "index": ("index", "索引：状态、同步、重建、核对、批量算向量 / status, sync, rebuild, reconcile, embed"),
    "jobs": ("jobs", "后台任务：列出、重试 / the job queue: list, retry"),
    "worker": ("serve", "单独运行索引工作进程 / run the index worker by itself"),
    "backup": ("backup", "把整个站点备份成一个文件 / back up the whole site into one file"),
    "restore": ("backup", "从备份恢复到空的资料目录 / restore a backup into an empty data folder"),
    "copy": ("copy", "把整个站点搬进 PostgreSQL / move a whole site into PostgreSQL"),
    "evaluate": ("evaluate", "用评测集评价检索与推荐 / measure on a judged set in BEIR form"),
    "suggestions": ("suggestions", "评价填写问题时的建议 / measure what is suggested for a problem"),
    "models": ("models", "向量模型：导出自带的模型 / vector models: export the built-in one"),
    "train": ("train", "从对接结果训练排序模型；--embedder 训练向量模型 / train the ranker, or the vector model"),
    "rankers": ("rankers", "排序模型：列出、启用、退回 / rankers: list, use, roll back"),
    "doctor": ("doctor", "检查这台机器和这个站点 / check machine and site"),
    "audit": ("audit", "历史记录：核对哈希链、记锚点 / the history: verify its chain, anchor its end"),
}


class Commands(click.Group):
    """Loads a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"marketplace.commands.{COMMANDS[cmd_name][0]}")
        for value in vars(module).values():
            if isinstance(value, click.Command) and value.name == cmd_name:
                return value
        return None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (EmbedderError, RankerMissingError) as error:
            # Any command may be the first to need a model.
            raise Stop(str(error)) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("命令 / commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="jigai", prog_name="jigai")
@click.pass_context
def main(ctx: click.Context) -> None:
    """技改供需对接平台：从企业的问题清单到合适的方案和服务商。

    Settings come from the environment (JIGAI_…), see docs/settings.md.
    """
    if ctx.obj is None:
        ctx.obj = Runtime()
        ctx.call_on_close(ctx.obj.close)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        return
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")


if __name__ == "__main__":
    main()
