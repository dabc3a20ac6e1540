"""`balcap sft`: the supervised baseline and warm start, TRL's `SFTTrainer` on references."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from balcap import distributed
from balcap.config import ResolvedSftSettings, SftSettings
from balcap.console import clock, number, say
from balcap.data import glance, load
from balcap.errors import UserError
from balcap.heads import dump
from balcap.logging import quiet, without_bars
from balcap.policies import Located, locate
from balcap.policies.adapters import continued, new_adapters
from balcap.policies.loading import computes_in_bf16, for_training
from balcap.policies.origin import find_origin, keep_origin
from balcap.policies.threads import keep_threads
from balcap.policies.trained import check_trained, in_words, trained_parameters
from balcap.runs import provenance
from balcap.runs.folder import RunFolder
from balcap.runs.lock import lock
from balcap.training.image_reader import ImageReader
from balcap.training.row_transform import RowTransform
from balcap.training.trainer_check import check_run_folder, check_trainer
from balcap.training.trl_args import micro_batch
from balcap.types import Sample

if TYPE_CHECKING:
    from datasets import Dataset


def run(asked: SftSettings) -> int:
    """Teach a policy the references; returns the exit code.

    Raises:
        UserError: if policy, data or settings do not fit, before a model is loaded.
    """
    origin = find_origin(asked, None)
    settings = continued(asked, origin).resolved()
    loaded = load(settings, settings.seed).train
    samples = glance.referenced(loaded)
    if not samples:
        raise UserError(
            f"0 of {len(loaded):,} samples of {settings.data} have a reference to learn from; "
            "give the data captions"
        )
    folder = RunFolder(settings.run or RunFolder.new_path(f"sft-{Path(settings.policy).name}"))
    check_run_folder(folder.path)
    check_trainer(
        settings,
        origin,
        lambda small, path: _trainer(small, locate(small.policy), samples, RunFolder(path)),
    )
    if distributed.is_first():
        folder.create(dump(settings))
        provenance.record(folder, glance.prompts(samples), ())
        say(f"run {folder.path}: policy {settings.policy}, {len(samples):,} samples")
    origin = keep_origin(folder, settings, origin)
    from balcap.training.signals import StopOnSignal  # transformers takes seconds to import

    stop = StopOnSignal()
    trainer = _trainer(settings, origin, samples, folder, [stop])
    counts = trained_parameters(trainer.model, origin.family)
    check_trained(counts, settings)
    if distributed.is_first():
        keep_threads(folder)
        say(in_words(counts, settings))
    with lock(folder), stop, without_bars(str(folder.path)):
        trainer.train()
    if stop.asked:
        return stop.exit_code
    if distributed.is_first():
        say(f"trained: balcap train --policy {folder.path}")
    return 0


def _trainer(
    settings: ResolvedSftSettings,
    origin: Located,
    samples: Sequence[Sample],
    folder: RunFolder,
    callbacks: Sequence[Any] = (),
) -> Any:
    from transformers import PrinterCallback, set_seed
    from trl import SFTTrainer

    quiet()
    set_seed(settings.seed)  # before any weight is drawn (huggingface/trl#6688)
    policy = for_training(settings, origin)
    trainer = SFTTrainer(
        model=policy.model,
        args=_config(settings, folder),
        train_dataset=as_dataset(
            samples,
            policy.processor.tokenizer,
            settings.max_tokens or 0,
            ImageReader(samples, policy.family, settings.max_bad),
        ),
        processing_class=policy.processor,
        peft_config=new_adapters(settings, policy),
        callbacks=[*callbacks, *([_progress(folder)] if distributed.is_first() else [])],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _config(settings: ResolvedSftSettings, folder: RunFolder) -> Any:
    import torch
    from trl import SFTConfig

    size = micro_batch(settings, distributed.count())
    length = {"num_train_epochs": settings.epochs}
    ours: dict[str, Any] = {
        "output_dir": str(folder.checkpoints),
        **({"max_steps": settings.steps} if settings.steps else length),
        "learning_rate": settings.lr,
        "lr_scheduler_type": "linear",
        "warmup_steps": settings.warmup,
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": settings.batch // (size * distributed.count()),
        "max_length": None,  # cutting tokens could cut image tokens; references are cut instead
        "completion_only_loss": True,
        "seed": settings.seed,
        "bf16": computes_in_bf16(settings),
        "use_cpu": not torch.cuda.is_available(),
        "gradient_checkpointing": settings.gradient_checkpointing,
        "save_strategy": "steps",
        "save_steps": settings.save_every,
        "save_total_limit": 1,
        "logging_steps": 10,
        "report_to": [],
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "dataloader_pin_memory": torch.cuda.is_available(),
    }
    return SFTConfig(**{**ours, **settings.trl})


def as_dataset(
    samples: Sequence[Sample], tokenizer: Any, max_tokens: int, images: ImageReader
) -> Dataset:
    """Samples as TRL's collator wants them: prompt, completion, and the image opened when read.

    Args:
        samples: with images and references.
        tokenizer: of the policy; only used to cut references.
        max_tokens: references are cut after this many tokens; 0 for no limit.
        images: opens them.
    """
    from datasets import Dataset

    def cut(text: str) -> str:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        return (
            text if len(ids) <= max_tokens or not max_tokens else tokenizer.decode(ids[:max_tokens])
        )

    def opened(batch: Mapping[str, list[int]]) -> dict[str, list[Any]]:
        found = [images.open(row) for row in batch["row"]]
        chosen = [samples[row] for row, _ in found]
        return {
            "prompt": [[{"role": "user", "content": s.prompt}] for s in chosen],
            "completion": [
                [{"role": "assistant", "content": cut(s.reference or "")}] for s in chosen
            ],
            "image": [image for _, image in found],
        }

    rows = Dataset.from_dict({"row": list(range(len(samples)))})
    return rows.with_transform(RowTransform(opened))


def _progress(folder: RunFolder) -> Any:
    """A callback that writes each logged loss down and shows it."""
    from transformers import TrainerCallback

    class Losses(TrainerCallback):  # type: ignore[misc]  # transformers' base is untyped here
        began = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "loss" not in logs:
                return
            kept = {name: float(logs[name]) for name in ("loss", "grad_norm", "learning_rate")}
            folder.add_metrics(state.global_step, kept)
            elapsed = time.monotonic() - self.began
            left = elapsed / state.global_step * (state.max_steps - state.global_step)
            say(
                f"step {state.global_step}/{state.max_steps}  loss {number(kept['loss'])}"
                f"  ETA {clock(left)}"
            )

    return Losses()
