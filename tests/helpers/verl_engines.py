"""verl's interface, twice: as verl 0.9.1 publishes it, in a few lines, and verl itself."""

from __future__ import annotations

import shlex
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from balcap.integrations.verl.settings import ARGUMENTS, words

GROUP = 4


class Letters:
    """A tokenizer with a token a letter."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]

    def decode(self, ids: Any, skip_special_tokens: bool) -> str:
        assert skip_special_tokens
        return "".join(chr(each) for each in ids.tolist())


class Engine(ABC):
    """What a test does with verl."""

    config: Any

    @abstractmethod
    def manager(self) -> Any:
        """A reward manager, in an event loop."""

    @abstractmethod
    def rollout(self, text: str, fields: Mapping[str, Any]) -> Any:
        """What verl's agent loop gives a reward manager (`AgentLoopWorker._compute_score`)."""

    @abstractmethod
    def stored(self, rows: Sequence[dict[str, Any]], keys: list[str], tags: list[Any]) -> Any:
        """A batch of rows in verl's queue."""

    @abstractmethod
    def trained_on(self, batch: Any) -> list[list[float]]:
        """The advantages in the queue, of each token of each row."""

    def trainer(self) -> Any:
        """verl's trainer of the name that balcap's arguments have, at the 1st of 10 steps."""
        import balcap.integrations.verl.plugin  # noqa: F401  # verl does, where it is installed

        trainers = sys.modules["verl.trainer.ppo.v1.trainer_base"]
        trainer = trainers.TRAINER_REGISTRY[self.config.trainer.v1.trainer_mode](self.config)
        trainer.global_steps, trainer.total_training_steps = 1, 10
        return trainer


