"""The GRPO loop: TRL's `GRPOTrainer` with our scoring and our advantages in it.

    Sample -> captions (TRL, the policy) -> scores -> rows of all processes -> gate -> advantage
           -> loss (TRL)

Four methods of TRL are overridden, all private: `_generate_single_turn`, which writes captions in
pieces if that is asked for, `_generate`, after which the heads begin with the last of them,
`_calculate_rewards`, where their scores are waited for and credit is given, and
`_generate_and_score_completions`, whose advantages are replaced; and one of transformers,
`_save_checkpoint`, whose failure becomes one message. The model card is ours. A test fails loudly
if a release moves any of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from safetensors import SafetensorError
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from trl.models import unwrap_model_for_generation

from balcap.advantage.rule import AdvantageRule, progress_at
from balcap.analysis.card import model_card
from balcap.errors import RunError
from balcap.heads import Head
from balcap.heads.begun import Begun
from balcap.heads.judge_wait import JudgeWait
from balcap.heads.lengths import Unit
from balcap.policies import Policy, threads
from balcap.runs.folder import RunFolder
from balcap.runs.rollouts import Rollouts, Row, rows_of
from balcap.training import rng_state
from balcap.training.image_reader import ImageReader
from balcap.training.pieces import piece_of, pieces
from balcap.training.turns import as_dataset, sampling_order
from balcap.types import Caption, Sample

TORCH_CANNOT_WRITE = "PytorchStreamWriter"
"""In torch's RuntimeError for a file that it cannot write."""

OnRollouts = Callable[[int, Rollouts, dict[str, float]], None]
"""Called once a batch of rollouts on every process: step, rollouts, seconds by part."""


