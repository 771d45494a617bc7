"""`jigai models`: the built-in vector model as files that other tools read."""

from __future__ import annotations

from pathlib import Path

import click

from marketplace.commands.runtime import Runtime, Stop, tell


@click.group("models")
def models() -> None:
    """向量模型：导出自带的模型。 / Vector models: export the built-in one."""


@models.command("export-builtin")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--base", is_flag=True, help="不并入行业训练 / without what was learned of the domain")
@click.option(
    "--delta", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="并入自己训练的 delta.npz / a delta of your own"
)
@click.pass_obj
def export_builtin(runtime: Runtime, folder: Path, base: bool, delta: Path | None) -> None:
    """把自带模型写成 sentence-transformers 文件夹，供 JIGAI_EMBEDDER=st:FOLDER 或别的工具使用，约 480 MB。

    The built-in weights as a sentence-transformers folder; it shares its vectors with the built-in model.
    """
    from indexer.builtin_export import export_builtin as write
    from indexer.embedding import BuiltinEmbedder, DomainEmbedder
    from indexer.onnx_model import DELTA_FILE, OnnxEmbedder
    from indexer.query import Embedder

    if base and delta:
        raise Stop("--base 与 --delta 不能同用：前者不并入任何训练结果。")
    graphs = runtime.settings.data_dir / "models"
    try:
        embedder: Embedder = BuiltinEmbedder() if base else OnnxEmbedder(graphs, delta) if delta else DomainEmbedder(graphs)
        write(folder, embedder, delta=None if base else delta or DELTA_FILE)
    except FileExistsError:
        raise Stop(f"{folder} 不是空文件夹，请另选一个，或先清空它。") from None
    except OSError as error:
        raise Stop(f"{error.filename or folder} 写不了：{error.strerror or error}。请检查权限和磁盘空间。") from None
    tell(f"已写入 {folder}。使用：JIGAI_EMBEDDER=st:{folder.resolve()}（需要 jigai[transformers]）。")