class Published(Engine):
    """The signatures and the order of calls of verl 0.9.1, without Ray and models."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        for name in (
            "manager",
            "plugin",
            "trainer",
        ):  # their bases are of who came first
            patch.setitem(sys.modules, f"balcap.integrations.verl.{name}", ModuleType(name))
            del sys.modules[f"balcap.integrations.verl.{name}"]
        self.rows: dict[str, dict[str, Any]] = {}
        for module in self._modules():
            patch.setitem(sys.modules, module.__name__, module)
        self.config = _as_attributes({
            **ARGUMENTS,
            "algorithm.use_kl_in_reward": False,
            "reward.reward_model.enable": False,
            "actor_rollout_ref.rollout.n": GROUP,
        })  # fmt: skip

    def manager(self) -> Any:
        from balcap.integrations.verl.manager import BalcapRewardManager

        return BalcapRewardManager(
            config=self.config, tokenizer=Letters(), compute_score=None,
            reward_router_address=None, reward_model_tokenizer=None,
        )  # fmt: skip

    def rollout(self, text: str, fields: Mapping[str, Any]) -> Any:
        tokens = torch.tensor(Letters().encode(text), dtype=torch.int64)
        item = SimpleNamespace(
            batch={"responses": tokens, "attention_mask": torch.ones(3 + len(tokens))},
            non_tensor_batch={name: np.array([value])[0] for name, value in fields.items()},
        )
        return [item]

    def stored(self, rows: Sequence[dict[str, Any]], keys: list[str], tags: list[Any]) -> Any:
        self.rows = dict(zip(keys, rows, strict=True))
        return SimpleNamespace(keys=keys, tags=tags, partition_id="train")

    def trained_on(self, batch: Any) -> list[list[float]]:
        return [self.rows[key]["advantages"].tolist() for key in batch.keys]

    def _modules(self) -> list[ModuleType]:
        rows, estimators = self, {}
        trainers: dict[str, type] = {}

        class RewardManagerBase:
            def __init__(self, config: Any, tokenizer: Any, compute_score: Any) -> None:
                self.tokenizer = tokenizer

        class PPOTrainerSync:
            def __init__(self, config: Any) -> None:
                self.config, self.trainer_mode = config, config.trainer.v1.trainer_mode
                self.replay_buffer = self._build_replay_buffer()

            def _build_replay_buffer(self) -> Any:
                return type("ReplayBuffer" if self.trainer_mode == "sync" else "Async", (), {})()

            def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
                masks = [rows.rows[key]["response_mask"] for key in batch.keys]
                mask = torch.nn.utils.rnn.pad_sequence(masks, batch_first=True)
                advantages, returns = estimators[self.config.algorithm.adv_estimator](
                    token_level_rewards=torch.zeros_like(mask), response_mask=mask,
                    config=self.config.algorithm, index=np.array(batch.keys),
                )  # fmt: skip
                assert returns.shape == mask.shape
                for key, row, its in zip(batch.keys, advantages, masks, strict=True):
                    rows.rows[key]["advantages"] = row[: len(its)]
                return batch

            def _val_metrics_update(
                self, data_sources: Any, sample_uids: Any, reward_extra_infos_dict: Any,
                sample_turns: Any, expected_acc_counts: Any = None,
            ) -> dict[str, float]:  # fmt: skip
                return {"val-core": 1.0}

        def kv_batch_get(
            keys: list[str], partition_id: str, select_fields: list[str]
        ) -> dict[str, Any]:
            assert partition_id == "train"
            return {
                field: np.array([rows.rows[key][field] for key in keys], dtype=object)
                for field in select_fields
            }

        def registering(table: dict[str, Any]) -> Any:
            return lambda name: lambda what: table.setdefault(name, what)

        members: dict[str, dict[str, Any]] = {
            "verl.experimental.reward_loop.reward_manager.base": {
                "RewardManagerBase": RewardManagerBase
            },
            "verl.trainer.ppo.core_algos": {"register_adv_est": registering(estimators)},
            "verl.trainer.ppo.v1.trainer_base": {
                "register_trainer": registering(trainers), "TRAINER_REGISTRY": trainers,
            },
            "verl.trainer.ppo.v1.trainer_sync": {"PPOTrainerSync": PPOTrainerSync},
            "transfer_queue": {"kv_batch_get": kv_batch_get},
        }  # fmt: skip
        return [module for name, held in members.items() for module in _with_packages(name, held)]


class Itself(Engine):
    """verl 0.9 with its queue, in Ray."""

    def __init__(self) -> None:
        from hydra import compose, initialize_config_module

        given = [
            *shlex.split(words()), f"actor_rollout_ref.rollout.n={GROUP}",
            "data.train_batch_size=2", "transfer_queue.enable=true",
            "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
        ]  # fmt: skip
        with initialize_config_module("verl.trainer.config", version_base=None):
            self.config = compose("ppo_trainer", overrides=given)

    @contextmanager
    def running(self) -> Iterator[None]:
        import ray
        import transfer_queue as tq

        ray.init(num_cpus=8, include_dashboard=False)  # as Ray counts: each actor asks for one
        tq.init(self.config.transfer_queue)
        yield
        tq.close()
        ray.shutdown()

    def manager(self) -> Any:
        from verl.trainer.ppo.reward import load_reward_manager

        return load_reward_manager(self.config, Letters(), reward_router_address=None)

    def rollout(self, text: str, fields: Mapping[str, Any]) -> Any:
        from tensordict import TensorDict
        from verl import DataProto

        tokens = torch.tensor([Letters().encode(text)], dtype=torch.int64)
        batch = {
            "prompts": torch.ones(1, 3, dtype=torch.int64),
            "responses": tokens,
            "attention_mask": torch.ones(1, 3 + tokens.shape[1], dtype=torch.int64),
        }
        columns = {name: np.array([value]) for name, value in fields.items()}
        return DataProto(TensorDict(batch, batch_size=1), columns)

    def stored(self, rows: Sequence[dict[str, Any]], keys: list[str], tags: list[Any]) -> Any:
        import transfer_queue as tq
        from verl.utils.tensordict_utils import list_of_dict_to_tensordict

        fields = list_of_dict_to_tensordict(list(rows))
        tq.kv_batch_put(keys=keys, partition_id="train", fields=fields, tags=tags)
        return tq.KVBatchMeta(keys=keys, tags=tags, partition_id="train")

    def trained_on(self, batch: Any) -> list[list[float]]:
        import transfer_queue as tq

        found = tq.kv_batch_get(keys=batch.keys, partition_id="train", select_fields=["advantages"])
        return [row.tolist() for row in found["advantages"].unbind()]


def _with_packages(name: str, members: Mapping[str, Any]) -> Iterator[ModuleType]:
    """The packages above a module, and the module."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        module = ModuleType(".".join(parts[:end]))
        module.__path__ = []
        vars(module).update(members if end == len(parts) else {})
        yield module


def _as_attributes(flat: Mapping[str, Any]) -> SimpleNamespace:
    root = SimpleNamespace()
    for key, value in flat.items():
        *folders, last = key.split(".")
        place = root
        for folder in folders:
            if not hasattr(place, folder):
                setattr(place, folder, SimpleNamespace())
            place = getattr(place, folder)
        setattr(place, last, value)
    return root