class CaptionTrainer(GRPOTrainer):  # type: ignore[misc]  # trl ships no types
    """GRPO on captions with several reward heads.

    Args:
        policy: the captioner to train.
        samples: what it captions; every one needs an image.
        heads: the reward heads, each with its own name.
        rule: gate, normaliser and weights.
        length_unit: what length ratios are counted in.
        on_rollouts: receives every batch of rollouts, for records and telemetry.
        args: TRL's settings; its reward settings are not used.
        judge_wait: with judges; default: as the settings' defaults.
        chunks: pieces in which each process's captions are written, by transformers.
        images: opens the samples' images; default: as many as there are may fail.
        peft_config: adapters to train instead of the weights, or None.
        callbacks: of the transformers trainer.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        samples: Sequence[Sample],
        heads: Sequence[Head[Any]],
        rule: AdvantageRule,
        length_unit: Unit,
        on_rollouts: OnRollouts,
        args: GRPOConfig,
        judge_wait: JudgeWait | None = None,
        chunks: int = 1,
        images: ImageReader | None = None,
        peft_config: Any = None,
        callbacks: list[TrainerCallback] | None = None,
    ) -> None:
        self.samples = samples
        self.heads = tuple(heads)
        self.rule = rule
        self.length_unit = length_unit
        self.on_rollouts = on_rollouts
        self.judge_wait = judge_wait or JudgeWait()
        self.chunks = chunks
        self.policy = policy
        self.images = images or ImageReader(samples, policy.family, 1.0)
        self._rng_before: tuple[int, rng_state.RngState] | None = None  # which step, and the state
        self._inputs: list[dict[str, Any]] = []
        self._begun: Begun | None = None
        self._rollouts: Rollouts | None = None
        self._seconds: dict[str, float] = {}
        super().__init__(
            model=policy.model,
            reward_funcs=[_named(head.name) for head in self.heads],
            args=args,
            train_dataset=as_dataset(samples, sampling_order(len(samples), args), self.images),
            processing_class=policy.processor,
            peft_config=peft_config,
            callbacks=callbacks,
        )

    def _calculate_rewards(
        self,
        inputs: list[dict[str, Any]],
        prompts: list[Any],
        completions: list[list[dict[str, str]]],
        completion_ids_list: list[list[int]],
    ) -> torch.Tensor:
        """Score this process's captions, bring all processes' rows together, give credit."""
        captions = self._captions(inputs, completions, completion_ids_list)
        begun, self._begun = self._begun, None
        matrix = self._credit(inputs, captions, begun).matrix
        values = torch.tensor(matrix.values).masked_fill(~torch.tensor(matrix.scored), torch.nan)
        return values.to(self.accelerator.device, torch.float32)  # TRL only logs from these

    def _credit(
        self, inputs: Sequence[Mapping[str, Any]], captions: list[Caption], begun: Begun | None
    ) -> Rollouts:
        """The next step's rollouts of all processes, once these captions are scored."""
        start = time.perf_counter()
        scored = self.judge_wait.score(self.heads, captions, begun)
        groups = [row["turn"] for row in inputs]
        rows: list[Row] = gather_object(
            rows_of(captions, groups, scored, self.length_unit, self.count_tokens)
        )
        names, step = [head.name for head in self.heads], self.state.global_step + 1
        self._rollouts = Rollouts.of(
            names, rows, self.rule, scored.usage, progress_at(step, self.args.max_steps)
        )
        self._seconds |= {f"score/{name}": took for name, took in scored.seconds.items()}
        self._seconds["score"] = time.perf_counter() - start
        return self._rollouts

    def _captions(
        self,
        inputs: Sequence[Mapping[str, Any]],
        completions: Sequence[list[dict[str, str]]],
        ids: Sequence[Sequence[int]],
    ) -> list[Caption]:
        return [
            Caption(self.samples[row["row"]], completion[0]["content"].strip(), len(tokens))
            for row, completion, tokens in zip(inputs, completions, ids, strict=True)
        ]

    def _generate_single_turn(
        self,
        prompt_ids: Any,
        images: Any,
        multimodal_fields: Any,
        num_generations: int,
        has_tool_images: bool = False,
    ) -> Any:
        """TRL's, once for each piece; the heads begin with one while the next is written."""
        rows = len(prompt_ids)
        if self.chunks == 1 or self.use_vllm:
            return super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
        written: list[list[int]] = []
        for piece in pieces(rows, num_generations, self.chunks):
            ids, _ = super()._generate_single_turn(
                prompt_ids[piece],
                images and images[piece],
                piece_of(multimodal_fields, rows, piece),
                num_generations,
                has_tool_images,
            )
            written += ids
            if piece.stop < rows:  # the last one is begun with by `_generate`
                self._begin(piece, self._decoded(ids), ids)
        return written, None

    def _decoded(self, ids: list[list[int]]) -> list[list[dict[str, str]]]:
        """Completions as TRL makes them of tokens."""
        texts = self.processing_class.batch_decode(ids, skip_special_tokens=True)
        return [[{"role": "assistant", "content": text}] for text in texts]

    def _generate(self, prompts: list[Any]) -> Any:
        """TRL's captions, which the heads begin to score while TRL processes the images once more
        and asks for old and reference log-probabilities. No number of a run changes."""
        self._begun = None
        output = super()._generate(prompts)
        _, ids, _, completions, *_ = output
        done = len(self._begun.captions) if self._begun else 0
        self._begin(slice(done, len(ids)), completions[done:], ids[done:])
        return output

    def _begin(
        self, piece: slice, completions: list[list[dict[str, str]]], ids: list[list[int]]
    ) -> None:
        """Let the heads begin with one piece of this process's captions."""
        captions = self._captions(self._inputs[piece], completions, ids)
        self._begun = self.judge_wait.begin(self.heads, captions, self._begun)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's rollouts with our advantages."""
        self._note_rng()
        start = time.perf_counter()
        output = self._write(inputs)
        self._seconds["generate"] = time.perf_counter() - start - self._seconds["score"]
        assert self._rollouts is not None, "TRL did not call _calculate_rewards"
        return self._credited(output, self._rollouts)

    def _note_rng(self) -> None:
        """What is drawn from here on will be drawn again if this step fails (`save_now`)."""
        self._rng_before = (self.state.global_step, rng_state.now())

    def _write(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """What TRL makes of this process's share of a batch: captions, and what the loss needs."""
        threads.write()
        self._inputs = self.images.agreed(inputs)
        output: dict[str, Any] = super()._generate_and_score_completions(self._inputs)
        return output

    def _credited(self, output: dict[str, Any], rollouts: Rollouts) -> dict[str, Any]:
        """TRL's output with our advantages in it; the rollouts are handed on."""
        share = len(output["advantages"])
        first = self.accelerator.process_index * share
        mine = rollouts.credit.advantage[first : first + share]
        output["advantages"] = torch.tensor(
            mine, dtype=output["advantages"].dtype, device=output["advantages"].device
        )
        self.on_rollouts(self.state.global_step + 1, rollouts, dict(self._seconds))
        threads.learn()
        return output

    @contextmanager
    def writer(self) -> Iterator[Policy]:
        """The policy as it is now, able to write: whole where its weights are sharded."""
        with (
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                gather_deepspeed3_params=self.args.ds3_gather_for_generation,
            ) as model,
            self._dist.summon_full_params(self.model_wrapped, recurse=False),
        ):
            yield Policy(model, self.policy.processor, self.policy.family)

    def save_now(self) -> None:
        """Write a checkpoint of the last whole step, between steps or after one that failed: whose
        captions are then written again as they were. Before the first step there is nothing to
        keep, and a run goes on from its beginning; nor is there amid several updates on one batch
        of rollouts, which a checkpoint does not hold."""
        if self.state.global_step % self.num_iterations or self.state.global_step == 0:
            return
        if self._rng_before is not None and self._rng_before[0] == self.state.global_step:
            rng_state.restore(self._rng_before[1])
        self._save_checkpoint(self.model, trial=None)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint; one that cannot be written ends the run with one message."""
        try:
            super()._save_checkpoint(model, trial)
            self._write_card()
        except (OSError, SafetensorError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and TORCH_CANNOT_WRITE not in str(error):
                raise
            raise RunError(
                f"cannot write the checkpoint of step {self.state.global_step} into "
                f"{self.args.output_dir}: {error}; earlier checkpoints are kept. Make room, then: "
                f"balcap train --resume {Path(self.args.output_dir).parent}"
            ) from error

    def _write_card(self) -> None:
        """A model card beside the weights; TRL's would know nothing of the rewards."""
        if not self.accelerator.is_main_process:
            return
        folder, step = Path(self.args.output_dir), self.state.global_step
        adapter = hasattr(self.model, "peft_config")
        card = model_card(RunFolder(folder.parent), adapter=adapter, step=step)
        (folder / f"checkpoint-{step}" / "README.md").write_text(card, encoding="utf-8")

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """TRL's own, which is not written."""

    def count_tokens(self, text: str) -> int:
        """Length of a text in the policy's tokens."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])


def _named(name: str) -> Callable[..., list[float]]:
    """A stand-in that gives TRL's logs the head's name; it is never called."""

    def stand_in(**_: Any) -> list[float]:
        raise AssertionError("balcap scores captions itself; TRL must not call this")

    stand_in.__name__ = name
    return stand_in
